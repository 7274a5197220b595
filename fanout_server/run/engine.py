"""The engine: all runs of one repository, the same under an editor, in a terminal and in a test."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread

from fanout_server import model, run_events, settings
from fanout_server.agents import forks
from fanout_server.apply.content import Present
from fanout_server.apply.edits import EditPlan
from fanout_server.apply.resolving import Choice
from fanout_server.model import Plan, RunState, RunView
from fanout_server.planning.estimate import Estimate
from fanout_server.planning.preflight import Preflight
from fanout_server.planning.texts import Opened, nothing_open
from fanout_server.planning.workspace import Files
from fanout_server.repo import git, porcelain, source
from fanout_server.repo.repository import Repository
from fanout_server.repo.usage import NOTHING, Usage
from fanout_server.run import (
    cleaning,
    delivery,
    fixing,
    history,
    opening,
    recovery,
    repairs,
    report,
    reuse,
    sending_back,
    sides,
)
from fanout_server.run.context import Delivery
from fanout_server.run.documents import RunDocuments
from fanout_server.run.execution import Execution
from fanout_server.run.executions import Executions
from fanout_server.run.journal import Journal
from fanout_server.run.on_disk import Counting, OnDisk
from fanout_server.run.others import Others
from fanout_server.run.preflights import Preflights
from fanout_server.run.services import Services, new_run_id
from fanout_server.run.shared import Shared
from fanout_server.run.state import ACTIVE, RESUMABLE, replanned
from fanout_server.run.views import Views
from fanout_server.tasks import spawn

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.3
_CANCEL_LIMIT_SECONDS = 20.0
_SETTLE_LIMIT_SECONDS = 5.0

Listener = Callable[[run_events.Event], None]


class Engine:
    """Made by ``Engine.open``. Methods are for the event loop's thread; listeners are called there."""

    def __init__(self, services: Services, tasks: anyio.abc.TaskGroup, listeners: list[Listener]) -> None:
        self._services = services
        self._tasks = tasks
        self._listeners = listeners
        self._executions = Executions(services, tasks)
        self._views = Views(services, self._executions)
        self.documents = RunDocuments(services, self._executions, self._views)
        self._preflights = Preflights(services.repository, services.kept_results)
        self._warm = False
        self._counting = Counting(services, tasks)
        self._reaped = NOTHING

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, path: Path, *, state_root: Path | None = None, backoff: float = 1.0, shared: Shared | None = None
    ) -> AsyncIterator[Engine]:
        """The engine of the repository that ``path`` lies in. Leaving the block interrupts what still runs.

        Engines of one process are given the same ``shared``.

        Raises FanoutError: no repository, git missing or too old, the journal cannot be used.
        """
        repository = await anyio.to_thread.run_sync(_find, path)
        journal = await Journal.open(repository.state_dir / history.JOURNAL)
        listeners: list[Listener] = []

        def publish(event: run_events.Event) -> None:
            for listener in tuple(listeners):
                try:
                    listener(event)
                except Exception:  # noqa: BLE001  logged, with its traceback
                    # One listener's mistake must end neither the run nor the other listeners.
                    _log.exception("a listener failed on %s", type(event).__name__)

        services = Services(
            repository, journal, state_root or settings.state_root(), publish, backoff, shared or Shared()
        )
        try:
            reaped = await recovery.recover(services)
            async with forks.kept(), anyio.create_task_group() as tasks:
                engine = cls(services, tasks, listeners)
                engine._reaped = reaped
                tasks.start_soon(engine._executions.watch_cancellations)
                try:
                    yield engine
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            await journal.aclose()

    @property
    def repository(self) -> Repository:
        return self._services.repository

    @property
    def services(self) -> Services:
        return self._services

    @property
    def busy(self) -> bool:
        """Whether a run goes on in this process."""
        return self._executions.busy

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` with each event from now on, after it is in the journal. Returns the way to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def follow_others(self, heard: Listener) -> None:
        """From now on listeners also hear what other processes do with runs of the repository, but for activity.

        ``heard`` hears that alone.
        """
        spawn(self._tasks, Others(self._services, self._executions, heard).watch)

    def reserve(self) -> str:
        """An id for a run that is about to be launched."""
        return new_run_id()

    def launch(
        self,
        run: str,
        plan: Plan,
        buffers: Mapping[str, bytes],
        failed: Callable[[model.FanoutError], None],
    ) -> None:
        """Starts the run and returns at once. ``failed`` hears why, if it could not even begin."""
        self._executions.begin(run, plan, lambda execution: execution.start(buffers), failed)

    async def resume(self, run: str, failed: Callable[[model.FanoutError], None]) -> None:
        """Goes on with an interrupted run, in the background. Raises UnknownRun, FanoutError."""
        view = await self.view(run)
        if view.state is not RunState.INTERRUPTED:
            raise model.FanoutError(f"Run {run} is {view.state}; only an interrupted run can be resumed.")
        self._executions.begin(run, view.plan, Execution.resume, failed)

    async def retry(
        self,
        run: str,
        units: Collection[str] | None,
        note: str,
        failed: Callable[[model.FanoutError], None],
        findings: Collection[model.Finding] | None = None,
    ) -> tuple[str, ...]:
        """Does units again, in the background; returns their ids. See ``sending_back.wish``.

        With a note or findings each goes on from its result, in its agent's session where there is one. Raises
        UnknownRun, FanoutError.
        """
        view = await self._idle_view(run, RESUMABLE, "its units cannot be retried now")
        wish = sending_back.wish(view, units, note, findings)
        self._executions.begin(run, view.plan, lambda execution: execution.resume(wish), failed)
        return wish.units

    async def repair(self, run: str, finding: model.Finding, failed: Callable[[model.FanoutError], None]) -> str:
        """A unit more, in the background; returns its id. See ``repairs.wish``. Raises UnknownRun, FanoutError."""
        view = await self._idle_view(run, RESUMABLE, "nothing of it can be mended now")
        wish = await anyio.to_thread.run_sync(repairs.wish, self._services, view, finding)
        self._executions.begin(run, replanned(view.plan, wish), lambda execution: execution.resume(wish), failed)
        return wish.work.id

    async def accept(self, run: str, note: str, failed: Callable[[model.FanoutError], None]) -> None:
        """Goes on with the units after the pilot, in the background. Raises UnknownRun, FanoutError."""
        view = await self._idle_view(run, {RunState.WAITING}, "it does not wait for its pilot to be accepted")
        wish = run_events.PilotAccepted(run, time.time(), note)
        self._executions.begin(run, view.plan, lambda execution: execution.resume(wish), failed)

    async def send(self, run: str, unit: str, note: str) -> Delivery:
        """Tells a unit at work something, now or at its agent's next turn. Raises UnknownRun, FanoutError."""
        view = await self.view(run)
        _check_known(run, [unit], [one.id for one in view.units], "Nothing was sent.")
        execution = self._executions.get(run)
        if execution is None and view.state in ACTIVE:
            raise model.FanoutError(
                f"Run {run} is at work in another window or a terminal: only there its agents can be told something."
            )
        delivered = None if execution is None else await execution.send(unit, note)
        if delivered is None:
            raise model.FanoutError(
                f"Unit {unit} of run {run} is not at work. To have it done again with a note, retry it."
            )
        return delivered

    async def _idle_view(self, run: str, states: Collection[RunState], cannot: str) -> RunView:
        view = await self._settled_view(run)
        if run in self._executions or view.state not in states:
            raise model.FanoutError(f"Run {run} is {view.state}; {cannot}.")
        return view

    async def _settled_view(self, run: str) -> RunView:
        """The run as it is; where it has just come to its end, when its worktrees are put away, too."""
        view = await self.view(run)
        if view.state not in ACTIVE:
            with anyio.move_on_after(_SETTLE_LIMIT_SECONDS):
                await self.wait_over(run)
        return view

    async def wait_over(self, run: str) -> None:
        """Until nothing of the run goes on in this process any more. A run of another process is not waited for."""
        await self._executions.wait_over(run)

    async def wait(self, run: str) -> RunView:
        """As ``wait_over``; returns the run as it then is. Raises UnknownRun where it could not even begin."""
        await self.wait_over(run)
        return await self.view(run)

    async def runs(self) -> tuple[RunView, ...]:
        """All runs, newest first."""
        return await self._views.all()

    async def view(self, run: str) -> RunView:
        """The run as it is now. Raises UnknownRun."""
        return await self._views.one(run)

    async def on_disk(self, runs: Collection[str], within: float = math.inf) -> Mapping[str, OnDisk]:
        """What the runs have on the disk; those are left out of which nothing is known ``within`` so many seconds."""
        return await self._counting.of(runs, within)

    async def cancel(self, run: str, units: Collection[str] | None = None) -> tuple[str, ...]:
        """Ends these units, or all that have not ended; returns their ids. A run of another process is asked to."""
        execution = self._executions.get(run)
        if execution is not None and not execution.waits:
            # It may be so young that the journal does not know it yet.
            _check_known(run, units or (), execution.unit_ids, "Nothing was cancelled.")
            return execution.cancel(units)
        view = await self.view(run)
        _check_known(run, units or (), [unit.id for unit in view.units], "Nothing was cancelled.")
        if view.state is RunState.WAITING and units is None:
            return await self._call_off(await self._settled_view(run))
        if view.state not in ACTIVE:
            return ()
        open_units = tuple(
            unit.id for unit in view.units if not unit.state.ended and (units is None or unit.id in units)
        )
        if not open_units and units is not None:
            return ()
        await self._services.journal.ask_to_cancel(run, units)
        with anyio.move_on_after(_CANCEL_LIMIT_SECONDS):
            while not await self._ended(run, open_units):  # noqa: ASYNC110  another process tells through the journal
                await anyio.sleep(_POLL_SECONDS)
        return open_units

    async def _call_off(self, view: RunView) -> tuple[str, ...]:
        """Nobody is at work on a run that waits: it is gone on with, to its end."""
        execution = self._executions.begin(view.id, view.plan, Execution.resume, _log_failure)
        execution.cancel(None)
        return tuple(unit.id for unit in view.units if not unit.state.ended)

    async def estimate(self, plan: Plan, run: RunView | None = None, kept: int = 0) -> Estimate:
        """What the plan will cost, from what is known of earlier runs, and of ``run`` where it is already at work.

        ``kept`` units of it need not be done.
        """
        units = () if run is None else run.units
        ended = tuple(one.cost for one in units if one.state.ended and one.cost is not None)
        kept += sum(bool(one.kept) for one in units)
        return await history.estimate_plan(self._services.journal, plan, ended, run.id if run else None, kept)

    async def preflight(
        self, plan: Plan, opened: Opened = nothing_open, files: Files | None = None, within: float = math.inf
    ) -> Preflight | None:
        """See ``Preflights.look``; ``None`` where it takes longer than ``within`` seconds."""
        flights = self._preflights
        return await flights.soon(self._tasks, plan, lambda: flights.look(plan, opened, files), within)

    async def plan_apply(
        self,
        run: str,
        present: Present,
        units: Collection[str] | None = None,
        paths: Collection[str] | None = None,
    ) -> EditPlan:
        """See ``delivery.plan_apply``."""
        return await delivery.plan_apply(self._services, await self.view(run), present, units, paths)

    async def plan_fix(self, run: str, finding: model.Finding, choice: Choice, present: Present) -> EditPlan:
        """See ``fixing.plan``. Raises UnknownRun, FanoutError."""
        view = await self.view(run)
        return await anyio.to_thread.run_sync(fixing.plan, self._services, view, finding, choice, present)

    async def settle(self, run: str, findings: Collection[model.Finding], *, dismissed: bool = False) -> None:
        """The user is done with these findings; ``dismissed``, however often they are found. Raises UnknownRun."""
        known = set((await self.view(run)).findings)
        settled = tuple(one for one in dict.fromkeys(findings) if one in known)
        if settled:
            await self._executions.record(run_events.FindingsSettled(run, time.time(), settled, dismissed))

    async def plan_revert(self, run: str, present: Present) -> EditPlan:
        """See ``delivery.plan_revert``. It takes back one apply; while the run is still applied, there are more."""
        return await delivery.plan_revert(self._services, await self.view(run), present)

    async def write(self, plan: EditPlan) -> None:
        """See ``delivery.write``."""
        await delivery.write(self._services, plan)

    async def keep_applied(self, run: str, plan: EditPlan) -> str:
        """To be called before the edits are made: keeps what they replace. Returns what ``record_applied`` wants."""
        return await delivery.keep_applied(self._services, run, plan)

    async def keep_replaced(self, run: str, plan: EditPlan) -> None:
        """See ``delivery.keep_replaced``. To be called before the edits are made."""
        await delivery.keep_replaced(self._services, run, plan)

    async def record_applied(self, run: str, kept: str, plan: EditPlan) -> None:
        await self._executions.record(delivery.applied_event(run, kept, plan))

    async def record_unchanged(self, run: str, plan: EditPlan) -> None:
        """The user's files already hold all of the plan: an earlier apply was broken off before it was recorded."""
        kept = await delivery.last_kept(self._services, run)
        if kept is not None:
            await self._executions.record(delivery.unchanged_event(run, kept, plan))

    async def record_reverted(self, run: str, plan: EditPlan) -> None:
        await self._executions.record(delivery.reverted_event(run, plan))

    async def discard(self, run: str) -> None:
        """Ends what still runs of it and marks it unwanted; ``clean`` removes its refs and files. Raises UnknownRun."""
        view = await self.view(run)
        if view.state in ACTIVE:
            await self.cancel(run)
            await self.wait_over(run)
            # Of another process. What that still has to say must not come after it was discarded.
            with anyio.move_on_after(_CANCEL_LIMIT_SECONDS):
                while not await self._ended(run, ()):  # noqa: ASYNC110  another process tells through the journal
                    await anyio.sleep(_POLL_SECONDS)
            if not await self._ended(run, ()):
                raise model.FanoutError(
                    f"Run {run} is being ended by another process, which takes long. Nothing was discarded; try again."
                )
        await self._executions.record(run_events.RunDiscarded(run, time.time()))
        await self.forget(run, None)

    async def forget(self, run: str, units: Collection[str] | None) -> None:
        """What these units made, or all, is not taken by later runs. Raises UnknownRun."""
        keys = [unit.key for unit in (await self.view(run)).units if units is None or unit.id in units]
        await anyio.to_thread.run_sync(reuse.forget, self._services.kept_results, keys)

    async def clean(self, *, also_unapplied: bool = False, older_than: float | None = None) -> cleaning.Freed:
        """See ``cleaning.clean``."""
        return await cleaning.clean(
            self._services, await self.runs(), also_unapplied=also_unapplied, older_than=older_than
        )

    def take_reaped(self) -> Usage:
        """What dead processes had left and was removed when the engine was opened; it is told once."""
        reaped, self._reaped = self._reaped, NOTHING
        return reaped

    async def patch(self, run: str) -> bytes:
        """The change set as a patch that ``git apply`` takes, binary files included. Raises UnknownRun, FanoutError."""
        return await anyio.to_thread.run_sync(report.patch, self._services, await self.view(run))

    async def branch(self, run: str, name: str) -> None:
        """A new branch at the change set, on top of the base. Raises FanoutError where the name is taken or no name."""
        view = await self.view(run)
        if view.merged is None:
            raise model.FanoutError(f"Run {run} has no results to put on a branch.")
        await anyio.to_thread.run_sync(porcelain.create_branch, self.repository, name, view.merged)

    async def show(self, run: str, unit: str | None, what: str) -> str:
        """``what`` is diff, log, report or prompt, of the run or one unit. Raises UnknownRun, FanoutError."""
        view = await self.view(run)
        return await anyio.to_thread.run_sync(report.show, self._services, view, unit, what)

    async def mark(self, run: str, unit: str | None, what: str) -> object:
        """What is another whenever ``show`` would tell something else. Raises UnknownRun."""
        view = await self.view(run)
        return await anyio.to_thread.run_sync(report.mark, self._services, view, unit, what)

    async def side(self, run: str, unit: str | None, which: str, path: str) -> str:
        """See ``sides.side``. Raises UnknownRun, FanoutError."""
        view = await self.view(run)
        return await anyio.to_thread.run_sync(
            lambda: sides.side(self.repository, view, report.unit_of(view, unit), which, path)
        )

    async def origins(self, path: str, now: str) -> tuple[sides.Origin, ...]:
        """See ``sides.origins``."""
        return await anyio.to_thread.run_sync(sides.origins, self.repository, await self.runs(), path, now)

    async def log_tail(self, run: str, unit: str, most: int, limiter: anyio.CapacityLimiter) -> tuple[str, ...]:
        """The last lines that the unit's programs printed, fit to be shown. Cheap, and of a thread of ``limiter``'s."""
        logs = self._services.folders(run).logs
        return await anyio.to_thread.run_sync(report.tail, logs, unit, most, limiter=limiter, abandon_on_cancel=True)

    async def open_folder(self, run: str, unit: str) -> Path:
        """See ``opening.folder``. Raises UnknownRun, FanoutError."""
        view = await self.view(run)
        _check_known(run, [unit], [one.id for one in view.units], "There is nothing to open.")
        chosen = next(one for one in view.units if one.id == unit)
        return await anyio.to_thread.run_sync(opening.folder, self._services, view, chosen)

    def warm_up(self) -> None:
        """Makes ready, in the background, what the first run would wait for: somebody looks at a plan."""
        if not self._warm:
            self._warm = True
            spawn(self._tasks, self._warm_up)

    async def _warm_up(self) -> None:
        try:
            await anyio.to_thread.run_sync(
                source.warm_up, self.repository, self._services.state_root, abandon_on_cancel=True
            )
        except (model.FanoutError, OSError) as error:
            # The run will meet it again, and tell.
            _log.info("cannot make worktrees ready: %s", error)

    async def _ended(self, run: str, units: Collection[str]) -> bool:
        view = await self.view(run)
        if not units:
            # What is merged of it is being checked.
            return view.state not in ACTIVE
        return view.state not in ACTIVE or all(unit.state.ended for unit in view.units if unit.id in units)


def _log_failure(error: model.FanoutError) -> None:
    _log.warning("%s", error)


def _check_known(run: str, units: Collection[str], known: Collection[str], so: str) -> None:
    unknown = set(units) - set(known)
    if unknown:
        raise model.FanoutError(f"Run {run} has no unit {', '.join(sorted(unknown))}. {so}")


def _find(path: Path) -> Repository:
    git.check_version()
    return Repository.discover(path)
