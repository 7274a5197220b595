"""The output of a program on its way to a log of bounded size, and to whoever listens."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

TAIL_BYTES = 64 * 1024
LOG_BYTES = 16 * 1024 * 1024

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_]|[ -/]+[0-~])")
_NOT_SHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Output:
    """Counts, logs and passes on what a program prints; keeps the last 64 KiB.

    The log holds all of it up to ``limit`` bytes. What comes after that is left out but for the last 64 KiB, and a line
    in the log says so. ``open``, ``log`` and ``close`` block.
    """

    def __init__(self, path: Path, listener: Callable[[bytes], None], limit: int = LOG_BYTES) -> None:
        self.size = 0
        self.path = path
        self._listener = listener
        self._limit = limit
        self._lock = threading.Lock()
        self._closed = False
        self._file: BinaryIO | None = None
        self._logged = 0
        self._tail = bytearray()

    @property
    def tail(self) -> bytes:
        return bytes(self._tail[-TAIL_BYTES:])

    @property
    def wants_log(self) -> bool:
        """False once the log is full, so that a flood costs no trips to a thread."""
        return self._logged < self._limit

    def open(self) -> None:
        """Does nothing after ``close``: a thread may come to this when its task is gone already."""
        with self._lock:
            if not self._closed:
                self._file = self.path.open("wb", buffering=0)

    def take(self, data: bytes) -> None:
        """Counts ``data``, keeps its end and hands it to the listener."""
        self.size += len(data)
        self._tail += data
        if len(self._tail) > 2 * TAIL_BYTES:
            del self._tail[:-TAIL_BYTES]
        self._listener(data)

    def log(self, data: bytes) -> None:
        """Writes what of ``data`` the log has room for."""
        part = data[: self._limit - self._logged]
        self._logged += len(part)
        self._write(part)
        if not self.wants_log:
            self._write(b"\n[fanout: the log is full at %d bytes; only the end of the output follows]\n" % self._limit)

    def close(self) -> None:
        """Adds the end of what the log had no room for."""
        with self._lock:
            self._closed = True
        if self._file is None:
            return
        try:
            missing = self.size - self._logged
            if missing > 0:
                end = self.tail[-missing:]
                self._write(b"[fanout: %d bytes left out]\n" % (missing - len(end)))
                self._write(end)
        finally:
            self._file.close()
            self._file = None

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise ValueError("the log is not open")
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


def without_escapes(text: str) -> str:
    """Without what is there to move a terminal's cursor and to colour."""
    return _ESCAPE.sub("", text)


def visible(text: str) -> str:
    """Without what shows nothing, or would show what is not there."""
    return _NOT_SHOWN.sub("", text)


def last_line(data: bytes, limit: int = 200) -> str:
    """The last line of ``data`` that shows anything, fit for a row of a terminal: no escapes, ``limit`` at most."""
    return next(iter(last_lines(data, 1, limit)), "")


def last_lines(data: bytes, most: int, limit: int = 200) -> tuple[str, ...]:
    """As ``last_line``, of several lines, in their order."""
    text = _ESCAPE.sub("", data.decode("utf-8", "replace"))
    found: list[str] = []
    for line in reversed(re.split(r"[\r\n]", text)):
        clean = _NOT_SHOWN.sub("", line.replace("\t", " ")).strip()
        if clean:
            found.append(clean if len(clean) <= limit else clean[: limit - 1] + "…")
        if len(found) == most:
            break
    return tuple(reversed(found))
