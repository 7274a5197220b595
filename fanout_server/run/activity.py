"""The tail of what an agent prints or tells, as a person wants to see it: a clean line, now and then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from fanout_server.agents import events
from fanout_server.agents.output import last_line

_EVERY_SECONDS = 0.5
_KEPT_BYTES = 4096


_T = TypeVar("_T")


class Teller(Generic[_T]):
    """Tells what there is to ``read``, when there is news of it, at most twice a second."""

    def __init__(self, read: Callable[[], _T], tell: Callable[[_T], Awaitable[None]]) -> None:
        self._read = read
        self._tell = tell
        self._news = anyio.Event()

    def news(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        told: _T | None = None
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            now = self._read()
            if now and now != told:
                await self._tell(now)
                told = now
            await anyio.sleep(_EVERY_SECONDS)


class ActivityTail:
    """Takes output as it comes and tells its last line."""

    def __init__(self, tell: Callable[[str], Awaitable[None]]) -> None:
        self._teller = Teller(lambda: last_line(self._kept), tell)
        self._kept = b""

    def feed(self, data: bytes) -> None:
        self._kept = (self._kept + data[-_KEPT_BYTES:])[-_KEPT_BYTES:]
        self._teller.news()

    def clear(self) -> None:
        """Forgets what was not told yet."""
        self._kept = b""

    async def run(self) -> None:
        """Until cancelled."""
        await self._teller.run()


def activity_of(event: events.AgentEvent) -> str:
    """What an agent told, in a few words; empty where it is of no interest."""
    match event:
        case events.Said(text=text):
            return text
        case events.UsedTool():
            return _tool(event.name, event.path, event.command)
        case events.Denied():
            return f"not allowed: {_tool(event.name, event.path, event.command)}"
        case events.Retrying():
            after = "" if event.delay is None else f", again in {event.delay:.0f} s"
            return f"{str(event.kind).replace('-', ' ')}{after}"
        case events.Finished(text=text, problem=problem):
            return problem or text
        case _:
            return ""


def _tool(name: str, path: str, command: str) -> str:
    return " ".join(part for part in (name, path or command) if part)
