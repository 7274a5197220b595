"""How many agents work at a time, and who is next: units get their first slot in the order of the plan."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import anyio
from attrs import field, frozen


class Stopwatch:
    """Seconds since ``start``, by a clock that does not jump; nought before."""

    def __init__(self) -> None:
        self._began: float | None = None

    def start(self) -> None:
        if self._began is None:
            self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began


@frozen
class Turn:
    """A unit's place in the queue. ``passed`` is set when it has had its first slot, or will never want one.

    ``stopwatch`` starts with the first slot: waiting for one is no part of the unit's work.
    """

    previous: anyio.Event
    passed: anyio.Event = field(factory=anyio.Event)
    stopwatch: Stopwatch = field(factory=Stopwatch)


class Slots:
    def __init__(self, count: int) -> None:
        self._limiter = anyio.CapacityLimiter(count)
        self._last = anyio.Event()
        self._last.set()

    def queue(self) -> Turn:
        """The next place. Its ``passed`` must be set in the end, whatever happens to the unit."""
        turn = Turn(self._last)
        self._last = turn.passed
        return turn

    @contextlib.asynccontextmanager
    async def held(self, turn: Turn) -> AsyncIterator[None]:
        """A slot inside the block. A worktree may be ready earlier than that of the unit before; it waits for it."""
        await turn.previous.wait()
        async with self._limiter:
            turn.passed.set()
            turn.stopwatch.start()
            yield
