"""From offsets in a text to lines and characters. Lines end at CRLF, LF or CR, as LSP has it, and nowhere else."""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING

from attrs import frozen

from fanout_server.model import Position, Range

if TYPE_CHECKING:
    from collections.abc import Iterator

_BREAK = re.compile(r"\r\n|\n|\r")


@frozen
class Line:
    """One line of a text without its break: ``text`` is what stands from ``start`` to ``end``."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def lines(text: str, start: int = 0, end: int | None = None) -> Iterator[Line]:
    """The lines of ``text[start:end]``, their offsets counted in ``text``. A break at the end opens no further line."""
    stop = len(text) if end is None else end
    while start < stop:
        found = _BREAK.search(text, start, stop)
        if found is None:
            yield Line(text[start:stop], start)
            return
        yield Line(text[start : found.start()], start)
        start = found.end()


class LineIndex:
    """Turns offsets in one text into positions; many of them cost one pass over the text."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]
        self._size = len(text)

    def position(self, offset: int) -> Position:
        line = bisect.bisect_right(self._starts, offset) - 1
        return Position(line, offset - self._starts[line])

    def range(self, start: int, end: int) -> Range:
        return Range(self.position(start), self.position(end))

    def offset(self, position: Position) -> int:
        """Past the end of a line or of the text means that end."""
        if position.line >= len(self._starts):
            return self._size
        following = self._starts[position.line + 1] if position.line + 1 < len(self._starts) else self._size
        return min(self._starts[position.line] + position.character, following)
