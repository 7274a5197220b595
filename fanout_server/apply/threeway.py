r"""Two people changed the same text: both changes are kept where they are apart, else it is a conflict.

The rules are those of ``git merge-file``: lines end at ``\n``, changes that overlap or touch conflict, and changes
that made the same of the same lines are one change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from attrs import evolve, frozen

from fanout_server.apply.splice import LineStarts, TextEdit
from fanout_server.repo.hunks import Hunk, hunks

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


@frozen
class Region:
    """Bytes ``start`` up to ``end`` of OUR text that both sides changed, each in its way."""

    start: int
    end: int


@frozen
class Conflict:
    regions: tuple[Region, ...]


def merge(base: bytes, ours: bytes, theirs: bytes) -> tuple[TextEdit, ...] | Conflict:
    """What to change in ``ours`` so that it holds the changes of ``theirs`` too; offsets are those of ``ours``."""
    our_lines, their_lines = LineStarts(ours), LineStarts(theirs)
    edits: list[TextEdit] = []
    regions: list[Region] = []
    for overlap in _overlaps(hunks(base, ours), hunks(base, theirs)):
        if not overlap.theirs:
            continue
        start, end = (our_lines[line] for line in overlap.range_in_ours())
        new = theirs[slice(*(their_lines[line] for line in overlap.range_in_theirs()))]
        if not overlap.ours:
            edits.append(TextEdit(start, end, new))
        elif ours[start:end] != new:
            regions.append(Region(start, end))
    return Conflict(tuple(regions)) if regions else tuple(edits)


class Choice(StrEnum):
    """What becomes of lines that both sides changed: ``BOTH`` has ours and then theirs.

    ``DROP`` is for what nobody else changed: a unit's part of a file is taken out again; ``DROP_UNIT`` does so in all
    files. ``REPLACE`` puts what a finding suggests in the place of what it is about.
    """

    MINE = "mine"
    THEIRS = "theirs"
    BOTH = "both"
    DROP = "drop"
    DROP_UNIT = "drop-unit"
    REPLACE = "replace"


def resolve(base: bytes, ours: bytes, theirs: bytes, choice: Choice) -> tuple[TextEdit, ...]:
    """As ``merge``, but where that is a conflict the choice decides, so there is always a way."""
    our_lines, their_lines = LineStarts(ours), LineStarts(theirs)
    edits: list[TextEdit] = []
    for overlap in _overlaps(hunks(base, ours), hunks(base, theirs)):
        if not overlap.theirs or (overlap.ours and choice is Choice.MINE):
            continue
        start, end = (our_lines[line] for line in overlap.range_in_ours())
        new = theirs[slice(*(their_lines[line] for line in overlap.range_in_theirs()))]
        if ours[start:end] == new:
            continue
        if overlap.ours and choice is Choice.BOTH:
            start, new = _added(ours[start:end], new, start)
            end = start
        edits.append(TextEdit(start, end, new))
    return tuple(edits)


def _added(mine: bytes, new: bytes, start: int) -> tuple[int, bytes]:
    """Where to put which lines of ``new`` so that both are there, with what they begin and end with alike but once."""
    ours, theirs = _LINE.findall(mine), _LINE.findall(new)
    while ours and theirs and ours[0] == theirs[0]:
        start += len(ours.pop(0))
        theirs.pop(0)
    while ours and theirs and ours[-1] == theirs[-1]:
        ours.pop()
        theirs.pop()
    mine, new = b"".join(ours), b"".join(theirs)
    # Only the last line of a text may have no end.
    needs_end = bool(mine and new) and not mine.endswith(b"\n")
    return start + len(mine), b"\n" + new if needs_end else new


@frozen
class _Overlap:
    """Lines ``start`` up to ``end`` of the base, and the changes of both sides that lie in them.

    ``shift_ours`` and ``shift_theirs`` say how many lines a side had added before ``start``.
    """

    start: int
    end: int
    ours: tuple[Hunk, ...]
    theirs: tuple[Hunk, ...]
    shift_ours: int
    shift_theirs: int

    def range_in_ours(self) -> tuple[int, int]:
        return self.start + self.shift_ours, self.end + self.shift_ours + _growth(self.ours)

    def range_in_theirs(self) -> tuple[int, int]:
        return self.start + self.shift_theirs, self.end + self.shift_theirs + _growth(self.theirs)


def _overlaps(ours: Sequence[Hunk], theirs: Sequence[Hunk]) -> Iterator[_Overlap]:
    """The changes of both sides, in order; those that overlap or touch come together."""
    shift_ours = shift_theirs = 0
    group: _Overlap | None = None
    for hunk, is_ours in _in_order(ours, theirs):
        if group is not None and hunk.old_start > group.end:
            yield group
            shift_ours += _growth(group.ours)
            shift_theirs += _growth(group.theirs)
            group = None
        if group is None:
            group = _Overlap(hunk.old_start, hunk.old_start, (), (), shift_ours, shift_theirs)
        end = max(group.end, hunk.old_start + hunk.old_lines)
        if is_ours:
            group = evolve(group, end=end, ours=(*group.ours, hunk))
        else:
            group = evolve(group, end=end, theirs=(*group.theirs, hunk))
    if group is not None:
        yield group


def _in_order(ours: Sequence[Hunk], theirs: Sequence[Hunk]) -> list[tuple[Hunk, bool]]:
    tagged = [(hunk, True) for hunk in ours] + [(hunk, False) for hunk in theirs]
    return sorted(tagged, key=lambda pair: pair[0].old_start)


def _growth(side: Sequence[Hunk]) -> int:
    return sum(hunk.new_lines - hunk.old_lines for hunk in side)
