"""Results are merged as they arrive, beside the agents that still work, so that little is left to do after the last.

Merging goes in plan order: as far as all units before have ended. What a crash takes with it is merged anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping

import anyio
import anyio.to_thread

from fanout_server.model import FanoutError, Plan, RunView, UnitState
from fanout_server.repo import commits
from fanout_server.repo.repository import Repository
from fanout_server.run.integrate import Joining

_log = logging.getLogger(__name__)

# For each second of it others have so many. Each time it looks at all units, of which there may be thousands.
_REST = 4.0
_LONGEST_REST_SECONDS = 1.0


class Growing:
    """Of one execution; of the results of those units that start from the base."""

    def __init__(self, repository: Repository, run: str) -> None:
        self._repository = repository
        self._run = run
        self._news = anyio.Event()
        self._joining: Joining | None = None
        # Of each result the commit that its unit started from.
        self._starts: dict[str, str] = {}

    def tell(self) -> None:
        """A unit has ended."""
        self._news.set()

    async def work(self, view_of: Callable[[], RunView]) -> None:
        """Never ends: to be cancelled when there are no more units."""
        self._news.set()
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            began = time.monotonic()
            view = view_of()
            results = {one.id: one.result for one in view.units if one.state is UnitState.DONE and one.result}
            ended = {one.id for one in view.units if one.state.ended}
            try:
                await anyio.to_thread.run_sync(self.extend, view.base, view.plan, results, ended)
            except (FanoutError, OSError) as error:
                # The integration at the end meets it again, and tells.
                self._joining = None
                _log.warning("results of run %s could not be merged early: %s", self._run, error)
                return
            await anyio.sleep(min(_LONGEST_REST_SECONDS, _REST * (time.monotonic() - began)))

    def extend(self, base: str, plan: Plan, results: Mapping[str, str], ended: Collection[str]) -> None:
        """Merges what is there in front of the first unit that has not ``ended``. Blocking. Raises GitFailed."""
        ready: dict[str, str] = {}
        for unit in plan.units:
            if unit.id not in ended:
                break
            result = results.get(unit.id)
            if result is not None and self._start(result, base) == base:
                ready[unit.id] = result
        joining = self._joining
        if joining is None or not joining.leads_to(ready):
            joining = Joining(self._repository, self._run, base, plan)
        joining.add(ready)
        self._joining = joining

    def _start(self, result: str, base: str) -> str:
        if result not in self._starts:
            self._starts[result] = commits.parent(self._repository, result) or base
        return self._starts[result]

    def take(self) -> Joining | None:
        """What has grown, once: whoever goes on with it changes it."""
        joining, self._joining = self._joining, None
        return joining
