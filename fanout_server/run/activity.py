"""The tail of what an agent prints, as a person wants to see it: one clean line, a few times a second at most."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import anyio

_EVERY_SECONDS = 0.5
_LONGEST = 200
_KEPT_BYTES = 4096

# Escape sequences of terminals: CSI, OSC, and the two-character ones.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def clean_line(text: str) -> str:
    """``text`` without terminal escapes and control characters, cut at 200 characters."""
    text = _ESCAPES.sub("", text)
    text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())[:_LONGEST]


def last_line(data: bytes) -> str:
    """The last line of ``data`` that has something to read, cleaned; empty where there is none."""
    for line in reversed(re.split(r"[\r\n]+", data.decode("utf-8", "replace"))):
        cleaned = clean_line(line)
        if cleaned:
            return cleaned
    return ""


class ActivityTail:
    """Takes output as it comes and tells the last line at most twice a second."""

    def __init__(self, tell: Callable[[str], Awaitable[None]]) -> None:
        self._tell = tell
        self._kept = b""
        self._news = anyio.Event()

    def feed(self, data: bytes) -> None:
        self._kept = (self._kept + data[-_KEPT_BYTES:])[-_KEPT_BYTES:]
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        told = ""
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            line = last_line(self._kept)
            if line and line != told:
                await self._tell(line)
                told = line
            await anyio.sleep(_EVERY_SECONDS)
