"""Where in a file a reviewer's quote stands: by what it says, in steps from strict to lenient; the line is a hint.

All is compared without white space, commas and semicolons, and with one kind of quotes: reviewers copy these badly. So
a text is one long string here, its lines put together, and a place in it is a span of that.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from attrs import frozen

from fanout_server.model import Position, Range
from fanout_server.review.similar import indel

LEAST_LIKENESS = 0.82

_LONGEST_QUOTE = 4_000
_LEAST_EXACT = 3
_LEAST_PART = 4
# Shorter ones stand within other words by chance.
_LEAST_WITHIN_WORDS = 12
_MOST_PLACES = 500
_LONGEST_GAP_LINES = 40
_LONGEST_SPAN_LINES = 200
_LEAST_GAPPED_SHARE = 0.7
_LEAST_GAPPED_LINES = 2
_LEAST_GAPPED = 16
_LEAST_FUZZY = 12
_GRAM = 4
_MOST_GRAMS = 120
_MOST_CANDIDATES = 5

_SPACE = re.compile(r"[^\S\n]")
_DROPPED = frozenset(",;\ufeff\u200b")
_QUOTES = dict.fromkeys('"`´‘’“”„«»', "'")
_TABLE = str.maketrans(
    {
        **_QUOTES,
        **dict.fromkeys((*_DROPPED, *" \t\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u202f\u3000"), ""),
        **dict.fromkeys(map(chr, range(0x2000, 0x200B)), ""),
    }
)


class Way(StrEnum):
    """How a quote was found, from strict to lenient."""

    EXACT = "exact"
    PART = "part"
    HEAD_AND_TAIL = "head-and-tail"
    GAPPED = "gapped"
    FUZZY = "fuzzy"


@frozen
class Anchor:
    """``range`` is what the quote stands for. ``unique``: it stands nowhere else."""

    range: Range
    way: Way
    unique: bool

    @property
    def replaceable(self) -> bool:
        """Whether it is sure enough for the text to be replaced."""
        return self.unique and self.way in {Way.EXACT, Way.PART}


@frozen
class _Span:
    start: int
    end: int
    likeness: float = 1.0


class Text:
    """A file's text, for any number of quotes."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        normal = text.translate(_TABLE).split("\n")
        self._numbers = [number for number, line in enumerate(normal) if line]
        self._normal = [normal[number] for number in self._numbers]
        self._joined = "".join(self._normal)
        self._starts: list[int] = []
        at = 0
        for line in self._normal:
            self._starts.append(at)
            at += len(line)

    def find(self, quote: str, line_hint: int | None = None) -> Anchor | None:
        """``line_hint`` counts from 1; of several places it tells which. ``None``: the quote is not from here."""
        forms = [_Quote(form) for form in _forms(quote)]
        hint = line_hint if line_hint is not None else _numbered(quote)
        ways: Sequence[tuple[Way, Callable[[_Quote], Iterable[_Span]]]] = (
            (Way.EXACT, self._exact),
            (Way.PART, self._part),
            (Way.HEAD_AND_TAIL, self._head_and_tail),
            (Way.GAPPED, self._gapped),
            (Way.FUZZY, self._fuzzy),
        )
        for way, places in ways:
            for form in forms:
                found = list(places(form)) if form.joined else []
                if found:
                    span = min(found, key=lambda one: self._rank(one, hint))
                    return Anchor(self._range(span, form), way, len(found) == 1)
        return None

    def _rank(self, span: _Span, hint: int | None) -> tuple[float, int, int]:
        line = self._numbers[self._line_of(span.start)]
        return -span.likeness, abs(line + 1 - hint) if hint is not None else 0, line

    def _exact(self, quote: _Quote) -> Iterator[_Span]:
        """All of some lines."""
        if len(quote.joined) < _LEAST_EXACT:
            return
        count = len(quote.lines)
        for at in self._occurrences(quote.joined):
            line = self._line_of(at)
            if self._starts[line] == at and self._normal[line : line + count] == quote.lines:
                yield _Span(at, at + len(quote.joined))

    def _part(self, quote: _Quote) -> Iterator[_Span]:
        """Anything within, however it is broken into lines."""
        for at in self._parts(quote.joined):
            yield _Span(at, at + len(quote.joined))

    def _parts(self, wanted: str) -> Iterator[int]:
        if len(wanted) < _LEAST_PART:
            return
        for at in self._occurrences(wanted):
            if len(wanted) >= _LEAST_WITHIN_WORDS or self._is_of_whole_words(at, at + len(wanted)):
                yield at

    def _occurrences(self, wanted: str) -> Iterator[int]:
        at = self._joined.find(wanted)
        for _ in range(_MOST_PLACES):
            if at < 0:
                return
            yield at
            at = self._joined.find(wanted, at + 1)

    def _is_of_whole_words(self, start: int, end: int) -> bool:
        first, last = self._position(start), self._position(end - 1)
        before = self._lines[first.line][: first.character][-1:]
        after = self._lines[last.line][last.character + 1 :][:1]
        begins, ends = self._joined[start], self._joined[end - 1]
        return not (_is_word(before) and _is_word(begins)) and not (_is_word(ends) and _is_word(after))

    def _head_and_tail(self, quote: _Quote) -> Iterator[_Span]:
        """What a reviewer shortened with dots: the pieces in their order."""
        pieces = quote.pieces
        if not pieces:
            return
        for start in self._parts(pieces[0]):
            last = self._line_of(start) + _LONGEST_SPAN_LINES
            limit = self._starts[last] if last < len(self._starts) else len(self._joined)
            end = start + len(pieces[0])
            for piece in pieces[1:]:
                at = self._joined.find(piece, end, limit)
                if at < 0:
                    break
                end = at + len(piece)
            else:
                yield _Span(start, end)

    def _gapped(self, quote: _Quote) -> Iterator[_Span]:
        """Lines of it in their order, with others between them, and some of it missing."""
        if len(quote.lines) < _LEAST_GAPPED_LINES or len(quote.joined) < _LEAST_GAPPED:
            return
        wanted = set(quote.lines)
        places: dict[str, list[int]] = {}
        for at, line in enumerate(self._normal):
            if line in wanted:
                places.setdefault(line, []).append(at)
        best: list[_Span] = []
        for first, line in enumerate(quote.lines):
            for start in places.get(line, ())[:_MOST_PLACES]:
                span = self._run(quote, places, first, start)
                if span is not None:
                    best.append(span)
        most = max((span.likeness for span in best), default=0.0)
        yield from (span for span in dict.fromkeys(best) if span.likeness == most)

    def _run(self, quote: _Quote, places: dict[str, list[int]], first: int, start: int) -> _Span | None:
        """From a line of the quote that stands here, the next ones as near as they are."""
        matched, weight, at = 1, len(quote.lines[first]), start
        last = first
        for number in range(first + 1, len(quote.lines)):
            here = places.get(quote.lines[number], [])
            near = bisect_right(here, at)
            if near < len(here) and here[near] - at <= _LONGEST_GAP_LINES:
                at, last = here[near], number
                matched, weight = matched + 1, weight + len(quote.lines[number])
        share = weight / len(quote.joined)
        if matched < _LEAST_GAPPED_LINES or share < _LEAST_GAPPED_SHARE:
            return None
        # Its first and last lines may be those that are not as they stand here.
        begin = max(0, start - first)
        end = min(len(self._normal) - 1, at + len(quote.lines) - 1 - last)
        return _Span(self._starts[begin], self._starts[end] + len(self._normal[end]), share)

    def _fuzzy(self, quote: _Quote) -> Iterator[_Span]:
        """What is alike as a whole."""
        wanted = quote.joined
        if len(wanted) < _LEAST_FUZZY or not self._normal:
            return
        found: dict[int, _Span] = {}
        for estimate in self._estimates(wanted):
            for start, end in self._windows(estimate, len(quote.lines), len(wanted)):
                likeness = indel(wanted, self._joined[start:end])
                line = self._line_of(start)
                if likeness >= LEAST_LIKENESS and (line not in found or found[line].likeness < likeness):
                    found[line] = _Span(start, end, likeness)
        most = max((span.likeness for span in found.values()), default=0.0)
        yield from (span for span in found.values() if span.likeness == most)

    def _estimates(self, wanted: str) -> list[int]:
        """Where it may begin, as far as short pieces of it tell that stand here and there."""
        step = max(1, (len(wanted) - _GRAM) // _MOST_GRAMS)
        votes: Counter[int] = Counter()
        nearest: dict[int, int] = {}
        for offset in range(0, len(wanted) - _GRAM + 1, step):
            for place in self._occurrences(wanted[offset : offset + _GRAM]):
                begins = max(0, place - offset)
                line = self._line_of(begins)
                votes[line] += 1
                nearest.setdefault(line, begins)
        return [nearest[line] for line, _ in votes.most_common(_MOST_CANDIDATES)]

    def _windows(self, estimate: int, lines: int, length: int) -> Iterator[tuple[int, int]]:
        """As long as the quote; and whole lines, one more or less of them."""
        yield estimate, min(estimate + length, len(self._joined))
        first = self._line_of(estimate)
        for begin in (first, first + 1):
            for count in (lines, lines - 1, lines + 1):
                end = begin + count
                if count > 0 and end <= len(self._normal):
                    yield self._starts[begin], self._starts[end - 1] + len(self._normal[end - 1])

    def _line_of(self, offset: int) -> int:
        """The index of the line that is not empty, in which an offset of all that was put together lies."""
        return bisect_right(self._starts, offset) - 1

    def _position(self, offset: int) -> Position:
        """Of the character itself, in the text as it is."""
        index = self._line_of(offset)
        number, left = self._numbers[index], offset - self._starts[index]
        for character, found in enumerate(self._lines[number]):
            if found.translate(_TABLE):
                if left == 0:
                    return Position(number, character)
                left -= 1
        raise AssertionError(offset)

    def _range(self, span: _Span, quote: _Quote) -> Range:
        """With the commas and semicolons at its end, as far as the quote had them, too."""
        start, last = self._position(span.start), self._position(span.end - 1)
        line, end = self._lines[last.line], last.character + 1
        for mark in quote.tail:
            if line[end : end + 1] != mark:
                break
            end += 1
        return Range(start, Position(last.line, end))


class _Quote:
    """One form of a quote. ``tail`` are commas and semicolons at its end; ``pieces`` what stood around dots."""

    def __init__(self, text: str) -> None:
        self.lines = [line for line in text.translate(_TABLE).split("\n") if line]
        self.joined = "".join(self.lines)
        stripped = text.rstrip()
        self.tail = stripped[len(stripped.rstrip(",;")) :]
        parts = _DOTS.split(text)
        pieces = [part.translate(_TABLE).replace("\n", "") for part in parts] if len(parts) > 1 else []
        # A piece that says little would stand anywhere.
        self.pieces = [piece for piece in pieces if len(piece) >= _LEAST_PART]
        if len(self.pieces) == 1 and len(self.pieces[0]) < _LEAST_WITHIN_WORDS:
            self.pieces = []


_DOTS = re.compile(
    r"(?:^[^\S\n]*(?:#|//|/\*|--|<!--)?[^\S\n]*)?(?:\[?\.\.\.+\]?|\[?…\]?)(?:[^\S\n]*(?:\*/|-->))?", re.MULTILINE
)
_FENCE = re.compile(r"^[^\S\n]*(?:```+|~~~+)[^\n]*$", re.MULTILINE)
_NUMBER = re.compile(r"^[^\S\n]*(?:L|line )?(\d{1,7})[^\S\n]*(?:[:|→│\-+]|\t|[^\S\n]{1,2}|$)[^\S\n]?", re.IGNORECASE)
_HUNK = re.compile(r"^(?:@@ .*|diff --git .*|index [0-9a-f]+\.\..*|(?:\+\+\+|---) .*)$")


def _forms(quote: str) -> list[str]:
    """What the quote may be meant as, as it stands first: without fences, line numbers and the marks of a diff."""
    quote = quote[:_LONGEST_QUOTE].replace("\r\n", "\n").replace("\r", "\n")
    found = [quote]
    plain = _FENCE.sub("", quote)
    found += [plain, _unquoted(plain)]
    bare = _without_numbers(plain)
    for form in (bare, plain):
        found += [form, _without_marks(form), _without_numbers(_without_marks(form))]
    return list(dict.fromkeys(found))


def _unquoted(text: str) -> str:
    stripped = text.strip()
    if len(stripped) > len("``") and stripped[0] == stripped[-1] and stripped[0] in "`\"'":
        return stripped.strip(stripped[0])
    return text


def _without_numbers(text: str) -> str:
    """Where each line has one."""
    lines = text.split("\n")
    if not all(_NUMBER.match(line) for line in lines if line.strip()):
        return text
    return "\n".join(_NUMBER.sub("", line, count=1) for line in lines)


def _numbered(quote: str) -> int | None:
    """The number before the first line, where each line has one."""
    lines = [line for line in _FENCE.sub("", quote[:_LONGEST_QUOTE]).split("\n") if line.strip()]
    found = [_NUMBER.match(line) for line in lines]
    return int(found[0][1]) if found and found[0] is not None and all(found) else None


def _without_marks(text: str) -> str:
    """What a diff says stands there now: without removed lines, and without its heads."""
    lines = [line for line in text.split("\n") if not _HUNK.match(line)]
    marked = [line for line in lines if line[:1] in {"+", "-"}]
    if not marked or not all(line[:1] in {"+", "-", " ", ""} for line in lines):
        # Only the first line may have lost its blanks before the mark of the others was seen.
        return "\n".join(line[1:] if line[:1] == "+" else line for line in lines if line[:1] != "-")
    return "\n".join(line[1:] for line in lines if line[:1] != "-")


def _is_word(character: str) -> bool:
    return bool(character) and (character.isalnum() or character == "_")


def fitted(text: str, anchor: Anchor, quote: str, replacement: str) -> str | None:
    """A replacement as it is to be put into the range of its anchor: with the indentation of that place.

    ``None`` where the anchor is not sure enough, or nothing would change.
    """
    if not anchor.replaceable:
        return None
    lines = text.split("\n")
    start, end = anchor.range.start, anchor.range.end
    new = _plain(replacement)
    here = lines[start.line][: start.character]
    indent = here[: len(here) - len(here.lstrip())]
    own = _indent(_plain(quote))
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


def _plain(text: str) -> str:
    """Without fences, and the empty lines around."""
    lines = _FENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


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
