"""Neovim's screen as it tells its user interfaces to draw it, and a picture of that as SVG."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from attrs import define, field

_CELL_WIDTH, _LINE_HEIGHT, _SIZE, _MARGIN = 8.4, 18, 14, 14
_WORD = re.compile(r"\S+")
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


@define(eq=False)
class Screen:
    """Takes the ``redraw`` events of a client with ``ext_linegrid``. A cell is its text and the number of its look."""

    cells: list[list[tuple[str, int]]] = field(factory=list)
    looks: dict[int, Mapping[str, Any]] = field(factory=dict)
    colours: tuple[int, int] = (0xD0D0D0, 0x101014)
    _lock: threading.Lock = field(factory=threading.Lock)

    def redraw(self, events: Iterable[list[Any]]) -> None:
        with self._lock:
            for name, *calls in events:
                if (handle := getattr(self, f"_{name}", None)) is not None:
                    for arguments in calls:
                        handle(*arguments)

    def _grid_resize(self, _grid: int, width: int, height: int) -> None:
        self.cells = [[(" ", 0)] * width for _ in range(height)]

    def _grid_clear(self, _grid: int) -> None:
        self.cells = [[(" ", 0)] * len(row) for row in self.cells]

    def _grid_line(self, _grid: int, row: int, column: int, cells: list[list[Any]], *_more: Any) -> None:
        look = 0
        for cell in cells:
            # The look is left out where it goes on, the count where it is one.
            look = cell[1] if len(cell) > 1 else look
            for _ in range(cell[2] if len(cell) > 2 else 1):
                self.cells[row][column] = (cell[0], look)
                column += 1

    def _grid_scroll(self, _grid: int, top: int, bottom: int, left: int, right: int, rows: int, _columns: int) -> None:
        order = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in order:
            self.cells[row][left:right] = self.cells[row + rows][left:right]

    def _hl_attr_define(self, number: int, rgb: Mapping[str, Any], *_: Any) -> None:
        self.looks[number] = rgb

    def _default_colors_set(self, foreground: int, background: int, *_: Any) -> None:
        self.colours = (foreground, background)

    def text(self) -> str:
        with self._lock:
            return "\n".join("".join(text for text, _ in row) for row in self.cells)

    def svg(self, top: float) -> tuple[str, float, float]:
        """What stands below ``top``, its width, and where it ends."""
        with self._lock:
            height, width = len(self.cells) * _LINE_HEIGHT, len(self.cells[0]) * _CELL_WIDTH
            back = _box(0, top, width + 2 * _MARGIN, height + 2 * _MARGIN, _hex(self.colours[1]), 6)
            rows = (self._row(row, top + _MARGIN + number * _LINE_HEIGHT) for number, row in enumerate(self.cells))
            return back + "".join(rows), width + 2 * _MARGIN, top + height + 2 * _MARGIN

    def _row(self, row: list[tuple[str, int]], top: float) -> str:
        parts: list[str] = []
        column = 0
        for number, cells in groupby(row, key=lambda cell: cell[1]):
            texts = [text for text, _ in cells]
            parts.append(self._run(texts, self.looks.get(number, {}), column, top))
            column += len(texts)
        return "".join(parts)

    def _run(self, texts: list[str], look: Mapping[str, Any], column: int, top: float) -> str:
        front, back = look.get("foreground", self.colours[0]), look.get("background", self.colours[1])
        if look.get("reverse"):
            front, back = back, front
        left = _MARGIN + column * _CELL_WIDTH
        box = ""
        if back != self.colours[1]:
            box = _box(left, top, len(texts) * _CELL_WIDTH, _LINE_HEIGHT, _hex(back), 0)
        style = ' font-weight="bold"' if look.get("bold") else ""
        style += ' font-style="italic"' if look.get("italic") else ""
        words = (_word(word, left, top, f'fill="{_hex(front)}"{style}') for word in _WORD.finditer("".join(texts)))
        return box + "".join(words)


def _word(word: re.Match[str], left: float, top: float, style: str) -> str:
    """At its own place: what draws it may leave out blanks, and have letters of another width."""
    length = f'textLength="{len(word[0]) * _CELL_WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
    place = f'x="{left + word.start() * _CELL_WIDTH:.1f}" y="{top + _LINE_HEIGHT - 5:.1f}"'
    return f"<text {place} {style} {length}>{html.escape(word[0])}</text>\n"


def picture(screens: Iterable[tuple[str, float, float]]) -> str:
    """Screens that were drawn one below the other."""
    drawn = list(screens)
    width, height = max(one[1] for one in drawn), drawn[-1][2]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
    style = f'font-family="{_FONT}" font-size="{_SIZE}"'
    return f"{head} {style}>\n{''.join(one[0] for one in drawn)}</svg>\n"


def _box(left: float, top: float, width: float, height: float, colour: str, round_by: int) -> str:
    return (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round_by}"'
        f' fill="{colour}"/>\n'
    )


def _hex(colour: int) -> str:
    return f"#{colour:06x}"
