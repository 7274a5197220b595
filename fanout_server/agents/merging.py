"""Two streams in one: what a program tells, and what it complains of beside that."""

from __future__ import annotations

_MOST = 64 * 1024


class Merged:
    """The second stream comes line by line, and never within a line of the first.

    What waits for the end of a line of the first is bounded: the oldest of it is left out.
    """

    def __init__(self) -> None:
        self._within_line = False
        self._waiting = bytearray()

    def first(self, data: bytes) -> bytes:
        """What there is to tell now that ``data`` came from the first stream; so for the others."""
        head, end, rest = data.rpartition(b"\n")
        if not end:
            self._within_line = self._within_line or bool(data)
            return data
        self._within_line = bool(rest)
        return head + end + self._lines() + rest

    def second(self, data: bytes) -> bytes:
        self._waiting += data
        told = b"" if self._within_line else self._lines()
        if len(self._waiting) > _MOST:
            del self._waiting[:-_MOST]
        return told

    def end(self) -> bytes:
        """The end of both."""
        rest = bytes(self._waiting)
        self._waiting.clear()
        return b"\n" + rest if rest and self._within_line else rest

    def _lines(self) -> bytes:
        at = self._waiting.rfind(b"\n") + 1
        lines = bytes(self._waiting[:at])
        del self._waiting[:at]
        return lines
