"""One run from base to change set: the snapshot, the units side by side, integration."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import AsyncIterator, Collection, Mapping

import anyio
import anyio.abc
import anyio.to_thread

from fanout_server import model, run_events
from fanout_server.agents import registry
from fanout_server.agents.base import Agent
from fanout_server.model import Finding, Plan, RunState, RunView, UnitState
from fanout_server.repo import deleting, pristine, refs, room, snapshot, usage
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.room import DiskFull
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Source, Wanted
from fanout_server.run import locks, mending, recovery, repairs, reuse, reviewing, waves
from fanout_server.run.check_runs import Where
from fanout_server.run.checking import Checking, Delivered, Outcome
from fanout_server.run.context import Delivery
from fanout_server.run.crew import Crew
from fanout_server.run.gate import Gate
from fanout_server.run.growing import Growing
from fanout_server.run.integrate import Integration
from fanout_server.run.journal import JournalError
from fanout_server.run.preflights import Preflights
from fanout_server.run.record import Record
from fanout_server.run.reviewer import Reviewer
from fanout_server.run.services import Services
from fanout_server.run.state import ACTIVE, RESUMABLE

_LOCK_LIMIT_SECONDS = 2.0
_MAKE_ROOM = "Make room there (such as with 'fanout clean')"

Wish = run_events.UnitsRetried | run_events.PilotAccepted | run_events.RepairAdded


class Execution:
    """A run that this process works on. ``over`` is set when nothing of it goes on any more."""

    def __init__(self, services: Services, run: str, plan: Plan) -> None:
        self.run = run
        self.over = anyio.Event()
        self._services = services
        self._plan = plan
        self._folders = services.folders(run)
        self._gate = Gate(services)
        self._record = Record(services, run)
        self._growing = Growing(services.repository, run)
        self._crew = Crew(services, plan, self._record, self._gate, self._growing.tell)
        self._checking = Checking()
        self._reviewer = Reviewer()

    async def start(self, buffers: Mapping[str, bytes]) -> None:
        """From the snapshot to the end. Raises FanoutError where the run cannot begin; later failures are events."""
        agent = registry.get(self._plan.options.agent, self._plan.options)
        agent.check(self._plan.options)
        async with self._held():
            if self._plan.options.order == "depends":
                preflights = Preflights(self._services.repository, self._services.kept_results)
                self._plan = await anyio.to_thread.run_sync(preflights.ordered, self._plan, buffers)
            base = await self._begin(buffers)
            for note in base.notes:
                await self._record.find(note)
            await self._work(agent, base.commit)

    async def resume(self, wish: Wish | None = None) -> None:
        """Goes on after an interruption, or at the user's ``wish``: units that ended stay ended.

        Raises FanoutError where it cannot begin.
        """
        agent = registry.get(self._plan.options.agent, self._plan.options)
        agent.check(self._plan.options)
        async with self._held():
            await self._record.read()
            view = self._record.view()
            if view is None:
                raise model.FanoutError(f"Run {self.run} never began; start it anew.")
            if view.state not in {*ACTIVE, RunState.INTERRUPTED, *RESUMABLE}:
                raise model.FanoutError(f"Run {self.run} is {view.state} by now; another process went on with it.")
            _check_new(view, wish)
            # Only now: before it had the lock, it could have been another process that works there.
            await anyio.to_thread.run_sync(recovery.reap_run, self._services, self.run)
            try:
                await anyio.to_thread.run_sync(self._gate.check, usage.NOTHING, "A run")
            except DiskFull as full:
                raise DiskFull(f"Run {self.run} was not resumed. {full} {_MAKE_ROOM}, then resume it again.") from full
            # In this order, whoever dies in between leaves a run that can be resumed.
            await self._record.emit(run_events.RunResumed(self.run, time.time()))
            if wish is not None:
                await self._record.emit(wish)
            if isinstance(wish, run_events.UnitsRetried):
                await self._forget(wish.units)
            # Another process may have added units since the plan was read.
            self._replan()
            await self._work(agent, view.base)

    @contextlib.asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        """Inside, the run is this process's own. Leaving by cancellation (the engine closes) marks it interrupted."""
        async with locks.waiting_for(self._folders.lock, _LOCK_LIMIT_SECONDS, f"run {self.run}"):
            try:
                yield
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    await self._interrupted()
                raise
            except Exception as error:
                # A run that never began leaves nothing in the journal, or its list of runs could not be read again.
                view = self._record.view()
                if view is not None and view.state in ACTIVE and self._gate.met(error) is None:
                    await self._record.end(
                        RunState.FAILED, "An error of fanout's own ended the run; the server's log has it."
                    )
                raise

    async def _interrupted(self) -> None:
        view = self._record.view()
        if view is not None and view.state in ACTIVE:
            message = f"Interrupted. 'fanout resume {self.run}' goes on without doing done units again."
            await self._record.end(RunState.INTERRUPTED, message)

    @property
    def view(self) -> RunView | None:
        """The run as it is now; ``None`` while its snapshot is being taken."""
        return self._record.view()

    @property
    def waits(self) -> bool:
        """It has come to the point where the user is to say how it goes on."""
        view = self._record.view()
        return view is not None and view.state is RunState.WAITING

    @property
    def options(self) -> model.Options:
        return self._plan.options

    @property
    def unit_ids(self) -> tuple[str, ...]:
        return self._crew.unit_ids

    def cancel(self, units: Collection[str] | None) -> tuple[str, ...]:
        """See ``Crew.cancel``. Of a run as a whole also the check of what is merged."""
        if units is None:
            self._checking.cancel()
            self._reviewer.cancel()
        return self._crew.cancel(units)

    async def send(self, unit: str, note: str) -> Delivery | None:
        """See ``Crew.send``."""
        return await self._crew.send(unit, note)

    async def record(self, event: run_events.Event) -> None:
        """See ``Record.emit``: for what does not come of the execution itself."""
        await self._record.emit(event)

    async def _begin(self, buffers: Mapping[str, bytes]) -> snapshot.Snapshot:
        """The base and the first event, or nothing. Raises DiskFull where there is no room for a run, FanoutError."""
        root = str(self._services.repository.root)
        try:
            await anyio.to_thread.run_sync(self._gate.check, usage.NOTHING, "A run")
            base = await anyio.to_thread.run_sync(self._snapshot, buffers)
            await self._record.emit(run_events.RunStarted(self.run, time.time(), root, base.commit, self._plan))
        except (model.FanoutError, OSError) as error:
            full = self._gate.met(error)
            if full is None:
                raise
            raise DiskFull(f"The run did not begin. {full} {_MAKE_ROOM}, then start it again.") from error
        finally:
            if self._record.view() is None:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(refs.delete_run, self._services.repository, self.run)
        return base

    def _snapshot(self, buffers: Mapping[str, bytes]) -> snapshot.Snapshot:
        repository = self._services.repository
        return snapshot.take(
            repository,
            buffers,
            f"fanout run {self.run}: base\n\n{self._plan.instruction}",
            ref=refs.base_ref(self.run),
            untracked_limit=self._plan.options.untracked_limit,
        )

    async def _work(self, agent: Agent, base: str) -> None:
        """The units, then integration. Interruption (the engine closes) leaves the run to be resumed."""
        problem: BaseExceptionGroup[model.FanoutError | OSError] | None = None
        try:
            async with anyio.create_task_group() as beside:
                beside.start_soon(self._crew.look_around)
                await self._do(agent, base)
        except* (model.FanoutError, OSError) as group:
            problem = group
        if problem is None:
            return
        if self._gate.met(problem) is not None or self._gate.is_full():
            await self._stop_for_want_of_room(problem)
        else:
            await self._record.end(RunState.FAILED, "; ".join(str(error) for error in room.leaves(problem)))

    async def _do(self, agent: Agent, base: str) -> None:
        async with self._source(base) as source, anyio.create_task_group() as cleanup:
            if self._plan.options.review != "none" and self._plan.options.mode == "edit":
                cleanup.start_soon(anyio.to_thread.run_sync, reviewing.warm)
            async with anyio.create_task_group() as growing:
                growing.start_soon(self._growing.work, self._record.begun)
                await self._crew.work(agent, source, cleanup)
                growing.cancel_scope.cancel()
            if all(self._record.unit(unit).state.ended for unit in self.unit_ids):
                await self._integrate(agent, source, cleanup)
            elif self._gate.reason is None and not any(self._crew.has_to_do(unit) for unit in self._crew.stage()):
                await self._wait_for_the_user()
            else:
                await self._stop_for_want_of_room()

    async def _wait_for_the_user(self) -> None:
        pilot = self._crew.stage()
        done = sum(self._record.unit(unit.id).state is UnitState.DONE for unit in pilot)
        await self._record.end(
            RunState.WAITING,
            f"{done} of {len(pilot)} pilot unit(s) are done. Look at them ('fanout show {self.run}"
            f" --unit {pilot[0].id}'); 'fanout accept {self.run}' goes on with the other"
            f" {len(self._plan.units) - len(pilot)}, 'fanout retry {self.run} --note ...' says what to change.",
        )

    async def _stop_for_want_of_room(self, cause: BaseException | None = None) -> None:
        """Raises DiskFull where not even that can be written down. The run is resumable all the same."""
        message = (
            f"{self._gate.why()} What was done is kept. {_MAKE_ROOM}, then 'fanout resume {self.run}' does the rest."
        )
        try:
            await self._record.end(RunState.INTERRUPTED, message)
        except JournalError as error:
            raise DiskFull(f"Run {self.run} was interrupted. {message}") from (cause or error)

    @contextlib.asynccontextmanager
    async def _source(self, base: str) -> AsyncIterator[Source]:
        """Where worktrees come from. To open it may take as long as a checkout, the first time in a repository."""
        options = self._plan.options
        wanted = Wanted(options.copy, options.link)
        state = self._services.state_root
        try:
            source = await anyio.to_thread.run_sync(
                open_source, self._services.repository, state, base, wanted, options.worktrees
            )
            try:
                yield source
            finally:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(source.close)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._tidy)

    def _tidy(self) -> None:
        """The folder of the run's worktrees, if all of them could be removed; else a later start reaps it."""
        folder = self._folders.worktrees
        if folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir()):
            deleting.discard(folder, pristine.trash(self._services.state_root))
        deleting.empty(pristine.trash(self._services.state_root))

    async def _integrate(self, agent: Agent, source: Source, cleanup: anyio.abc.TaskGroup) -> None:
        if self._plan.options.mode == "review":
            await self._end(self._record.begun(), "")
            return
        joined = await self._join(source.base)
        if await self._add_repairs(joined.integration.findings):
            await self._crew.work(agent, source, cleanup)
            if any(self._crew.has_to_do(unit) for unit in self._plan.units):
                await self._stop_for_want_of_room()
                return
            joined = await self._join(source.base, joined.integration.findings)
        await self._look_at(agent, source, cleanup, joined)

    async def _join(self, base: str, before: Collection[Finding] = ()) -> Delivered:
        """All that is done becomes one change set. ``before`` is what was found the last time that it did."""
        view = self._record.begun()
        results = {unit.id: unit.result for unit in view.units if unit.state is UnitState.DONE and unit.result}
        integration = await anyio.to_thread.run_sync(self._merge, base, results)
        stale = tuple(finding for finding in before if finding not in integration.findings)
        if stale:
            await self._record.emit(run_events.FindingsSettled(self.run, time.time(), stale))
        for finding in integration.findings:
            if finding not in view.findings:
                await self._record.find(finding)
        await self._record.emit(run_events.RunIntegrated(self.run, time.time(), integration.merged, integration.owners))
        fit = await anyio.to_thread.run_sync(mending.fit, self._services.repository, self._plan, results)
        await self._forget(results.keys() - fit.keys())
        return Delivered(integration, fit)

    async def _add_repairs(self, found: Collection[Finding]) -> bool:
        """Whether there are units more, to settle conflicts."""
        if self._plan.options.conflicts != "agent":
            return False
        wishes = await anyio.to_thread.run_sync(repairs.wishes, self._services, self._record.begun(), found)
        for wish in wishes:
            if self._crew.all_cancelled:
                break
            await self._record.emit(wish)
            self._replan()
        return any(self._crew.has_to_do(unit) for unit in self._plan.units)

    async def _forget(self, units: Collection[str]) -> None:
        """What is kept of these units is not to be taken by later runs."""
        keys = [unit.key for unit in self._record.begun().units if unit.id in units]
        await anyio.to_thread.run_sync(reuse.forget, self._services.kept_results, keys)

    def _replan(self) -> None:
        """There may be more units by now."""
        self._plan = self._record.begun().plan
        self._crew.replan(self._plan)

    async def _look_at(self, agent: Agent, source: Source, cleanup: anyio.abc.TaskGroup, joined: Delivered) -> None:
        """The review and the check of what is merged, then the end of the run."""
        view = self._record.begun()
        integration, results = joined.integration, joined.results
        keep = functools.partial(self._merge, source.base)
        repository = self._services.repository
        found = await reviewing.review(repository, source.base, self._plan, results, integration)
        for finding in found:
            if finding not in view.findings:
                await self._record.find(finding)
        checked = Outcome()
        if not self._crew.all_cancelled:
            where = Where(self._services, self._record, self._plan, source, self._gate, self._crew.setup_was_shared)
            merge = functools.partial(waves.integrate, self._services.repository, self.run, source.base, self._plan)
            checked = await self._checking.work(where, integration, results, merge, keep)
            if checked.rest is not None:
                await self._forget(results.keys() - checked.rest.results.keys())
                await self._review_rest(source.base, checked.rest, found)
            await self._reviewer.work(where, agent, cleanup, checked.rest or joined)
        await self._end(view, f" {checked.message}" if checked.message else "")

    async def _end(self, view: RunView, told: str) -> None:
        done = sum(unit.state is UnitState.DONE for unit in view.units)
        kept = sum(bool(unit.kept) for unit in view.units)
        told = f"{f' {kept} of them by earlier runs.' if kept else ''}{told}"
        if self._crew.all_cancelled:
            await self._record.end(
                RunState.CANCELLED, f"Cancelled; {done} of {len(view.units)} units were done before.{told}"
            )
        elif not done:
            await self._record.end(RunState.FAILED, "No unit was done. Each one's finding says why.")
        else:
            await self._record.end(RunState.READY, f"{done} of {len(view.units)} units done.{told}")

    async def _review_rest(self, base: str, rest: Delivered, before: Collection[Finding]) -> None:
        """What the review said ``before`` was of the culprits, too."""
        found = await reviewing.review(self._services.repository, base, self._plan, rest.results, rest.integration)
        stale = tuple(finding for finding in before if finding not in found)
        if stale:
            await self._record.emit(run_events.FindingsSettled(self.run, time.time(), stale))
        for finding in found:
            if finding not in before:
                await self._record.find(finding)

    def _merge(self, base: str, results: Mapping[str, str]) -> Integration:
        repository = self._services.repository

        def make() -> Made[Integration]:
            sides = self._services.sides(self.run)
            grown = self._growing.take()
            integration = waves.integrate(repository, self.run, base, self._plan, results, sides, grown)
            # What was made early may be gone: no ref held it.
            early = () if grown is None else grown.written
            return Made(integration, {refs.merged_ref(self.run): integration.merged}, early)

        return keep(repository, make, "The merged result")


def _check_new(view: RunView, wish: Wish | None) -> None:
    """Raises FanoutError where another process has added a unit of the same name since the wish was made."""
    if isinstance(wish, run_events.RepairAdded) and any(unit.id == wish.work.id for unit in view.units):
        raise model.FanoutError(
            f"Run {view.id} was given to another process meanwhile, which has a unit {wish.work.id} already. Nothing"
            " was started. Look at what it made of the run, then ask again if the finding is still there."
        )
