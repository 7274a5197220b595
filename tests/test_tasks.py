from __future__ import annotations

import threading

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
import pytest

from fanout_server.tasks import spawn

pytestmark = pytest.mark.anyio

_LIMIT = 20.0


class _Owner:
    """Has a group with a task that is shielded until it is released, as an engine has while it ends."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self.ready, self.over = anyio.Event(), anyio.Event()
        self.release = threading.Event()
        self.tasks: anyio.abc.TaskGroup

    async def own(self) -> None:
        with self.scope:
            async with anyio.create_task_group() as self.tasks:
                spawn(self.tasks, self._shielded)
                self.ready.set()
                try:
                    await anyio.sleep_forever()
                finally:
                    self.tasks.cancel_scope.cancel()
        self.over.set()

    async def _shielded(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.release.wait, _LIMIT)


async def _late() -> None:
    await anyio.to_thread.run_sync(lambda: None, abandon_on_cancel=True)


async def test_a_group_that_was_cancelled_ends_though_others_go_on_to_begin_things_in_it() -> None:
    owner = _Owner()
    begun: list[bool] = []

    async def outsider() -> None:
        while not owner.over.is_set():
            begun.append(spawn(owner.tasks, _late))
            owner.release.set()
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as outer:
        outer.start_soon(owner.own)
        await owner.ready.wait()
        owner.scope.cancel()
        while not owner.tasks.cancel_scope.cancel_called:
            await anyio.lowlevel.checkpoint()
        outer.start_soon(outsider)
        with anyio.fail_after(_LIMIT):
            await owner.over.wait()
    assert begun
    assert not any(begun)


async def test_in_one_that_goes_on_work_is_begun() -> None:
    done = anyio.Event()

    async def work(value: int) -> None:
        assert value == 1
        done.set()

    async with anyio.create_task_group() as tasks:
        assert spawn(tasks, work, 1)
        with anyio.fail_after(_LIMIT):
            await done.wait()
