"""The edits that an editor gets: as little of its text as helps, so that cursor, folds and marks stay in place.

Lines that were edited are edited where they differ; lines that are new come whole. All within bounds: an editor makes
each edit for itself, and stalls for half a second at 100,000 of them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from attrs import define

from fanout_server.apply import pairing
from fanout_server.apply.inline import differences
from fanout_server.apply.spans import Span, at_most, joined
from fanout_server.apply.splice import LineStarts, TextEdit
from fanout_server.repo.hunks import hunks

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")

MOST_EDITS = 2_000
# Beyond, a hunk that changes this many lines on both sides is one edit.
MOST_LINES = 200
# In all of a file: lines compared with the one they became, their bytes on both sides, and what pairing may cost. Each
# comes to some 0.2 s, the bytes to 5 s if they are made to hurt (noise of single letters).
_LINES = 4_000
_BYTES = 3_000_000
_PAIRING = 20_000_000


def refined_edits(before: bytes, after: bytes) -> tuple[TextEdit, ...]:
    r"""``splice`` makes ``before`` into ``after`` by them; both are UTF-8, the offsets are those of ``before``.

    Sorted, and apart; none is empty, and none begins or ends inside a character, with its marks, or a ``\r\n``.
    """
    old, new = LineStarts(before), LineStarts(after)
    spans = [
        Span(
            old[hunk.old_start],
            old[hunk.old_start + hunk.old_lines],
            new[hunk.new_start],
            new[hunk.new_start + hunk.new_lines],
        )
        for hunk in hunks(before, after)
    ]
    if len(spans) > MOST_EDITS:
        spans = at_most(spans, MOST_EDITS)
    else:
        spans = at_most(_Refining(before, after).all(spans), MOST_EDITS)
    return tuple(_edit(span, before, after) for span in spans)


def _edit(span: Span, before: bytes, after: bytes) -> TextEdit:
    """Without the line end that both sides have: a mark at the start of the next line is not to be touched."""
    old, new = before[span.old_start : span.old_end], after[span.new_start : span.new_end]
    for end in (b"\r\n", b"\n"):
        if old.endswith(end) and new.endswith(end):
            return TextEdit(span.old_start, span.old_end - len(end), new[: -len(end)])
        if old.endswith(end) or new.endswith(end):
            break
    return TextEdit(span.old_start, span.old_end, new)


@define
class _Refining:
    """Spans of whole lines -> spans of what differs in them, as long as the means last."""

    _before: bytes
    _after: bytes
    _lines: int = _LINES
    _bytes: int = _BYTES
    _pairing: int = _PAIRING

    def all(self, spans: Sequence[Span]) -> list[Span]:
        # The small ones first: there it shows most.
        order = sorted(range(len(spans)), key=lambda index: spans[index].old_end - spans[index].old_start)
        found: dict[int, list[Span]] = {index: self._hunk(spans[index]) for index in order}
        return [span for index in range(len(spans)) for span in found[index]]

    def _hunk(self, hunk: Span) -> list[Span]:
        size = hunk.old_end - hunk.old_start + hunk.new_end - hunk.new_start
        if size > self._bytes:
            return [hunk]
        old = _lines(self._before[hunk.old_start : hunk.old_end])
        new = _lines(self._after[hunk.new_start : hunk.new_end])
        count = min(len(old), len(new))
        if not count or count > min(MOST_LINES, self._lines):
            return [hunk]
        self._lines -= count
        self._bytes -= size
        return joined(self._parts(hunk, old, new))

    def _parts(self, hunk: Span, old: Sequence[str], new: Sequence[str]) -> Iterator[Span]:
        old_at, new_at = _places(old, hunk.old_start), _places(new, hunk.new_start)
        old_line = new_line = 0
        for i, j, spans in (*self._alike(old, new), (len(old), len(new), [])):
            if (old_line, new_line) != (i, j):
                yield Span(old_at[old_line], old_at[i], new_at[new_line], new_at[j])
            if spans:
                for span in _in_bytes(spans, old[i], new[j]):
                    yield span.shifted(old_at[i], new_at[j])
            old_line, new_line = i + 1, j + 1

    def _alike(self, old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int, list[Span]]]:
        """Indexes of lines that are one line edited, in order, and where they differ."""
        if len(old) == len(new):
            found = _differing(old, new, [(index, index) for index in range(len(old))])
            if len(found) == len(old):
                return found
        cost = pairing.cost(old, new)
        if cost > self._pairing:
            return []
        self._pairing -= cost
        return _differing(old, new, pairing.pairs(old, new))


def _differing(
    old: Sequence[str], new: Sequence[str], pairs: Sequence[tuple[int, int]]
) -> list[tuple[int, int, list[Span]]]:
    found = ((i, j, differences(old[i], new[j])) for i, j in pairs)
    return [(i, j, spans) for i, j, spans in found if spans is not None]


def _lines(data: bytes) -> list[str]:
    return [line.decode() for line in _LINE.findall(data)]


def _places(lines: Sequence[str], start: int) -> list[int]:
    """Where each begins, in bytes, and where the last one ends."""
    return list(itertools.accumulate((len(line.encode()) for line in lines), initial=start))


def _in_bytes(spans: Sequence[Span], old: str, new: str) -> Iterator[Span]:
    """In order, so that each part of a long line is encoded once."""
    last = Span(0, 0, 0, 0)
    old_at = new_at = 0
    for span in spans:
        old_start = old_at + len(old[last.old_end : span.old_start].encode())
        new_start = new_at + len(new[last.new_end : span.new_start].encode())
        old_at = old_start + len(old[span.old_start : span.old_end].encode())
        new_at = new_start + len(new[span.new_start : span.new_end].encode())
        yield Span(old_start, old_at, new_start, new_at)
        last = span
