"""A run that another process works on, read on from where it was: it may have thousands of units."""

from __future__ import annotations

from collections.abc import Mapping

import anyio
import anyio.to_thread

from fanout_server import run_events
from fanout_server.model import RunView
from fanout_server.run.journal import Journal
from fanout_server.run.state import Fold


class Tail:
    """Of one run. May be asked from any task."""

    def __init__(self, journal: Journal, run: str) -> None:
        self._journal = journal
        self._run = run
        self._fold = Fold()
        self._mark = 0
        self._doing: Mapping[str, str] = {}
        self._one_at_a_time = anyio.Lock()

    async def view(self) -> RunView | None:
        """The run as the journal has it now; ``None`` where it has nothing of it. Raises JournalError."""
        async with self._one_at_a_time:
            mark, events, doing = await self._journal.tail(self._run, self._mark, self._doing)
            view = await anyio.to_thread.run_sync(self._add, events)
            self._mark, self._doing = mark, doing
            return view

    def _add(self, events: tuple[run_events.Event, ...]) -> RunView | None:
        for event in events:
            self._fold.add(event)
        return self._fold.view()
