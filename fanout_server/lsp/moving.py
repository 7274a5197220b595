"""Places in a text that is being edited: they stay on the characters that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen
from lsprotocol import types

from fanout_server.apply.splice import LineStarts
from fanout_server.lsp.documents import Change
from fanout_server.lsp.positions import Encoding, Lines
from fanout_server.repo.ends import common_head, common_tail
from fanout_server.repo.hunks import hunks

# A client may send the whole text for each key. The comparison of this much takes a few milliseconds.
_LONGEST_COMPARED = 1 << 20
_MINIMAL_LINES = 500


@frozen
class Splice:
    """The characters ``start`` up to ``end`` were replaced by ``length`` others."""

    start: int
    end: int
    length: int


@frozen
class Span:
    """The characters ``start`` up to ``end`` of a text."""

    start: int
    end: int


def splices(before: str, after: str, change: Change, encoding: Encoding) -> tuple[Splice, ...]:
    """What a change of ``before`` to ``after`` replaced, to be taken one after the other."""
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return tuple(_compared(before, after))
    lines = Lines.of(before)
    start = lines.offset(change.range.start.line, change.range.start.character, encoding)
    end = lines.offset(change.range.end.line, change.range.end.character, encoding)
    return (Splice(start, max(start, end), len(change.text)),)


def _compared(before: str, after: str) -> Iterator[Splice]:
    """Where two texts differ, the last place first, so that none moves another."""
    if len(before) + len(after) > _LONGEST_COMPARED:
        yield from _trimmed(before, after, 0)
        return
    old, new = (text.encode("utf-8", "surrogatepass") for text in (before, after))
    old_starts, new_starts = LineStarts(old), LineStarts(new)
    for hunk in reversed(hunks(old, new, _MINIMAL_LINES)):
        first, last = old_starts[hunk.old_start], old_starts[hunk.old_start + hunk.old_lines]
        added = new[new_starts[hunk.new_start] : new_starts[hunk.new_start + hunk.new_lines]]
        at = len(old[:first].decode("utf-8", "surrogatepass"))
        yield from _trimmed(
            old[first:last].decode("utf-8", "surrogatepass"), added.decode("utf-8", "surrogatepass"), at
        )


def _trimmed(before: str, after: str, at: int) -> Iterator[Splice]:
    head = common_head(before, after)
    tail = common_tail(before[head:], after[head:])
    if len(before) != len(after) or head < len(before):
        yield Splice(at + head, at + len(before) - tail, len(after) - head - tail)


def moved(span: Span, edits: Iterable[Splice]) -> Span:
    """Where the characters of ``span`` are after the edits.

    What is typed at its ends is not part of it; what is changed within it is. Of one whose characters are all gone
    the place is left, where they were.
    """
    for edit in edits:
        span = _moved(span, edit)
    return span


def _moved(span: Span, edit: Splice) -> Span:
    grown = edit.length - (edit.end - edit.start)
    if span.end <= edit.start and not (span.start == span.end == edit.start):
        return span
    if edit.end <= span.start:
        # The first place of a text stands for all of it.
        return span if span == Span(0, 0) else Span(span.start + grown, span.end + grown)
    if edit.start <= span.start and span.end <= edit.end:
        return Span(edit.start, edit.start)
    if span.start <= edit.start and edit.end <= span.end:
        return Span(span.start, span.end + grown)
    if edit.start < span.start:
        return Span(edit.start + edit.length, span.end + grown)
    return Span(span.start, edit.start)
