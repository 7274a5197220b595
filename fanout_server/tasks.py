"""Work that is begun in a task group that outlives whoever begins it, and that may be about to end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio.abc


def spawn(tasks: anyio.abc.TaskGroup, work: Callable[..., Coroutine[Any, Any, object]], *args: object) -> bool:
    """``False`` where the group is cancelled: then nothing is begun.

    By anyio 4.16 what is begun there may never be cancelled: once all others of the group are shielded or over, it has
    ceased to pass the cancellation on. A task that waits for a thread then goes round and round, and the group never
    ends.
    """
    if tasks.cancel_scope.cancel_called:
        return False
    tasks.start_soon(work, *args)
    return True
