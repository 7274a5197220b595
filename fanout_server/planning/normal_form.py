"""The normal form of a plan document: options in the contract's order, one space, no needless blank lines.

No word is changed: comments go with the option that they stand above, the instruction stays as it is byte for byte, and
items keep their order and markers. What the document means is the same; where that cannot be had, it is left alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from fanout_server.planning import document, front_matter, lists, positions
from fanout_server.settings import OPTION_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fanout_server.planning.document import PlanDocument
    from fanout_server.planning.front_matter import Entry
    from fanout_server.planning.lists import ListItem
    from fanout_server.planning.positions import Line

_BREAK = re.compile(r"\r\n|\n|\r")
_MARKER = re.compile(r"(?P<marker>[-*+]|\d{1,9}[.)])[ \t]+(?P<check>\[[ xX]\])?")


@frozen
class Change:
    """``text`` takes the place of ``start:end``."""

    start: int
    end: int
    text: str


def changes(parsed: PlanDocument) -> tuple[Change, ...]:
    """What it takes to bring the document into its normal form, in order; none where it cannot be read."""
    if any(problem.code in {"plan/front-matter", "plan/duplicate-option"} for problem in parsed.problems):
        return ()
    text = parsed.text
    every = [one for one in _pieces(parsed, _line_end(parsed)) if text[one.start : one.end] != one.text]
    # YAML has values whose blank lines count: then the header stays as it is.
    below = [one for one in every if one.start >= _body(text)]
    return next((tuple(one) for one in (every, below) if _means_the_same(parsed, apply(text, one))), ())


def apply(text: str, every: Sequence[Change]) -> str:
    parts: list[str] = []
    done = 0
    for one in every:
        parts += [text[done : one.start], one.text]
        done = one.end
    return "".join([*parts, text[done:]])


def _means_the_same(parsed: PlanDocument, text: str) -> bool:
    return _meaning(document.parse(text)) == _meaning(parsed)


def _meaning(parsed: PlanDocument) -> object:
    options = {entry.key: entry.value for entry in parsed.front_matter}
    items = [(item.text, item.target, item.note) for item in parsed.items]
    # NaN is not equal to itself, but is written alike.
    return repr(sorted(options.items())), parsed.instruction, items


def _line_end(parsed: PlanDocument) -> str:
    """As in the instruction, which stays as it is; else as at the end of the first line."""
    found = _BREAK.search(parsed.instruction) or _BREAK.search(parsed.text)
    return "\n" if found is None else found[0]


def _body(text: str) -> int:
    borders = front_matter.borders(text)
    return borders[2] if borders else int(text.startswith("\ufeff"))


def _pieces(parsed: PlanDocument, end: str) -> Iterator[Change]:
    """The whole document, piece by piece, each as it should be."""
    text = parsed.text
    borders = front_matter.borders(text)
    body = _body(text)
    if borders is not None and borders[1] is not None:
        start = int(text.startswith("\ufeff"))
        yield Change(start, body, _header(parsed, borders[0], borders[1], end))
    listed = lists.last_list(text, body)
    items = [one for one in listed.items if one.text.strip()] if listed else []
    said = parsed.instruction_start + len(parsed.instruction) if parsed.instruction else body
    if parsed.instruction:
        yield Change(body, parsed.instruction_start, "")
    starts = [*(item.start for item in items), len(text)]
    yield Change(said, starts[0], "" if not parsed.instruction else end * 2 if items else end)
    for item, after in zip(items, starts[1:], strict=True):
        yield Change(item.start, after, _item(text, item, end))


def _item(text: str, item: ListItem, end: str) -> str:
    found = _MARKER.match(text, item.start)
    if found is None:
        return text[item.start : item.end] + end
    marker = found["marker"]
    check = f"{found['check']} " if found["check"] and found.end() < item.first.start else ""
    indent = " " * (len(marker) + 1)
    lines = [f"{marker} {check}{item.first.text}"]
    lines += [f"{indent}{line.text}" if line.text.strip() else "" for line in item.more]
    return "".join(f"{line}{end}" for line in lines)


def _header(parsed: PlanDocument, opening: int, closing: int, end: str) -> str:
    lines = list(positions.lines(parsed.text, opening, closing))
    inner = _in_order(parsed, lines, end)
    return f"---{end}{parsed.text[opening:closing] if inner is None else inner}---{end}"


def _in_order(parsed: PlanDocument, lines: Sequence[Line], end: str) -> str | None:
    """The options with the comments above them; ``None`` where they do not stand each on lines of their own."""
    parts: list[tuple[int, str]] = []
    above = 0
    for entry in parsed.front_matter:
        # The line "---" stands above the others.
        number = entry.key_range.start.line - 1
        last = max(number, entry.value_range.end.line - 1)
        comments = _comments(lines[above:number])
        if entry.key_range.start.character != 0 or number < above or comments is None:
            return None
        option = _option(parsed.text, entry, lines[number], lines[last])
        rank = OPTION_KEYS.index(entry.key) if entry.key in OPTION_KEYS else len(OPTION_KEYS)
        parts.append((rank, "".join(f"{one}{end}" for one in (*comments, option))))
        above = last + 1
    rest = _comments(lines[above:])
    if rest is None:
        return None
    # Sorting is stable: options that are not known stay in their order, at the end.
    inner = "".join(part for _, part in sorted(parts, key=lambda part: part[0]))
    return inner + "".join(f"{one}{end}" for one in rest)


def _comments(lines: Sequence[Line]) -> list[str] | None:
    """Without blank lines; ``None`` where there is anything else between them."""
    found = [line.text.rstrip() for line in lines if line.text.strip()]
    return found if all(one.lstrip().startswith("#") for one in found) else None


def _option(text: str, entry: Entry, first: Line, last: Line) -> str:
    """The option as it is written, with one space after its colon."""
    if text[entry.start : entry.start + 1] in {"|", ">"}:
        # Spaces at the end of a block's lines are part of its text.
        return text[first.start : last.end]
    if first.start < entry.start <= first.end and entry.end > entry.start:
        return f"{text[first.start : entry.start].rstrip()} {text[entry.start : last.end]}".rstrip()
    return text[first.start : last.end].rstrip()
