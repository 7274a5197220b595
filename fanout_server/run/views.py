"""The runs of a repository as they are now: those of this process, of other processes, and of dead ones."""

from __future__ import annotations

import anyio.to_thread
import attrs

from fanout_server import model
from fanout_server.model import RunState, RunView
from fanout_server.run import locks, recovery
from fanout_server.run.executions import Executions
from fanout_server.run.services import Services
from fanout_server.run.state import ACTIVE
from fanout_server.run.tail import Tail


class UnknownRun(model.FanoutError):
    """No run of this id is in the journal."""


class Views:
    def __init__(self, services: Services, executions: Executions) -> None:
        self._services = services
        self._executions = executions
        # Runs that nobody works on, with the journal's mark at which they were so: folding all of them again each
        # time would take longer with every run.
        self._settled: dict[str, tuple[int, RunView]] = {}
        # Runs that other processes work on.
        self._tails: dict[str, Tail] = {}

    async def all(self) -> tuple[RunView, ...]:
        """Newest first."""
        return tuple([await self._at(run, mark) for run, mark in await self._services.journal.marks()])

    async def one(self, run: str) -> RunView:
        """Raises UnknownRun."""
        return self._live(run) or await self._at(run, await self._services.journal.mark(run))

    def _live(self, run: str) -> RunView | None:
        execution = self._executions.get(run)
        return execution.view if execution is not None and not execution.over.is_set() else None

    async def _at(self, run: str, mark: int | None) -> RunView:
        seen, view = self._settled.get(run, (None, None))
        if view is not None and seen == mark:
            return view
        view = self._live(run) or await self._folded(run)
        if view.state not in ACTIVE and mark is not None:
            self._settled[run] = (mark, view)
        return view

    async def _folded(self, run: str) -> RunView:
        tail = self._tails.setdefault(run, Tail(self._services.journal, run))
        view = await tail.view()
        if view is not None and view.state in ACTIVE:
            if await anyio.to_thread.run_sync(locks.is_held, self._services.folders(run).lock):
                return view
            # Its process may have ended it just now, and then let go.
            view = await tail.view()
        self._tails.pop(run, None)
        if view is None:
            raise UnknownRun(f"There is no run {run} in this repository. 'fanout status' lists them.")
        if view.state in ACTIVE:
            # Its process died without a word.
            return attrs.evolve(view, state=RunState.INTERRUPTED, message=recovery.died(run))
        return view
