"""Output cut into lines, however it arrives, with a bound on what a line may hold."""

from __future__ import annotations

from collections.abc import Iterator

LINE_BYTES = 4 * 1024 * 1024


class Lines:
    """Of a line longer than ``limit`` only the beginning is kept."""

    def __init__(self, limit: int = LINE_BYTES) -> None:
        self._limit = limit
        self._begun = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that ``data`` ends, without LF or CR LF."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._keep(piece)
            yield self._take()
        self._keep(rest)

    def end(self) -> Iterator[bytes]:
        """What is left of a last line without an end."""
        if self._begun:
            yield self._take()

    def _keep(self, piece: bytes) -> None:
        self._begun += piece[: self._limit - len(self._begun)]

    def _take(self) -> bytes:
        line = bytes(self._begun).removesuffix(b"\r")
        self._begun.clear()
        return line
