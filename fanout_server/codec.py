"""Model objects to JSON and back: camelCase keys, a ``type`` on each event, defaults left out.

What is read is checked strictly: a number does not become a string, an unknown key is an error.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, get_args

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from fanout_server import run_events

T = TypeVar("T")


def camel(name: str) -> str:
    """``run_id`` -> ``runId``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def event_type(cls: type) -> str:
    """What ``type`` says in an event's JSON."""
    return cls.__name__[0].lower() + cls.__name__[1:]


def key(cls: type, name: str) -> str:
    """What a field is called in JSON."""
    if issubclass(cls, run_events.Event) and name == "run":
        return "runId"
    return camel(name)


@functools.cache
def _unstructure_hook(converter: cattrs.Converter, cls: Any) -> Any:
    renames: dict[str, Any] = {a.name: override(rename=key(cls, a.name)) for a in attrs.fields(cls)}
    return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **renames)


@functools.cache
def _structure_hook(converter: cattrs.Converter, cls: Any) -> Any:
    renames: dict[str, Any] = {a.name: override(rename=key(cls, a.name)) for a in attrs.fields(cls)}
    return make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, **renames
    )


def _strict(value: Any, cls: type) -> Any:
    """Scalars as they are: bool is no int, int is a float, nothing is turned into a string."""
    ok = isinstance(value, cls) and not (cls is not bool and isinstance(value, bool))
    if cls is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not ok:
        raise TypeError(f"expected {cls.__name__}, got {type(value).__name__}")
    return value


def new_converter() -> cattrs.Converter:
    """A converter with the rules of this module, for others to add their own classes to."""
    converter = cattrs.Converter(unstruct_collection_overrides={tuple: list, Mapping: dict})
    for scalar in (str, int, float, bool):
        converter.register_structure_hook(scalar, _strict)
    # A hook for str catches the string enums too, were there none closer to them.
    converter.register_structure_hook(StrEnum, lambda value, cls: cls(_strict(value, str)))
    converter.register_unstructure_hook_factory(attrs.has, lambda cls: _unstructure_hook(converter, cls))
    converter.register_structure_hook_factory(attrs.has, lambda cls: _structure_hook(converter, cls))
    return converter


CONVERTER = new_converter()
_EVENT_TYPES: dict[str, type[run_events.Event]] = {event_type(cls): cls for cls in get_args(run_events.AnyEvent)}


def to_dict(value: Any) -> Any:
    return CONVERTER.unstructure(value)


def from_dict(data: Any, cls: type[T]) -> T:
    return CONVERTER.structure(data, cls)


def event_to_dict(event: run_events.Event) -> dict[str, Any]:
    return {"type": event_type(type(event)), **CONVERTER.unstructure(event)}


def event_from_dict(data: Mapping[str, Any]) -> run_events.Event:
    """Raises ``cattrs`` errors or ``KeyError`` for what no version of this class ever wrote."""
    rest = dict(data)
    return CONVERTER.structure(rest, _EVENT_TYPES[rest.pop("type")])


def event_to_json(event: run_events.Event) -> str:
    """One line of ASCII: surrogate escapes of odd file names survive any encoding on the way."""
    return json.dumps(event_to_dict(event), separators=(",", ":"))


def event_from_json(text: str) -> run_events.Event:
    return event_from_dict(json.loads(text))
