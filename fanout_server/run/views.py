"""The runs of a repository as they are now: those of this process, of other processes, and of dead ones."""

from __future__ import annotations

import anyio.to_thread
import attrs

from fanout_server import model
from fanout_server.model import RunState, RunView
from fanout_server.run import locks, recovery
from fanout_server.run.executions import Executions
from fanout_server.run.services import Services
from fanout_server.run.state import ACTIVE, fold


class UnknownRun(model.FanoutError):
    """No run of this id is in the journal."""


class Views:
    def __init__(self, services: Services, executions: Executions) -> None:
        self._services = services
        self._executions = executions
        # Runs that nobody works on, with the journal's mark at which they were so: folding all of them again each
        # time would take longer with every run.
        self._settled: dict[str, tuple[int, RunView]] = {}

    async def all(self) -> tuple[RunView, ...]:
        """Newest first."""
        views = []
        for run, mark in await self._services.journal.marks():
            seen, view = self._settled.get(run, (None, None))
            if seen != mark or view is None:
                view = await self.one(run)
                if view.state not in ACTIVE:
                    self._settled[run] = (mark, view)
            views.append(view)
        return tuple(views)

    async def one(self, run: str) -> RunView:
        """Raises UnknownRun."""
        execution = self._executions.get(run)
        live = execution.view if execution is not None and not execution.over.is_set() else None
        if live is not None:
            return live
        view = fold(await self._services.journal.events(run))
        if view is None:
            raise UnknownRun(f"There is no run {run} in this repository. 'fanout status' lists them.")
        if view.state in ACTIVE and not await anyio.to_thread.run_sync(locks.is_held, self._services.folders(run).lock):
            # Its process died without a word.
            return attrs.evolve(view, state=RunState.INTERRUPTED, message=recovery.died(run))
        return view
