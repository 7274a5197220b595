"""Which run is of which plan document: found again after a restart, by another process, and under a new name."""

from __future__ import annotations

import time

from fanout_server import run_events
from fanout_server.model import RunView
from fanout_server.run.executions import Executions
from fanout_server.run.services import Services
from fanout_server.run.views import Views


class RunDocuments:
    """Of the checkout that an engine is of. A document is named as ``Plan.source`` does."""

    def __init__(self, services: Services, executions: Executions, views: Views) -> None:
        self._journal = services.journal
        self._root = str(services.repository.root)
        self._executions = executions
        self._views = views

    async def last_run(self, source: str) -> RunView | None:
        """The newest run of this document. Raises JournalError."""
        run = await self._journal.last_run_of(self._root, source)
        return None if run is None else await self._views.one(run)

    async def is_newest(self, run: str) -> bool:
        """Whether no run of this checkout, of any plan, is newer. Raises JournalError."""
        return await self._journal.newest_run(self._root) == run

    async def moved(self, before: str, now: str) -> None:
        """A document, or a folder that they may lie in, has another name. Raises JournalError."""
        for run, source in await self._journal.documents(self._root):
            if source == before or source.startswith(f"{before}/"):
                place = now + source[len(before) :]
                await self._executions.record(run_events.PlanMoved(run, time.time(), place))
