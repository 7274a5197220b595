"""An event loop whose clock jumps to the next timer instead of waiting for it: hours pass in no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


class Deadlock(AssertionError):
    """Everybody waits and nothing is going to happen: a wake-up was lost."""


class _Selector(selectors.DefaultSelector):
    """Time passes only here, where the loop would have slept. There is no input or output to wait for in such tests."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Runs ``work`` to its end. Threads cannot be used in it."""
    return anyio.run(work, *arguments, backend_options={"loop_factory": _Loop})
