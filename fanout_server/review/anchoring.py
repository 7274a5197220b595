"""Where in a file a reviewer's quote stands: by what it says, in steps from strict to lenient; the line is a hint.

All is compared without white space, commas and semicolons, and with one kind of quotes: reviewers copy these badly. So
a text is one long string here, its lines put together, and a place in it is a span of that.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from attrs import frozen

from fanout_server.model import Position, Range
from fanout_server.review.quotes import LEAST_ALONE, LEAST_PIECE, Quote, forms, normal, number_of
from fanout_server.review.similar import indel

LEAST_LIKENESS = 0.82

_LEAST_EXACT = 3
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
        lines = normal(text).split("\n")
        self._numbers = [number for number, line in enumerate(lines) if line]
        self._normal = [lines[number] for number in self._numbers]
        self._joined = "".join(self._normal)
        self._starts = list(itertools.accumulate((len(line) for line in self._normal[:-1]), initial=0))

    def find(self, quote: str, line_hint: int | None = None) -> Anchor | None:
        """``line_hint`` counts from 1; of several places it tells which. ``None``: the quote is not from here."""
        if not self._normal:
            return None
        meant = forms(quote)
        hint = line_hint if line_hint is not None else number_of(quote)
        ways: Sequence[tuple[Way, Callable[[Quote], Iterable[_Span]]]] = (
            (Way.EXACT, self._exact),
            (Way.PART, self._part),
            (Way.HEAD_AND_TAIL, self._head_and_tail),
            (Way.GAPPED, self._gapped),
            (Way.FUZZY, self._fuzzy),
        )
        for way, places in ways:
            found = [(form, list(places(form))) for form in meant]
            likeness = max((span.likeness for _, spans in found for span in spans), default=0.0)
            for form, spans in found:
                best = [span for span in spans if span.likeness == likeness]
                if best:
                    span = min(best, key=lambda one: self._distance(one, hint))
                    return Anchor(self._range(span, form), way, len(best) == 1)
        return None

    def _distance(self, span: _Span, hint: int | None) -> tuple[int, int]:
        line = self._numbers[self._line_of(span.start)]
        return abs(line + 1 - hint) if hint is not None else 0, line

    def _exact(self, quote: Quote) -> Iterator[_Span]:
        """All of some lines."""
        if len(quote.joined) < _LEAST_EXACT:
            return
        count = len(quote.lines)
        for at in self._occurrences(quote.joined):
            line = self._line_of(at)
            if self._starts[line] == at and self._normal[line : line + count] == quote.lines:
                yield _Span(at, at + len(quote.joined))

    def _part(self, quote: Quote) -> Iterator[_Span]:
        """Anything within, however it is broken into lines."""
        for at in self._parts(quote.joined):
            yield _Span(at, at + len(quote.joined))

    def _parts(self, wanted: str) -> Iterator[int]:
        if len(wanted) < LEAST_PIECE:
            return
        for at in self._occurrences(wanted):
            if len(wanted) >= LEAST_ALONE or self._is_of_whole_words(at, at + len(wanted)):
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

    def _head_and_tail(self, quote: Quote) -> Iterator[_Span]:
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

    def _gapped(self, quote: Quote) -> Iterator[_Span]:
        """Lines of it in their order, with others between them, and some of it missing."""
        if len(quote.lines) < _LEAST_GAPPED_LINES or len(quote.joined) < _LEAST_GAPPED:
            return
        wanted = set(quote.lines)
        places: dict[str, list[int]] = {}
        for at, line in enumerate(self._normal):
            if line in wanted:
                places.setdefault(line, []).append(at)
        found: list[_Span] = []
        for first, line in enumerate(quote.lines):
            for start in places.get(line, ())[:_MOST_PLACES]:
                span = self._run(quote, places, first, start)
                if span is not None:
                    found.append(span)
        yield from dict.fromkeys(found)

    def _run(self, quote: Quote, places: dict[str, list[int]], first: int, start: int) -> _Span | None:
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

    def _fuzzy(self, quote: Quote) -> Iterator[_Span]:
        """What is alike as a whole."""
        wanted = quote.joined
        if len(wanted) < _LEAST_FUZZY:
            return
        found: dict[int, _Span] = {}
        for estimate in self._estimates(wanted):
            for start, end in self._windows(estimate, len(quote.lines), len(wanted)):
                likeness = indel(wanted, self._joined[start:end])
                line = self._line_of(start)
                if likeness >= LEAST_LIKENESS and (line not in found or found[line].likeness < likeness):
                    found[line] = _Span(start, end, likeness)
        yield from found.values()

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
            if normal(found):
                if left == 0:
                    return Position(number, character)
                left -= 1
        raise AssertionError(offset)

    def _range(self, span: _Span, quote: Quote) -> Range:
        """With the commas and semicolons at its end, as far as the quote had them, too."""
        start, last = self._position(span.start), self._position(span.end - 1)
        line, end = self._lines[last.line], last.character + 1
        for mark in quote.tail:
            if line[end : end + 1] != mark:
                break
            end += 1
        return Range(start, Position(last.line, end))


def _is_word(character: str) -> bool:
    return bool(character) and (character.isalnum() or character == "_")
