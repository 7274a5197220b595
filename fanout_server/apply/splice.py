"""A piece of a text is replaced by another: the edit that all of this room speaks in."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen


@frozen
class TextEdit:
    """The bytes from ``start`` up to, not including, ``end`` become ``new``."""

    start: int
    end: int
    new: bytes


def splice(data: bytes, edits: Sequence[TextEdit]) -> bytes:
    """All edits at once: they are sorted, do not overlap, and their offsets are those of ``data``."""
    parts: list[bytes] = []
    at = 0
    for edit in edits:
        parts += (data[at : edit.start], edit.new)
        at = edit.end
    return b"".join((*parts, data[at:]))


class LineStarts:
    r"""Byte offset of each line of ``data``, split after ``\n`` only; one past the last line is its end."""

    def __init__(self, data: bytes) -> None:
        self._starts = [0]
        at = data.find(b"\n")
        while at != -1:
            self._starts.append(at + 1)
            at = data.find(b"\n", at + 1)
        if self._starts[-1] != len(data):
            self._starts.append(len(data))

    def __getitem__(self, line: int) -> int:
        return self._starts[line]
