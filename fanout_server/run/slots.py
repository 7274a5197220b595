"""How many agents work at a time, and who is next: units get their first slot in the order of the plan."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

import anyio
from attrs import field, frozen

# Worktrees made ahead of a free slot, so that no slot waits for a checkout.
_AHEAD = 8

# About what a supervisor and an agent need to be up, several at a time.
_START_SECONDS = 0.1


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


@frozen(eq=False)
class Turn:
    """A unit's place in the queue. ``passed`` is set when it has had its first slot, or will never want one.

    ``stopwatch`` starts with the first slot: waiting for one is no part of the unit's work.
    """

    previous: anyio.Event
    passed: anyio.Event = field(factory=anyio.Event)
    stopwatch: Stopwatch = field(factory=Stopwatch)


class Preparing:
    """One of the few units that get ready at a time. Let go of when it has its slot, or gives up."""

    def __init__(self, places: anyio.Semaphore, after: anyio.Event, calm: Callable[[], Awaitable[None]]) -> None:
        self._places = places
        self._calm = calm
        self._after = after
        self._held = False

    async def __aenter__(self) -> Self:
        await self._after.wait()
        await self._places.acquire()
        self._held = True
        await self._calm()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        if self._held:
            self._held = False
            self._places.release()


class Slots:
    """``workers`` is how many units should be taken up at once: those that work and those that get ready."""

    def __init__(self, count: int) -> None:
        ahead = min(count, _AHEAD)
        self.workers = count + ahead
        self._limiter = anyio.CapacityLimiter(count)
        self._preparing = anyio.Semaphore(ahead)
        self._count = count
        self._started = -math.inf
        self._turns: list[Turn] = []
        self._nobody = anyio.Event()
        self._nobody.set()

    def queue(self) -> Turn:
        """The next place. Its ``passed`` must be set in the end, whatever happens to the unit."""
        turn = Turn(self._turns[-1].passed if self._turns else self._nobody)
        self._turns.append(turn)
        return turn

    def preparing(self, turn: Turn) -> Preparing:
        """Inside the block a unit makes its worktree and waits for its slot; no more than a few do at a time.

        Nobody gets ready ahead before the first units are at work: it would only slow their start.
        """
        first = turn in self._turns[: self._count]
        return Preparing(self._preparing, self._nobody if first else self._turns[self._count - 1].passed, self.calm)

    async def calm(self) -> None:
        """Waits a moment where an agent has just been started: what can wait must not slow that start."""
        await anyio.sleep(max(0.0, self._started + _START_SECONDS - anyio.current_time()))

    @contextlib.asynccontextmanager
    async def held(self, turn: Turn, preparing: Preparing) -> AsyncIterator[None]:
        """A slot inside the block. A worktree may be ready earlier than that of the unit before; it waits for it."""
        await turn.previous.wait()
        async with self._limiter:
            turn.passed.set()
            turn.stopwatch.start()
            preparing.release()
            self._started = anyio.current_time()
            yield
