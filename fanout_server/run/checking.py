"""The merged result is checked before the user gets it; where it fails, what is new and whose doing it is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import anyio
import anyio.to_thread
from attrs import frozen

from fanout_server import run_events
from fanout_server.model import CheckOf, CheckVerdict, FanoutError, Finding, Severity
from fanout_server.review.culprits import Found
from fanout_server.review.problems import reading
from fanout_server.review.problems.reading import Problem
from fanout_server.run import check_findings
from fanout_server.run.bisecting import Bisecting, CheckBroke, Merge
from fanout_server.run.check_findings import Makers
from fanout_server.run.check_runs import CheckRuns, Where
from fanout_server.run.integrate import Integration
from fanout_server.run.journal import JournalError
from fanout_server.run.verdicts import Checked

_UNSURE = "Who of the units made it fail could not be found out"


@frozen
class Delivered:
    """What is delivered where culprits were left out, and the results that it is made of."""

    integration: Integration
    results: Mapping[str, str]


@frozen
class Outcome:
    """``message`` is what to say of the check, empty where there is none. ``rest`` is there where some was left out."""

    message: str = ""
    rest: Delivered | None = None


class Checking:
    """Of one execution."""

    def __init__(self) -> None:
        self._scope = anyio.CancelScope()

    def cancel(self) -> None:
        """The check is not waited for any more; what is merged stays as it is."""
        self._scope.cancel()

    async def work(
        self, where: Where, merged: Integration, results: Mapping[str, str], merge: Merge, keep: Merge
    ) -> Outcome:
        """Checks what is merged of the ``results``.

        Where the culprits are found their parts are left out: the rest is merged once more, by ``keep``, which also
        sets the ref. ``merge`` makes a commit that nobody will want again. Raises JournalError, FanoutError and OSError
        of a full disk.
        """
        if not where.plan.options.check or not merged.owners:
            return Outcome()
        began = time.monotonic()
        judging = _Judging(where, merged, results, merge, keep)
        with anyio.CancelScope() as self._scope:
            try:
                verdict, message = await judging.work()
            except (FanoutError, OSError) as error:
                if isinstance(error, JournalError) or where.gate.met(error) is not None:
                    raise
                # What is merged is there all the same.
                verdict, message = CheckVerdict.FAILED, "The check could not be run."
                logs = where.services.folders(where.record.run).logs
                await where.record.find(check_findings.broke(str(error), logs))
        if self._scope.cancelled_caught:
            verdict, message = CheckVerdict.CANCELLED, "The check of the merged result was cancelled."
        run, seconds = where.record.run, time.monotonic() - began
        await where.record.emit(run_events.CheckEnded(run, time.time(), verdict, message, seconds))
        return Outcome(message, judging.rest)


class _Judging:
    """Of one merged result. ``rest`` is what stays of it where culprits were left out."""

    def __init__(
        self, where: Where, merged: Integration, results: Mapping[str, str], merge: Merge, keep: Merge
    ) -> None:
        self.rest: Delivered | None = None
        self._where = where
        self._merged = merged
        # Units without a result have no part in it.
        self._results = {unit.id: results[unit.id] for unit in where.plan.units if unit.id in results}
        self._merge = merge
        self._keep = keep
        self._titles = {unit.id: unit.title for unit in where.plan.units}
        self._runs = CheckRuns(where)
        self._makers = Makers(where.services.repository, where.source.base, merged.owners, self._results)

    async def work(self) -> tuple[CheckVerdict, str]:
        checked = await self._runs.check(self._merged.merged, CheckOf.MERGED, tuple(self._results))
        if checked.passed:
            return CheckVerdict.PASSED, "The check passed."
        if not checked.started:
            return await self._broke(checked)
        base = await self._runs.check(self._where.source.base, CheckOf.BASE)
        new = reading.new(checked.problems, base.problems)
        if not base.passed and not _telling(new):
            gone = len(reading.new(base.problems, checked.problems)) if checked.problems else 0
            await self._find([check_findings.base_fails(base, checked, gone)])
            return CheckVerdict.NOTHING_NEW, "The check fails, as it does on the base; nothing in it is new."
        return await self._search(checked, base, new)

    async def _broke(self, checked: Checked) -> tuple[CheckVerdict, str]:
        await self._find([check_findings.broke(checked.how, checked.log)])
        return CheckVerdict.FAILED, "The check could not be run."

    async def _search(self, checked: Checked, base: Checked, new: Sequence[Problem]) -> tuple[CheckVerdict, str]:
        def fails(one: Checked) -> bool:
            return not one.passed and (base.passed or bool(_telling(reading.new(one.problems, base.problems))))

        suspects = await anyio.to_thread.run_sync(self._suspects, new)
        bisecting = Bisecting(self._runs, self._merge, self._results, fails)
        try:
            found = await bisecting.find(self._merged.merged, self._where.plan.options.jobs, suspects)
        except CheckBroke as error:
            await self._find([check_findings.broke(error.how, error.log)])
            return CheckVerdict.FAILED, f"The check fails. {_UNSURE}: {error.how}"
        # What is left out and what is said of it go together.
        with anyio.CancelScope(shield=True):
            await self._find(await anyio.to_thread.run_sync(self._remarks, found, bisecting, checked, base, new))
            if found.rest and found.groups:
                await self._leave_out(found)
        return self._told(found, bisecting.made)

    def _remarks(
        self, found: Found, bisecting: Bisecting, checked: Checked, base: Checked, new: Sequence[Problem]
    ) -> list[Finding]:
        """On the culprits; and on each problem, where what it is about stays in the change set."""
        run, plan, left_out = self._where.record.run, self._where.plan, bool(found.rest)
        stay = not left_out and found.flaky is None
        remarks = check_findings.of_problems(new, self._makers) if stay else []
        for group in found.groups:
            alone = bisecting.checked.get(frozenset(group), checked)
            own = reading.new(alone.problems, base.problems)
            remarks.append(check_findings.culprits(run, plan, group, alone, own, self._makers, left_out=left_out))
        if found.flaky is not None:
            remarks.append(check_findings.flaky(found, self._titles, checked, new))
        elif found.rest is None:
            remarks.append(check_findings.failed(checked, new, _unsure(bisecting.made)))
        return remarks

    def _told(self, found: Found, made: int) -> tuple[CheckVerdict, str]:
        names = ", ".join(self._titles[unit] for unit in self._results if unit in found.culprits)
        if found.flaky is not None:
            return CheckVerdict.FLAKY, "The check is flaky: it failed and passed on the same files."
        if found.rest:
            return CheckVerdict.PARTED, (
                f"The check failed because of {names}, found in {made} more checks. That was left out; the rest passes."
            )
        if found.rest is not None:
            return CheckVerdict.FAILED, f"The check fails because of {names}, without which nothing would be left."
        return CheckVerdict.FAILED, f"The check fails. {_unsure(made)}"

    def _suspects(self, new: Sequence[Problem]) -> frozenset[str]:
        return frozenset(unit for problem in new for unit in self._makers.of(problem))

    async def _leave_out(self, found: Found) -> None:
        """What was said of the whole is true no more: units that stood behind a culprit may be in with more."""
        record = self._where.record
        rest = {unit: self._results[unit] for unit in found.rest or ()}
        again = await anyio.to_thread.run_sync(self._keep, rest)
        stale = tuple(one for one in self._merged.findings if one not in again.findings)
        if stale:
            await record.emit(run_events.FindingsSettled(record.run, time.time(), stale))
        await self._find([one for one in again.findings if one not in self._merged.findings])
        await record.emit(run_events.RunIntegrated(record.run, time.time(), again.merged, again.owners))
        self.rest = Delivered(again, rest)

    async def _find(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            await self._where.record.find(finding)


def _unsure(made: int) -> str:
    return f"{_UNSURE} in {made} more checks; the change set is all that was done."


def _telling(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Without remarks that only explain others."""
    return tuple(one for one in problems if one.severity in {Severity.ERROR, Severity.WARNING})
