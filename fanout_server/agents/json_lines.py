"""JSON that a program printed: untrusted, maybe cut off, maybe with a warning of somebody else's in the line before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

_MOST = 1e15
_NOTHING: Mapping[str, Json] = {}


def parse(line: bytes) -> Mapping[str, Json] | None:
    """The object on a line; ``None`` for whatever else is there."""
    line = line.strip()
    if not line.startswith(b"{"):
        return None
    try:
        found = json.loads(line.decode("utf-8", "replace"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def at(value: Json, *path: str | int) -> Json:
    """What lies at a path of keys and indexes; ``None`` where there is nothing, or something else on the way."""
    for key in path:
        if isinstance(key, str) and isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(key, int) and isinstance(value, Sequence) and not isinstance(value, str):
            value = value[key] if -len(value) <= key < len(value) else None
        else:
            return None
    return value


def text(value: Json, *path: str | int) -> str:
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def number(value: Json, *path: str | int) -> float | None:
    """A number that may be one of something: not below nought, and no more than anybody has."""
    found = at(value, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        return float(found) if 0 <= found <= _MOST else None
    except OverflowError:
        return None


def count(value: Json, *path: str | int) -> int:
    """A number of things; nought where there is none."""
    return int(number(value, *path) or 0)


def items(value: Json, *path: str | int) -> Sequence[Json]:
    found = at(value, *path)
    return found if isinstance(found, Sequence) and not isinstance(found, str) else ()


def fields(value: Json, *path: str | int) -> Mapping[str, Json]:
    found = at(value, *path)
    return found if isinstance(found, Mapping) else _NOTHING


def _no_number(name: str) -> None:
    del name  # NaN and Infinity are no JSON, but Python takes them.
