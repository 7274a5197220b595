"""The tail of what an agent prints, as a person wants to see it: one clean line, a few times a second at most."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from fanout_server.agents.output import last_line

_EVERY_SECONDS = 0.5
_KEPT_BYTES = 4096


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
