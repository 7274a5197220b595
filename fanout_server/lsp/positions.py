"""Positions as a client counts them (utf-8, utf-16 or utf-32 units) and as we do (code points).

Lines end at CR LF, LF or CR alone, as LSP has it. ``str.splitlines`` ends them at form feeds and U+2028 too, and so
corrupts a document that holds one.
"""

from __future__ import annotations

import bisect
import re
from enum import StrEnum

from attrs import frozen

from fanout_server.apply.text import PositionEncoding, encode_position
from fanout_server.model import Position, Range

_LINE_END = re.compile(r"\r\n|\n|\r")
_ASTRAL = 0x10000


class Encoding(StrEnum):
    """What a client counts characters in."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"

    @property
    def unit(self) -> PositionEncoding:
        """As ``apply.text`` names it."""
        names: dict[Encoding, PositionEncoding] = {
            Encoding.UTF8: "utf-8",
            Encoding.UTF16: "utf-16",
            Encoding.UTF32: "utf-32",
        }
        return names[self]


def _width(char: str, encoding: Encoding) -> int:
    if encoding is Encoding.UTF32:
        return 1
    if encoding is Encoding.UTF16:
        return 2 if ord(char) >= _ASTRAL else 1
    return len(char.encode("utf-8", "surrogatepass"))


def from_client(line: str, units: int, encoding: Encoding) -> int:
    """The code points before the place that is ``units`` into ``line``.

    Past the end means the end, as LSP has it; a place inside a character means before it.
    """
    if encoding is Encoding.UTF32 or line.isascii():
        return min(units, len(line))
    for index, char in enumerate(line):
        units -= _width(char, encoding)
        if units < 0:
            return index
    return len(line)


@frozen
class Lines:
    """A text cut into lines. ``starts`` are the offsets of their first characters; there is always a first line."""

    text: str
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Lines:
        return cls(text, (0, *(match.end() for match in _LINE_END.finditer(text))))

    def line(self, number: int) -> str:
        """Without its line end; empty past the last line."""
        if number >= len(self.starts):
            return ""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        line = self.text[self.starts[number] : end]
        if line.endswith("\r\n"):
            return line[:-2]
        return line[:-1] if line.endswith(("\n", "\r")) else line

    def offset(self, line: int, units: int, encoding: Encoding) -> int:
        """The offset in ``text`` of a client's position. Past the end of the line or the text means that end."""
        if line >= len(self.starts):
            return len(self.text)
        return self.starts[line] + from_client(self.line(line), units, encoding)

    def position(self, offset: int) -> Position:
        line = bisect.bisect_right(self.starts, offset) - 1
        return Position(line, offset - self.starts[line])

    def to_client(self, position: Position, encoding: Encoding) -> Position:
        if encoding is Encoding.UTF32:
            return position
        line = self.line(position.line)
        beyond = max(0, position.character - len(line))
        return Position(position.line, encode_position(line, position.character, encoding.unit) + beyond)

    def forward(self, encoding: Encoding) -> Forward:
        return Forward(self, encoding)

    def range_to_client(self, span: Range, encoding: Encoding) -> Range:
        return Range(self.to_client(span.start, encoding), self.to_client(span.end, encoding))


class Forward:
    """As ``Lines.to_client``, for positions that never go back: many of them in one long line cost no more than one."""

    def __init__(self, lines: Lines, encoding: Encoding) -> None:
        self._lines = lines
        self._encoding = encoding
        self._number = -1
        self._line = ""
        self._character = 0
        self._units = 0

    def to_client(self, position: Position) -> Position:
        if position.line != self._number:
            self._number, self._line = position.line, self._lines.line(position.line)
            self._character = self._units = 0
        passed = self._line[self._character : position.character]
        self._units += encode_position(passed, len(passed), self._encoding.unit)
        self._character += len(passed)
        # What lies past the end of the line counts too.
        return Position(position.line, self._units + position.character - self._character)
