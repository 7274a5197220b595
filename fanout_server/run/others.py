"""What other processes do with the repository's runs, told to this one's listeners: two windows show the same."""

from __future__ import annotations

import logging
from collections.abc import Callable

import anyio
import anyio.to_thread

from fanout_server import run_events
from fanout_server.run import recovery
from fanout_server.run.executions import Executions
from fanout_server.run.journal import JournalError
from fanout_server.run.locks import is_held
from fanout_server.run.services import Services

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


class Others:
    """Of one engine. ``heard`` hears the same events as the listeners, after them, and none of this process's own."""

    def __init__(self, services: Services, executions: Executions, heard: Callable[[run_events.Event], None]) -> None:
        self._services = services
        self._executions = executions
        self._heard = heard
        # Whose lock nobody held the last time.
        self._left: frozenset[str] = frozenset()

    async def watch(self) -> None:
        """Never ends."""
        while True:
            try:
                for event in await self._services.journal.news():
                    self._services.publish(event)
                    self._heard(event)
                await self._bury_the_dead()
            except (JournalError, OSError) as error:
                _log.warning("%s", error)
            await anyio.sleep(_POLL_SECONDS)

    async def _bury_the_dead(self) -> None:
        """Nobody else says that a process died. One that only just lets go of its lock, or takes it, is given time."""
        left = await anyio.to_thread.run_sync(self._without_holder)
        for run in left & self._left:
            if run not in self._executions:
                _log.info("the process that had run %s is gone", run)
                await recovery.bury(self._services, run)
        self._left = left

    def _without_holder(self) -> frozenset[str]:
        locks = [path for path in recovery.locked(self._services) if path.stem not in self._executions]
        return frozenset(path.stem for path in locks if not is_held(path) and path.exists())
