"""Symbols that were found in a text, put into one another, as they stand in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum

import attrs
from attrs import define, field, frozen

from fanout_server.syntax.symbols import Kind, Symbol

_DEEPEST = 50


class Role(Enum):
    FUNCTION = "function"
    CLASS = "class"
    # No symbol, but its name is a part of the names of those in it.
    NAMED = "named"
    SIGNATURE = "signature"


@define
class Open:
    """A symbol to be, whose end has not been reached."""

    name: str
    role: Role
    start: int
    end: int
    body: int
    members: list[Open] = field(factory=list)


@frozen
class Item:
    name: str
    role: Role
    start: int
    end: int
    body: int


def nested(text: str, items: Iterable[Item]) -> list[Open]:
    """``items`` in the order of their starts. Inside of a function nothing counts."""
    top = Open("", Role.NAMED, 0, len(text), 0)
    around = [top]
    waiting: Item | None = None
    for item in items:
        while len(around) > 1 and around[-1].end <= item.start:
            around.pop()
        outer = around[-1]
        if outer.role is Role.FUNCTION or item.end > outer.end or len(around) > _DEEPEST:
            continue
        overloaded = waiting is not None and waiting.name == item.name and not text[waiting.end : item.start].strip()
        start = waiting.start if waiting is not None and overloaded else item.start
        if item.role is Role.SIGNATURE:
            waiting = attrs.evolve(item, start=start)
            continue
        waiting = None
        name = f"{outer.name}.{item.name}" if outer.name else item.name
        opened = Open(name, item.role, start, item.end, item.body)
        outer.members.append(opened)
        around.append(opened)
    return _symbols_only(top.members)


def _symbols_only(opened: Iterable[Open]) -> list[Open]:
    """Without those that only name: their members stand in their place."""
    found: list[Open] = []
    for one in opened:
        one.members = _symbols_only(one.members)
        found += one.members if one.role is Role.NAMED else [one]
    return found


def finished(opened: Iterable[Open], seen: Counter[str]) -> tuple[Symbol, ...]:
    """With names that are unique: ``seen`` counts them."""
    symbols: list[Symbol] = []
    for one in opened:
        seen[one.name] += 1
        name = one.name if seen[one.name] == 1 else f"{one.name}~{seen[one.name]}"
        kind = Kind.CLASS if one.role is Role.CLASS else Kind.FUNCTION
        members = finished(one.members, seen)
        symbols.append(Symbol(name, kind, one.start, one.end, max(one.body, one.start), members))
    return tuple(symbols)
