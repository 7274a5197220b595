"""What runs have on the disk, counted beside the loop and remembered: a checkout may have many files."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping

import anyio
import anyio.abc
import anyio.to_thread
from attrs import frozen

from fanout_server.repo import retiring, usage
from fanout_server.repo.usage import Usage
from fanout_server.run.services import Services
from fanout_server.tasks import spawn

_log = logging.getLogger(__name__)

# Editors may ask several times a second.
_FRESH_SECONDS = 1.0


@frozen
class OnDisk:
    """``run`` is what one run has in folders of ours; ``pristine`` the checkout that all runs of the repository share.

    What is of git, objects and refs, is not counted.
    """

    run: Usage
    pristine: Usage

    def to_dict(self) -> dict[str, object]:
        """As the contract has it."""
        return {**_to_dict(self.run), "pristine": _to_dict(self.pristine)}

    def __str__(self) -> str:
        shared = f"; the pristine checkout that all runs share: {self.pristine}" if self.pristine.files else ""
        return f"on disk: {self.run}{shared}"


def _to_dict(used: Usage) -> dict[str, object]:
    data: dict[str, object] = {"bytes": used.bytes, "files": used.files}
    return data if used.complete else {**data, "complete": False}


class Counting:
    """At most one count goes on at a time; who does not want to wait for it gets the last that is known."""

    def __init__(self, services: Services, tasks: anyio.abc.TaskGroup) -> None:
        self._services = services
        self._tasks = tasks
        self._known: dict[str, OnDisk] = {}
        self._when: dict[str, float] = {}
        self._counted: anyio.Event | None = None

    async def of(self, runs: Collection[str], within: float) -> Mapping[str, OnDisk]:
        """For those of the runs that are counted after ``within`` seconds, or were before."""
        with anyio.move_on_after(within):
            while self._counted is not None:
                await self._counted.wait()
            limit = anyio.current_time() - _FRESH_SECONDS
            stale = tuple(run for run in runs if self._when.get(run, -math.inf) < limit)
            if stale:
                counted = anyio.Event()
                if spawn(self._tasks, self._count, stale, counted):
                    self._counted = counted
                    await counted.wait()
        return {run: self._known[run] for run in runs if run in self._known}

    async def _count(self, runs: Collection[str], counted: anyio.Event) -> None:
        try:
            shared = await anyio.to_thread.run_sync(self._pristine)
            for run in runs:
                self._known[run] = OnDisk(await anyio.to_thread.run_sync(self._one, run), shared)
                self._when[run] = anyio.current_time()
        except OSError as error:
            _log.warning("Cannot count what runs have on the disk: %s", error)
        finally:
            self._counted = None
            counted.set()

    def _pristine(self) -> Usage:
        return retiring.size(self._services.repository, self._services.state_root)

    def _one(self, run: str) -> Usage:
        folders = self._services.folders(run)
        return usage.of(folders.worktrees, folders.opened, folders.logs, self._services.sides(run))
