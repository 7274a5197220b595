"""From JSON to the protocol's messages, strictly, and with a sentence for what is wrong.

pygls answers a message that it cannot read with a popup, or not at all. Here every request gets an answer.
"""

from __future__ import annotations

import enum
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

import cattrs
from attrs import frozen
from cattrs.errors import AttributeValidationNote, ForbiddenExtraKeysError, IterableValidationNote
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcInvalidRequest, JsonRpcParseError
from pygls.protocol import default_converter

_log = logging.getLogger(__name__)

_PRUNINGS = 16
_NAMES: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class Unreadable(Exception):
    """A message that is none. ``id`` is the request's, where it had one that can be answered."""

    def __init__(self, error: JsonRpcException, message_id: int | str | None) -> None:
        super().__init__(error.message)
        self.error = error
        self.id = message_id


@frozen
class Problem:
    """One thing wrong with a JSON value: where (keys and indexes), and what."""

    path: tuple[str | int, ...]
    text: str

    @property
    def place(self) -> str:
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text

    def __str__(self) -> str:
        return f"'{self.place}' {self.text}" if self.path else f"the message {self.text}"


def name_of(value: object) -> str:
    """A JSON value's type in words."""
    return _NAMES.get(type(value), type(value).__name__)


def parse(body: bytes) -> dict[str, Any]:
    """One message as a mapping that is a request, a notification or a response. Raises Unreadable."""
    try:
        data = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable(JsonRpcParseError(f"That is no JSON: {error}"), None) from error
    if not isinstance(data, dict):
        raise Unreadable(JsonRpcInvalidRequest(f"A message is an object; this is {name_of(data)}."), None)
    message_id = data.get("id")
    if isinstance(message_id, float) and message_id.is_integer():
        # Editors whose language knows one kind of number write 1.0.
        data["id"] = message_id = int(message_id)
    if isinstance(message_id, bool) or not isinstance(message_id, int | str | None):
        raise Unreadable(JsonRpcInvalidRequest("An id is a string or a whole number."), None)
    if data.get("jsonrpc") != "2.0":
        raise Unreadable(JsonRpcInvalidRequest("A message has 'jsonrpc': '2.0'."), message_id)
    method = data.get("method")
    if method is None and not ("result" in data or "error" in data or "id" in data):
        raise Unreadable(JsonRpcInvalidRequest("A message has a 'method', a 'result' or an 'error'."), message_id)
    if method is not None and not isinstance(method, str):
        raise Unreadable(JsonRpcInvalidRequest(f"'method' is a string, not {name_of(method)}."), message_id)
    return data


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def converter() -> cattrs.Converter:
    """lsprotocol's, but a number does not become a string nor a string a truth."""
    made: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call] # pygls has no types here
    for scalar in (str, bool, int, float):
        made.register_structure_hook(scalar, _strict)
    made.register_structure_hook_func(_is_name, _name)
    return made


def _is_name(cls: Any) -> bool:
    """Whether it is the type of ids and tokens. lsprotocol lets anything through there, what has no hash too."""
    kinds = set(get_args(cls))
    return get_origin(cls) in {Union, UnionType} and {int, str} <= kinds <= {int, str, type(None)}


def _name(value: Any, cls: Any) -> int | str | None:
    if value is None and type(None) in get_args(cls):
        return None
    if isinstance(value, str):
        return value
    try:
        return int(_strict(value, int))
    except TypeError as error:
        raise TypeError(f"should be a string or a whole number, but is {name_of(value)}") from error


def _strict(value: Any, cls: type) -> Any:
    if issubclass(cls, enum.Enum):
        # lsprotocol's enums are strings or numbers too, and so come here.
        return cls(_strict(value, str if issubclass(cls, str) else int))
    if cls is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if cls is int and isinstance(value, float) and value.is_integer():
        return int(value)  # editors whose language knows one kind of number write 1.0
    if not isinstance(value, cls) or (cls is not bool and isinstance(value, bool)):
        raise TypeError(f"should be {_NAMES[cls]}, but is {name_of(value)}")
    return value


def structure(made: cattrs.Converter, data: dict[str, Any], cls: type) -> Any:
    """The message as lsprotocol's class. Raises JsonRpcInvalidParams that says which key is wrong.

    What cannot be read of an ``initialize`` is left out: a capability unknown to us must not keep the editor out.
    """
    attempts = _PRUNINGS if data.get("method") == types.INITIALIZE else 0
    if attempts:
        data = _completed(data)
    while True:
        try:
            return made.structure(data, cls)
        except Exception as error:
            # cattrs' hooks raise whatever the data made them raise.
            found = tuple(problems(error))
            if not attempts or not _prune(data, [problem.path for problem in found]):
                said = "; ".join(str(problem) for problem in found)
                raise JsonRpcInvalidParams(f"{data.get('method', 'The message')}: {said}.") from error
            _log.info("left out of initialize: %s", "; ".join(str(problem) for problem in found))
            data = _completed(data)
            attempts -= 1


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """An ``initialize`` with all that one must have."""
    params = data.get("params")
    known = params if isinstance(params, dict) else {}
    return {**data, "params": {"processId": None, "rootUri": None, "capabilities": {}, **known}}


def problems(error: BaseException, path: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """What is wrong, taken from cattrs' tree of exceptions."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            path = (*path, _camel(note.name))
        elif isinstance(note, IterableValidationNote):
            path = (*path, note.index)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from problems(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        for key in sorted(error.extra_fields):
            yield Problem((*path, key), "is not known here")
    elif isinstance(error, KeyError) and path:
        yield Problem(path, "is missing")
    else:
        yield Problem(path, _reason(error))


def _reason(error: BaseException) -> str:
    if isinstance(error, TypeError) and str(error).startswith("should be "):
        return str(error)
    if isinstance(error, ValueError) and " is not a valid " in str(error):
        return f"has no such value: {str(error).split(' is not a valid ', maxsplit=1)[0]}"
    return "has the wrong shape"


def _camel(name: str) -> str:
    return re.sub(r"_+([a-z0-9])", lambda match: match[1].upper(), name.rstrip("_"))


def _prune(data: dict[str, Any], paths: Iterable[tuple[str | int, ...]]) -> bool:
    """Takes the values at ``paths`` out of ``data``, or what encloses them where they are missing.

    False where that cannot be, since it would be all of it.
    """
    # Found before any goes: several may be missing from one thing, which goes once, and nothing around it.
    places = {_present(data, path) for path in paths}
    # "params" itself, and what stands above it, cannot go.
    if any(len(place) < 2 for place in places):  # noqa: PLR2004
        return False
    # The last of a list first, so that the others' indexes stay right; what lies in something before it.
    for place in sorted(places, key=lambda place: [(isinstance(part, int), part) for part in place], reverse=True):
        holder: Any = data
        for part in place[:-1]:
            holder = holder[part]
        del holder[place[-1]]
    return True


def _present(data: Any, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """As much of the path as leads to something."""
    for length, part in enumerate(path):
        inside = data.keys() if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
        if part not in inside:
            return path[:length]
        data = data[part]
    return path
