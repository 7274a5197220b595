"""The search for culprits on a run: parts of its results are merged and checked, within limits of number and time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import anyio
import anyio.to_thread

from fanout_server.model import CheckOf
from fanout_server.review.culprits import Found, LimitReached, find_culprits
from fanout_server.run.check_runs import CheckRuns
from fanout_server.run.integrate import Integration
from fanout_server.run.verdicts import Checked

# Two culprits that only fail together, among 10,000 units, take some 40.
MOST_CHECKS = 80
MOST_SECONDS = 1800.0

Merge = Callable[[Mapping[str, str]], Integration]
"""Results, by their units, as one commit; blocking."""


class CheckBroke(Exception):
    """A part could not be checked; ``how`` says why, and ``log`` has more."""

    def __init__(self, how: str, log: Path) -> None:
        super().__init__(how)
        self.how, self.log = how, log


class Bisecting:
    """``fails`` decides what counts as the failure that is looked for; ``checked`` is what each set came to."""

    def __init__(
        self, runs: CheckRuns, merge: Merge, results: Mapping[str, str], fails: Callable[[Checked], bool]
    ) -> None:
        self.checked: dict[frozenset[str], Checked] = {}
        self._runs = runs
        self._merge = merge
        self._results = results
        self._fails = fails
        self._commits: dict[frozenset[str], str] = {}
        self._before = runs.made
        self._judged = 0

    async def find(self, whole: str, jobs: int, suspects: Collection[str]) -> Found:
        """Among all results, which fail as the commit ``whole``. Raises CheckBroke, FanoutError, OSError."""
        units = tuple(self._results)
        self._commits[frozenset(units)] = whole
        with anyio.move_on_after(MOST_SECONDS) as limit:
            return await find_culprits(units, self._judge, jobs=jobs, suspects=suspects)
        if not limit.cancelled_caught:
            raise AssertionError("left by its end or by the limit")
        return Found((), None, ended_early=True)

    @property
    def made(self) -> int:
        """How many checks it took."""
        return self._runs.made - self._before

    async def _judge(self, units: frozenset[str], *, again: bool) -> bool:
        if self._judged >= MOST_CHECKS:
            raise LimitReached
        self._judged += 1
        if units not in self._commits:
            part = {unit: result for unit, result in self._results.items() if unit in units}
            self._commits[units] = (await anyio.to_thread.run_sync(self._merge, part)).merged
        named = tuple(unit for unit in self._results if unit in units)
        of = CheckOf.MERGED if len(named) == len(self._results) else CheckOf.PART
        checked = await self._runs.check(self._commits[units], of, named, again=again)
        if not checked.started:
            raise CheckBroke(checked.how, checked.log)
        self.checked[units] = checked
        return not self._fails(checked)
