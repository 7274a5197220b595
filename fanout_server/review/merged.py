"""A merged result as the checks see it: each changed file as text, and which unit added which line of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs
from attrs import frozen

from fanout_server.model import Position, Range
from fanout_server.repo.hunks import hunks

LONGEST = 1_000_000
"""Characters of a text that is looked into."""

_LONGEST_LINE = 5_000
_GENERATED = re.compile(
    r"(^|/)(node_modules|vendor|third_party|dist)/|\.(min\.(js|css)|map|lock|snap|svg)$"
    r"|(^|/)(package-lock\.json|pnpm-lock\.yaml|go\.sum|npm-shrinkwrap\.json)$"
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@frozen
class Changed:
    """A file that differs from the base. ``before`` and ``after`` are ``None`` where it is not there, or no text.

    ``units`` are those that had a part in it, in plan order; ``added`` has the units of each new line by its number.
    ``versions`` is what each of several units made of it, ``None`` where one removed it.
    """

    path: str
    before: str | None
    after: str | None
    units: tuple[str, ...]
    added: Mapping[int, tuple[str, ...]]
    versions: Mapping[str, str | None] = attrs.field(factory=dict)

    @property
    def lines(self) -> list[str]:
        """Of ``after``; with a carriage return where a line has one."""
        return (self.after or "").split("\n")

    def new_lines(self) -> Iterator[tuple[int, str]]:
        """Number and text of the lines that units added."""
        lines = self.lines
        for number in sorted(self.added):
            yield number, lines[number].rstrip("\r")

    def range(self, line: int, start: int = 0, end: int | None = None) -> Range:
        """A part of a line of ``after``, to its end where none is told."""
        text = self.lines[line].rstrip("\r")
        return Range(Position(line, start), Position(line, len(text) if end is None else end))


def decode(data: bytes | None) -> str | None:
    """``None`` for what is no text. What is not UTF-8 and has no mark is read byte by byte."""
    if data is None:
        return None
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        if mark:
            return None
        text = data.decode("latin-1")
    return None if "\0" in text else text


def changed(
    path: str,
    before: bytes | None,
    after: bytes | None,
    units: tuple[str, ...],
    versions: Mapping[str, bytes | None],
) -> Changed:
    """``versions`` are needed only where several units had a part: they tell whose a line is."""
    old, new = decode(before), decode(after)
    texts = {unit: decode(data) for unit, data in versions.items()}
    added: dict[int, tuple[str, ...]] = {}
    if new is not None:
        numbers = new_numbers(old or "", new)
        if len(units) == 1 or not texts:
            added = dict.fromkeys(numbers, units)
        else:
            added = _by_text(old or "", new, numbers, units, texts)
    return Changed(path, old, new, units, added, texts)


def new_numbers(old: str, new: str) -> list[int]:
    """The lines of ``new`` that ``old`` has not, counted from 0; the empty one after the last line end is none."""
    found: list[int] = []
    for hunk in hunks(_bytes(old), _bytes(new)):
        found += range(hunk.new_start, hunk.new_start + hunk.new_lines)
    return found


def _by_text(
    old: str, new: str, numbers: Iterable[int], units: tuple[str, ...], texts: Mapping[str, str | None]
) -> dict[int, tuple[str, ...]]:
    """Who added a line is known by what it says; where several say the same, by the line after it, or before.

    Where nobody said it in this form (a merge joined two), all did.
    """
    authors: dict[str, list[str]] = {}
    for unit in units:
        text = texts.get(unit)
        if text is not None:
            lines = text.split("\n")
            for line in {lines[number].strip() for number in new_numbers(old, text)}:
                authors.setdefault(line, []).append(unit)
    lines = new.split("\n")
    found = {number: tuple(authors.get(lines[number].strip(), units)) for number in numbers}
    for step in (1, -1):
        for number in sorted(found, reverse=step == 1):
            near = set(found.get(number + step, ())) & set(found[number])
            if len(found[number]) > 1 and len(near) == 1:
                found[number] = tuple(near)
    return found


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def is_generated(path: str, text: str = "") -> bool:
    """Whether nobody is meant to read a file: what a program wrote, or somebody else's code."""
    return bool(_GENERATED.search(path)) or any(len(line) > _LONGEST_LINE for line in text.split("\n"))


def named(units: Iterable[str], titles: Mapping[str, str]) -> str:
    """For a message."""
    found = [titles.get(unit, unit) for unit in units]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found) or "a unit"
