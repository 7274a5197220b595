"""Markdown lists: their items with exact places, continuation lines included."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs
from attrs import field, frozen

from fanout_server.planning import positions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fanout_server.planning.positions import Line

ITEM = re.compile(
    r"(?P<marker>[-*+]|\d{1,9}[.)])(?:(?P<space>[ \t]+)(?P<check>\[[ xX]\][ \t]+)?(?P<rest>.*))?", re.DOTALL
)
_RULE = re.compile(r"([-*_])(?:[ \t]*\1){2,}[ \t]*", re.DOTALL)
_INDENTED = re.compile(r"[ ]{2,}|[ ]*\t[ \t]*")
_SPACES = " \t"


@frozen
class ListItem:
    """``first`` is what stands after the marker (and a checkbox); ``more`` are the indented lines below, dedented.

    ``kind`` is the marker's last character and ``width`` how far the item's text is indented below it, in columns.
    """

    kind: str
    start: int
    width: int
    first: Line
    more: tuple[Line, ...] = ()

    @property
    def end(self) -> int:
        return self.more[-1].end if self.more else self.first.end

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in (self.first, *self.more))


@frozen
class List:
    """Items of one kind of marker in a row. ``closed`` where something that is not of the list follows it."""

    items: tuple[ListItem, ...]
    closed: bool


@frozen
class _Open:
    kind: str
    items: list[ListItem] = field(factory=list)


def lists(text: str, start: int = 0, end: int | None = None, indent: int = 0) -> Iterator[List]:
    """The top-level lists of ``text[start:end]``, in order. All lines are read without their first ``indent`` columns.

    A list goes on over blank lines and ends at a line that is neither an item nor indented, or at an item with another
    marker, as in CommonMark. There is no lazy continuation: a text line right below an item ends the list.
    """
    opened: _Open | None = None
    blanks: list[Line] = []
    for whole in positions.lines(text, start, end):
        line = _dedented(whole, indent)
        if not line.text.strip(_SPACES):
            blanks.append(line)
            continue
        item = _item(line)
        if item is not None and opened is not None and item.kind == opened.kind:
            opened.items.append(item)
        elif item is not None:
            if opened is not None:
                yield List(tuple(opened.items), closed=True)
            opened = _Open(item.kind, [item])
        elif opened is not None and _INDENTED.match(line.text):
            opened.items[-1] = _continued(opened.items[-1], [*blanks, line])
        elif opened is not None:
            yield List(tuple(opened.items), closed=True)
            opened = None
        blanks = []
    if opened is not None:
        yield List(tuple(opened.items), closed=False)


def last_list(text: str, start: int = 0, end: int | None = None) -> List | None:
    """The list that ends the text, if one does."""
    every = tuple(lists(text, start, end))
    return every[-1] if every and not every[-1].closed else None


def _item(line: Line) -> ListItem | None:
    found = ITEM.fullmatch(line.text)
    if found is None or _RULE.fullmatch(line.text):
        return None
    at = found.start("rest") if found["rest"] is not None else len(line.text)
    rest = line.text[at:].rstrip(_SPACES)
    # Five spaces and more would be a code block in the item; its text then begins after one.
    space = len(found["space"] or " ")
    width = len(found["marker"]) + (space if space <= 4 else 1)  # noqa: PLR2004 - as CommonMark has it
    return ListItem(found["marker"][-1], line.start, width, positions.Line(rest, line.start + at))


def _continued(item: ListItem, more: Sequence[Line]) -> ListItem:
    return attrs.evolve(item, more=(*item.more, *(_dedented(line, item.width) for line in more)))


def _dedented(line: Line, width: int) -> Line:
    """Up to ``width`` columns of indentation less; a tab stands for all of it."""
    at = 0
    while at < min(width, len(line.text)) and line.text[at] == " ":
        at += 1
    if at < width and line.text[at : at + 1] == "\t":
        at += 1
    return positions.Line(line.text[at:].rstrip(_SPACES), line.start + at)


def indentation(text: str) -> int:
    """How many columns all lines of ``text`` that are not blank are indented by."""
    widths = [len(line.text) - len(line.text.lstrip(" ")) for line in positions.lines(text) if line.text.strip()]
    return min(widths, default=0)
