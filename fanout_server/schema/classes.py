"""From attrs classes to JSON schemas: what ``codec`` writes of them, or reads into them."""

from __future__ import annotations

import enum
import inspect
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from fanout_server import codec

Schema = dict[str, Any]

_SCALARS: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    Any: {},
}


class NoSchemaError(TypeError):
    """A type that this module does not know, or two classes of one name."""


class Definitions:
    """The ``$defs`` of one document. ``known`` has the schemas of types that are not to be looked into."""

    def __init__(self, known: Mapping[Any, Schema] | None = None) -> None:
        self.schemas: dict[str, Schema] = {}
        self._known = {**_SCALARS, **(known or {})}
        self._classes: dict[str, type] = {}

    def written(self, cls: Any) -> Schema:
        """What is sent. Clients that meet a key which they do not know should leave it alone, so others are allowed."""
        return self._of(cls, closed=False)

    def read(self, cls: Any) -> Schema:
        """What is taken: no other keys, and null for what may be left out."""
        return self._of(cls, closed=True)

    def _of(self, cls: Any, *, closed: bool) -> Schema:
        if cls in self._known:
            return dict(self._known[cls])
        origin, arguments = get_origin(cls), get_args(cls)
        if origin in {Union, types.UnionType}:
            return {"anyOf": [self._of(one, closed=closed) for one in arguments]}
        if origin is Literal:
            return {"enum": list(arguments)}
        if origin is tuple and arguments[1:] == (...,):
            return {"type": "array", "items": self._of(arguments[0], closed=closed)}
        if origin is Mapping and arguments[0] is str:
            return {"type": "object", "additionalProperties": self._of(arguments[1], closed=closed)}
        if isinstance(cls, type) and (attrs.has(cls) or issubclass(cls, enum.StrEnum)):
            return self._reference(cls, closed=closed)
        raise NoSchemaError(f"{cls} has no schema.")

    def _reference(self, cls: type, *, closed: bool) -> Schema:
        name = cls.__name__
        if self._classes.setdefault(name, cls) is not cls:
            raise NoSchemaError(f"{cls} and {self._classes[name]} have the same name.")
        if name not in self.schemas:
            # A class may hold itself.
            self.schemas[name] = {}
            self.schemas[name] = self._enum(cls) if issubclass(cls, enum.StrEnum) else self.object(cls, closed=closed)
        return {"$ref": f"#/$defs/{name}"}

    def _enum(self, cls: type[enum.StrEnum]) -> Schema:
        return {**described(cls), "type": "string", "enum": [one.value for one in cls]}

    def object(self, cls: type, *, closed: bool) -> Schema:
        """The schema of an attrs class itself, not a reference to it."""
        fields = attrs.fields(attrs.resolve_types(cls))
        schema: Schema = {
            **described(cls),
            "type": "object",
            "properties": {codec.key(cls, one.name): self._field(one, closed=closed) for one in fields},
        }
        required = [codec.key(cls, one.name) for one in fields if one.default is attrs.NOTHING]
        if required:
            schema["required"] = required
        if closed:
            schema["additionalProperties"] = False
        return schema

    def _field(self, one: attrs.Attribute[Any], *, closed: bool) -> Schema:
        kind = one.type
        if one.default is None and not closed:
            # It is left out rather than null.
            left = [part for part in get_args(kind) if part is not types.NoneType]
            return self._of(left[0] if len(left) == 1 else Union[tuple(left)], closed=closed)  # noqa: UP007  made at run time
        schema = self._of(kind, closed=closed)
        default: Any = one.default
        if hasattr(default, "factory"):
            default = default.factory()
        if default is not attrs.NOTHING and default is not None and not attrs.has(type(default)):
            schema["default"] = codec.to_dict(default)
        return schema


def described(cls: type) -> Schema:
    """The class's docstring as the schema's description, each paragraph in a line."""
    text = cls.__dict__.get("__doc__")
    if not text:
        return {}
    paragraphs = inspect.cleandoc(text).replace("``", "`").split("\n\n")
    return {"description": "\n\n".join(" ".join(one.split()) for one in paragraphs)}
