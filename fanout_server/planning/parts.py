"""Parts of one file as targets: its functions and classes, or its lines. Of a part of a file, those that it touches."""

from __future__ import annotations

import posixpath

from attrs import frozen

from fanout_server.model import Position, Range, Target
from fanout_server.planning import positions
from fanout_server.planning.positions import LineIndex
from fanout_server.syntax import grammars, parsing, symbols


@frozen
class Part:
    """``is_class`` of a symbol; ``text`` is what stands there, of a line."""

    target: Target
    is_class: bool = False
    text: str = ""


def has_symbols(path: str, text: str) -> bool:
    """Whether it is in a language in which fanout finds functions."""
    return bool(grammars.readings(path, text))


def may_have_symbols(path: str) -> bool:
    """By its name; one without an ending may be a script, which its text tells."""
    return bool(grammars.readings(path)) or "." not in posixpath.basename(path)


def symbol_parts(path: str, text: str, within: Range | None = None) -> tuple[Part, ...]:
    """The units of the file, or of ``within``, as ``symbols`` has them."""
    found = parsing.find(text, path)
    index = LineIndex(text)
    start, end = _inked(text, 0, len(text))
    if within is not None:
        chosen = _inked(text, index.offset(within.start), index.offset(within.end))
        if chosen[0] >= chosen[1]:
            return ()
        if chosen != (start, end):
            return tuple(_part(path, one, index) for one in symbols.touched(found, *chosen))
    return tuple(_part(path, one, index) for one in symbols.whole(found))


def line_parts(path: str, text: str, within: Range | None = None) -> tuple[Part, ...]:
    """The lines that are not blank, each up to where the next one begins."""
    first, last = (0, None) if within is None else _lines_of(within)
    return tuple(
        Part(Target(path, Range(Position(number, 0), Position(number + 1, 0))), text=line.text.strip())
        for number, line in enumerate(positions.lines(text))
        if line.text.strip() and number >= first and (last is None or number <= last)
    )


def named_parts(path: str, text: str, name: str) -> tuple[Part, ...]:
    """What ``name`` may mean; see ``symbols.named``."""
    index = LineIndex(text)
    return tuple(_part(path, one, index) for one in symbols.named(parsing.find(text, path), name))


def similar_name(path: str, text: str, name: str) -> str | None:
    return symbols.similar(parsing.find(text, path), name)


def _part(path: str, symbol: symbols.Symbol, index: LineIndex) -> Part:
    target = Target(path, index.range(symbol.start, symbol.end), symbol.name)
    return Part(target, symbol.kind is symbols.Kind.CLASS)


def _inked(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the white space at both ends: half a line of it must touch nothing."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _lines_of(place: Range) -> tuple[int, int]:
    first, last = place.start.line, place.end.line
    # A range that ends where a line begins holds nothing of that line.
    return first, last - 1 if last > first and place.end.character == 0 else last
