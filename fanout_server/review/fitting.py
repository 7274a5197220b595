"""A reviewer's replacement for what it quoted, as it is to be put in at that place."""

from __future__ import annotations

from collections.abc import Sequence

from fanout_server.model import Range
from fanout_server.review.anchoring import Anchor
from fanout_server.review.quotes import plain


def fitted(text: str, anchor: Anchor, quote: str, replacement: str) -> str | None:
    """A replacement as it is to be put into the range of its anchor: with the indentation of that place.

    ``None`` where the anchor is not sure enough, or nothing would change.
    """
    if not anchor.replaceable:
        return None
    lines = text.split("\n")
    start, end = anchor.range.start, anchor.range.end
    new = plain(replacement)
    here = lines[start.line][: start.character]
    indent = here[: len(here) - len(here.lstrip())]
    own = _indent(plain(quote))
    if start.line == end.line and not here.isspace() and here:
        # It begins within a line, so what follows needs only what the quote had.
        indent = own
    first, *rest = new.split("\n")
    had = own if _indent(new).startswith(own) else _indent(new)
    moved = [_moved(line, had, indent) for line in rest]
    fresh = "\n".join([first[len(had) :] if first.startswith(had) else first.lstrip(), *moved])
    ending = "\r\n" if lines[start.line].endswith("\r") else "\n"
    fresh = fresh.replace("\n", ending)
    old = _slice(lines, anchor.range)
    return None if fresh == old else fresh


def _indent(text: str) -> str:
    line = text.partition("\n")[0]
    return line[: len(line) - len(line.lstrip())]


def _moved(line: str, had: str, indent: str) -> str:
    if not line.strip():
        return ""
    return indent + line[len(had) :] if line.startswith(had) else line


def _slice(lines: Sequence[str], part: Range) -> str:
    if part.start.line == part.end.line:
        return lines[part.start.line][part.start.character : part.end.character]
    middle = lines[part.start.line + 1 : part.end.line]
    return "\n".join(
        [lines[part.start.line][part.start.character :], *middle, lines[part.end.line][: part.end.character]]
    )
