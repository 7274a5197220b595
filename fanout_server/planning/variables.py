"""The variables of an instruction: ``{file}``, ``{stem}`` and so on, found with their places and filled in.

An instruction is prose that may hold code, so only a lower-case identifier in braces is a variable, ``{name}``. All
other braces are themselves, and ``{{name}}`` stands for the text ``{name}``.
"""

from __future__ import annotations

import functools
import posixpath
import re
from typing import TYPE_CHECKING

from attrs import frozen

from fanout_server.model import FanoutError
from fanout_server.syntax import symbols

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanout_server.model import Range, Target

BUILT_IN: tuple[str, ...] = ("file", "stem", "name", "ext", "dir", "item", "symbol", "range", "problems")
"""``src/api/users.ts`` is the file, with name ``users.ts``, stem ``users``, ext ``ts`` and dir ``src/api``."""

NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)
_TOKEN = re.compile(r"\{\{(?P<literal>[a-z_][a-z0-9_]*)\}\}|\{(?P<name>[a-z_][a-z0-9_]*)\}", re.ASCII)


class UnknownVariable(FanoutError):
    """``name`` at ``start:end`` of the text has no value."""

    def __init__(self, name: str, start: int, end: int) -> None:
        super().__init__(f"There is no variable {{{name}}}. Write {{{{{name}}}}} for the text {{{name}}}.")
        self.name = name
        self.start = start
        self.end = end


@frozen
class Piece:
    """``text[start:end]`` of the source: a variable where ``name`` is set, else what ``text`` says."""

    start: int
    end: int
    text: str
    name: str | None = None


@functools.lru_cache(maxsize=256)
def parse(text: str) -> tuple[Piece, ...]:
    """All of ``text`` in order, without gaps."""
    pieces: list[Piece] = []
    done = 0
    for found in _TOKEN.finditer(text):
        if found.start() > done:
            pieces.append(Piece(done, found.start(), text[done : found.start()]))
        literal = found["literal"]
        shown = found.group() if literal is None else f"{{{literal}}}"
        pieces.append(Piece(found.start(), found.end(), shown, found["name"]))
        done = found.end()
    if done < len(text):
        pieces.append(Piece(done, len(text), text[done:]))
    return tuple(pieces)


def names(text: str) -> tuple[str, ...]:
    """The variables in ``text``, each once, in order."""
    return tuple(dict.fromkeys(piece.name for piece in parse(text) if piece.name is not None))


def expand(text: str, values: Mapping[str, str]) -> str:
    """``text`` with every variable filled in, once: braces in a value stay. Raises UnknownVariable."""
    parts: list[str] = []
    for piece in parse(text):
        if piece.name is None:
            parts.append(piece.text)
        elif piece.name in values:
            parts.append(values[piece.name])
        else:
            raise UnknownVariable(piece.name, piece.start, piece.end)
    return "".join(parts)


def bind(text: str, values: Mapping[str, str]) -> str:
    """``text`` as a template still, in which the variables of ``values`` are filled in and the others stay."""
    return "".join(
        text[piece.start : piece.end] if piece.name is None or piece.name not in values else escape(values[piece.name])
        for piece in parse(text)
    )


def escape(text: str) -> str:
    """The template whose expansion is ``text``."""
    return re.sub(r"\{[a-z_][a-z0-9_]*\}", r"{\g<0>}", text, flags=re.ASCII)


def values_of(item: str, target: Target | None, *, folder: bool = False, problems: str = "") -> dict[str, str]:
    """The built-in variables that a unit has; those without a value for it are left out.

    A folder's ``{dir}`` is the folder itself, so that "document {dir}" means what it says.
    """
    values = {"item": item, "problems": problems}
    if target is not None:
        name = posixpath.basename(target.path)
        stem, ext = (name, "") if folder else posixpath.splitext(name)
        values |= {"file": target.path, "name": name, "stem": stem, "ext": ext.removeprefix(".")}
        values["dir"] = (target.path if folder else posixpath.dirname(target.path)) or "."
        values["symbol"] = symbols.spoken(target.symbol or "")
        values["range"] = "" if target.range is None else line_range(target.range)
    return {name: value for name, value in values.items() if value}


def named_lines(place: Range) -> str:
    """``lines 12-20``, or ``line 12``."""
    lines = line_range(place)
    return f"lines {lines}" if "-" in lines else f"line {lines}"


def line_range(place: Range) -> str:
    """``12-20``, or ``12`` for one line; lines count from 1."""
    first, last = place.start.line + 1, place.end.line + 1
    # A range that ends where a line begins holds nothing of that line.
    if last > first and place.end.character == 0:
        last -= 1
    return str(first) if first == last else f"{first}-{last}"
