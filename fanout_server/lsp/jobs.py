"""Work that outlives the request that began it: owned by the server's task group, answered for soon, told of later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.abc

from fanout_server.model import FanoutError
from fanout_server.tasks import spawn

T = TypeVar("T")


class Pending:
    """What ``Job.within`` gives for a job that needs longer."""


PENDING = Pending()


class Job(Generic[T]):
    """One piece of work. When nobody waits for it any more, ``late`` is told what went wrong, ``done`` the result."""

    def __init__(
        self,
        work: Callable[[], Awaitable[T]],
        late: Callable[[Exception], None],
        done: Callable[[T], None] | None = None,
    ) -> None:
        self._work = work
        self._late = late
        self._told = done
        self._scope = anyio.CancelScope()
        self._done = anyio.Event()
        self._outcome: list[T] = []
        self._error: Exception | None = None
        self._abandoned = False

    def start(self, tasks: anyio.abc.TaskGroup) -> Job[T]:
        if not spawn(tasks, self._run):
            # Whoever waits hears that the server ended it.
            self._done.set()
        return self

    def cancel(self) -> None:
        self._scope.cancel()

    async def within(self, seconds: float) -> T | Pending:
        """The result, if it comes soon. Raises what the work raised. Cancelling this wait cancels the work."""
        try:
            with anyio.move_on_after(seconds):
                await self._done.wait()
        except BaseException:
            self.cancel()
            raise
        if not self._done.is_set():
            self._abandoned = True
            return PENDING
        if self._error is not None:
            raise self._error
        if not self._outcome:
            raise JobCancelled("The server ended this before it was done.")
        return self._outcome[0]

    async def _run(self) -> None:
        try:
            with self._scope:
                result = await self._work()
                self._outcome.append(result)
                if self._abandoned and self._told is not None:
                    self._told(result)
        except Exception as error:  # noqa: BLE001 - handed on to whoever waits, or told to the user
            self._error = error
            if self._abandoned:
                self._late(error)
        finally:
            self._done.set()


class JobCancelled(FanoutError):
    """The work was ended from elsewhere: the server stops, or another command took its place."""
