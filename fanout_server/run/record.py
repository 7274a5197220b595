"""What has happened in a run that this process works on: written down first, then added up, then told."""

from __future__ import annotations

import time

from fanout_server import run_events
from fanout_server.model import Finding, RunState, RunView, UnitView
from fanout_server.run.services import Services
from fanout_server.run.state import Fold


class Record:
    def __init__(self, services: Services, run: str) -> None:
        self.run = run
        self._services = services
        self._fold = Fold()

    async def read(self) -> None:
        """What happened before, in another process or an earlier turn. Raises JournalError."""
        for event in await self._services.journal.events(self.run):
            self._fold.add(event)

    async def emit(self, event: run_events.Event) -> None:
        """Raises JournalError; then nobody has heard of it."""
        await self._services.journal.append(event)
        self._fold.add(event)
        self._services.publish(event)

    async def find(self, finding: Finding) -> None:
        """Unless the user has dismissed it. Raises JournalError."""
        if not self._fold.is_dismissed(finding):
            await self.emit(run_events.FindingReported(self.run, time.time(), finding))

    async def end(self, state: RunState, message: str) -> None:
        """Raises JournalError."""
        await self.emit(run_events.RunEnded(self.run, time.time(), state, message))

    def view(self) -> RunView | None:
        """``None`` before the first event."""
        return self._fold.view()

    def begun(self) -> RunView:
        """After the first event."""
        view = self._fold.view()
        if view is None:
            raise AssertionError("at work before the first event")
        return view

    def unit(self, unit: str) -> UnitView:
        return self._fold.unit(unit)
