"""The smallest line edits between two texts, whatever bytes they are made of."""

from __future__ import annotations

import pygit2
from attrs import frozen
from pygit2.enums import DiffOption

# Forced, since libgit2 gives no hunks for what holds a NUL byte.
_FLAGS = DiffOption.FORCE_TEXT | DiffOption.MINIMAL


@frozen
class Hunk:
    """Lines ``old_start .. old_start + old_lines`` become ``new_start .. new_start + new_lines`` (indexes from 0)."""

    old_start: int
    old_lines: int
    new_start: int
    new_lines: int


def hunks(old: bytes, new: bytes) -> tuple[Hunk, ...]:
    """In order, without overlap. Lines end at a line feed alone and hold it; only the last may be without."""
    if old == new:
        return ()
    patch = pygit2.Patch.create_from(old, new, context_lines=0, interhunk_lines=0, flag=_FLAGS)
    return tuple(
        Hunk(
            _index(hunk.old_start, hunk.old_lines),
            hunk.old_lines,
            _index(hunk.new_start, hunk.new_lines),
            hunk.new_lines,
        )
        for hunk in patch.hunks
    )


def _index(start: int, lines: int) -> int:
    """Git counts from 1, except that an empty side names the line before it."""
    return start - 1 if lines else start
