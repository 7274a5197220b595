"""One run from base to change set: the snapshot, the units side by side, integration."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping

import anyio
import anyio.abc
import anyio.to_thread

from fanout_server import model, run_events
from fanout_server.agents import registry
from fanout_server.agents.base import Agent
from fanout_server.model import FailureKind, Finding, Plan, RunState, Severity, Unit, UnitState
from fanout_server.repo import deleting, fingerprint, pristine, refs, room, snapshot, usage
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.room import DiskFull
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Source, Wanted
from fanout_server.run import locks, means, recovery, setting_up
from fanout_server.run.context import Delivery, Halted, Mail, RunContext
from fanout_server.run.gate import Gate
from fanout_server.run.integrate import Integration, integrate
from fanout_server.run.journal import JournalError
from fanout_server.run.services import Services
from fanout_server.run.slots import Slots, Turn
from fanout_server.run.state import ACTIVE, RESUMABLE, Fold
from fanout_server.run.unit import run_unit

_LOCK_LIMIT_SECONDS = 2.0
_NAMED = 5
_MAKE_ROOM = "Make room there (such as with 'fanout clean')"

_log = logging.getLogger(__name__)


class Execution:
    """A run that this process works on. ``over`` is set when nothing of it goes on any more."""

    def __init__(self, services: Services, run: str, plan: Plan) -> None:
        self.run = run
        self.over = anyio.Event()
        self.fold = Fold()
        self._services = services
        self._plan = plan
        self._folders = services.folders(run)
        self._unit_scopes: dict[str, anyio.CancelScope] = {}
        self._cancelled: set[str] = set()
        self._all_cancelled = False
        self._setup_scope = anyio.CancelScope()
        self._surroundings: fingerprint.Fingerprint | None = None
        self._looking = anyio.Lock()
        self._gate = Gate(services)
        self._mail = Mail()

    async def start(self, buffers: Mapping[str, bytes]) -> None:
        """From the snapshot to the end. Raises FanoutError where the run cannot begin; later failures are events."""
        agent = registry.get(self._plan.options.agent, self._plan.options)
        agent.check(self._plan.options)
        async with self._held():
            base = await self._begin(buffers)
            for note in base.notes:
                await self._find(note)
            await self._work(agent, base.commit)

    async def resume(self, wish: run_events.UnitsRetried | run_events.PilotAccepted | None = None) -> None:
        """Goes on after an interruption, or at the user's ``wish``: units that ended stay ended.

        Raises FanoutError where it cannot begin.
        """
        agent = registry.get(self._plan.options.agent, self._plan.options)
        agent.check(self._plan.options)
        async with self._held():
            for event in await self._services.journal.events(self.run):
                self.fold.add(event)
            view = self.fold.view()
            if view is None:
                raise model.FanoutError(f"Run {self.run} never began; start it anew.")
            if view.state not in {*ACTIVE, RunState.INTERRUPTED, *RESUMABLE}:
                raise model.FanoutError(f"Run {self.run} is {view.state} by now; another process went on with it.")
            # Only now: before it had the lock, it could have been another process that works there.
            await anyio.to_thread.run_sync(recovery.reap_run, self._services, self.run)
            try:
                await anyio.to_thread.run_sync(self._gate.check, usage.NOTHING, "A run")
            except DiskFull as full:
                raise DiskFull(f"Run {self.run} was not resumed. {full} {_MAKE_ROOM}, then resume it again.") from full
            # In this order, whoever dies in between leaves a run that can be resumed.
            await self._emit(run_events.RunResumed(self.run, time.time()))
            if wish is not None:
                await self._emit(wish)
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
                view = self.fold.view()
                if view is not None and view.state in ACTIVE and self._gate.met(error) is None:
                    await self._end(RunState.FAILED, "An error of fanout's own ended the run; the server's log has it.")
                raise

    async def _interrupted(self) -> None:
        view = self.fold.view()
        if view is not None and view.state in ACTIVE:
            message = f"Interrupted. 'fanout resume {self.run}' goes on without doing done units again."
            await self._end(RunState.INTERRUPTED, message)

    @property
    def waits(self) -> bool:
        """It has come to the point where the user is to say how it goes on."""
        view = self.fold.view()
        return view is not None and view.state is RunState.WAITING

    @property
    def unit_ids(self) -> tuple[str, ...]:
        return tuple(unit.id for unit in self._plan.units)

    def cancel(self, units: Collection[str] | None) -> tuple[str, ...]:
        """Ends these units, or all; returns the ids of those that had not ended."""
        wanted = set(self.unit_ids if units is None else units)
        if units is None:
            self._all_cancelled = True
            self._setup_scope.cancel()
        view = self.fold.view()
        if view is None:
            # The snapshot is being taken: its end will find the wish.
            self._cancelled |= wanted
            return tuple(unit for unit in self.unit_ids if unit in wanted)
        hit = [unit.id for unit in view.units if unit.id in wanted and not unit.state.ended]
        self._cancelled.update(hit)
        for unit in hit:
            if unit in self._unit_scopes:
                self._unit_scopes[unit].cancel()
        return tuple(hit)

    async def send(self, unit: str, note: str) -> Delivery | None:
        """Tells a unit at work something. ``None`` where it is not at work any more."""
        delivered = self._mail.put(unit, note)
        if delivered is not None:
            await self._emit(run_events.NoteSent(self.run, time.time(), unit, note))
        return delivered

    async def _begin(self, buffers: Mapping[str, bytes]) -> snapshot.Snapshot:
        """The base and the first event, or nothing. Raises DiskFull where there is no room for a run, FanoutError."""
        root = str(self._services.repository.root)
        try:
            await anyio.to_thread.run_sync(self._gate.check, usage.NOTHING, "A run")
            base = await anyio.to_thread.run_sync(self._snapshot, buffers)
            await self._emit(run_events.RunStarted(self.run, time.time(), root, base.commit, self._plan))
        except (model.FanoutError, OSError) as error:
            full = self._gate.met(error)
            if full is None:
                raise
            raise DiskFull(f"The run did not begin. {full} {_MAKE_ROOM}, then start it again.") from error
        finally:
            if self.fold.view() is None:
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

    async def _emit(self, event: run_events.Event) -> None:
        await self._services.journal.append(event)
        self.fold.add(event)
        self._services.publish(event)

    async def _find(self, finding: Finding) -> None:
        await self._emit(run_events.FindingReported(self.run, time.time(), finding))

    async def _work(self, agent: Agent, base: str) -> None:
        """The units, then integration. Interruption (the engine closes) leaves the run to be resumed."""
        problem: BaseExceptionGroup[model.FanoutError | OSError] | None = None
        try:
            async with self._source(base) as source, anyio.create_task_group() as cleanup:
                await self._units(agent, source, cleanup)
                if all(self.fold.unit(unit).state.ended for unit in self.unit_ids):
                    await self._integrate(base)
                elif self._gate.reason is None and not any(self._unended(unit) for unit in self._stage()):
                    await self._wait_for_the_user()
                else:
                    await self._stop_for_want_of_room()
        except* (model.FanoutError, OSError) as group:
            problem = group
        if problem is None:
            return
        if self._gate.met(problem) is not None or self._gate.is_full():
            await self._stop_for_want_of_room(problem)
        else:
            await self._end(RunState.FAILED, "; ".join(str(error) for error in room.leaves(problem)))

    def _stage(self) -> tuple[Unit, ...]:
        """The units that may run now: before the pilot is accepted, those that are it."""
        view = self.fold.view()
        pilot = self._plan.options.pilot
        if not pilot or self._all_cancelled or (view is not None and view.accepted is not None):
            return self._plan.units
        return self._plan.units[:pilot]

    def _unended(self, unit: Unit) -> bool:
        return not self.fold.unit(unit.id).state.ended

    async def _wait_for_the_user(self) -> None:
        done = sum(self.fold.unit(unit.id).state is UnitState.DONE for unit in self._stage())
        await self._end(
            RunState.WAITING,
            f"{done} of {len(self._stage())} pilot unit(s) are done. Look at them ('fanout show {self.run}"
            f" --unit {self._stage()[0].id}'); 'fanout accept {self.run}' goes on with the other"
            f" {len(self._plan.units) - len(self._stage())}, 'fanout retry {self.run} --note ...' says what to change.",
        )

    async def _stop_for_want_of_room(self, cause: BaseException | None = None) -> None:
        """Raises DiskFull where not even that can be written down. The run is resumable all the same."""
        message = (
            f"{self._gate.why()} What was done is kept. {_MAKE_ROOM}, then 'fanout resume {self.run}' does the rest."
        )
        try:
            await self._end(RunState.INTERRUPTED, message)
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

    async def _units(self, agent: Agent, source: Source, cleanup: anyio.abc.TaskGroup) -> None:
        options, view = self._plan.options, self._view()
        left = [unit for unit in self._stage() if self._unended(unit)]
        context = RunContext(
            self._services,
            self.run,
            source.base,
            options,
            agent,
            self._folders,
            Slots(options.jobs),
            cleanup,
            self._emit,
            source,
            self._gate,
            setup_is_shared=setting_up.is_shared(source, left),
            briefing=await anyio.to_thread.run_sync(
                means.briefing, self._services.repository, agent, self._plan, source.base, view
            ),
            limiter=means.limiter(self._services, options, agent),
            ledger=await means.ledger(self._services.journal, view),
            mail=self._mail,
        )
        self._surroundings = await anyio.to_thread.run_sync(fingerprint.fingerprint, self._services.repository)
        if context.setup_is_shared and not self._all_cancelled:
            try:
                with anyio.CancelScope() as self._setup_scope:
                    await setting_up.share(self._services, self.run, source, self._folders, options, left[0].setup)
            except setting_up.SetupFailed as error:
                if await anyio.to_thread.run_sync(self._gate.is_full):
                    raise self._gate.why() from error
                await self._fail_rest(str(error), FailureKind.SETUP_FAILED)
                return
        if left and not self._all_cancelled:
            with anyio.CancelScope() as self._setup_scope:
                await self._probe(context)
        while left and self._gate.reason is None and context.halt.reason is None:
            await self._crew(context, iter(left))
            # Who cancels a run while its pilot goes cancels the rest as well.
            left = [unit for unit in self._stage() if self._unended(unit)]
        if context.halt.reason is not None:
            await self._fail_rest(context.halt.reason, context.halt.kind)

    async def _probe(self, context: RunContext) -> None:
        verdict, used = await means.probe(
            self._services, self._folders, self.run, context.agent, context.options, context.ledger
        )
        if used is not None:
            await self._emit(used)
        if verdict is not None:
            context.halt.stop(verdict.message, verdict.kind)

    async def _crew(self, context: RunContext, waiting: Iterator[Unit]) -> None:
        async with anyio.create_task_group() as workers:
            for _ in range(min(context.slots.workers, len(self._plan.units))):
                workers.start_soon(self._worker, context, waiting)

    async def _fail_rest(self, message: str, kind: FailureKind | None) -> None:
        """One thing went wrong for all that have not ended."""
        units = [unit for unit in self._plan.units if self._unended(unit)]
        if not units:
            return
        ids = tuple(unit.id for unit in units)
        many = "No unit was" if len(units) == len(self._plan.units) else f"{len(units)} more units were not"
        await self._find(Finding("unit/failed", Severity.ERROR, f"{many} started: {message}", units=ids))
        for unit in units:
            await self._emit(
                run_events.UnitEnded(self.run, time.time(), unit.id, UnitState.FAILED, message, 0.0, kind=kind)
            )

    async def _worker(self, context: RunContext, waiting: Iterator[Unit]) -> None:
        while self._gate.reason is None and context.halt.reason is None:
            unit = next(waiting, None)
            if unit is None:
                return
            turn = context.slots.queue()
            try:
                await self._one(context, unit, turn)
            finally:
                turn.passed.set()

    async def _one(self, context: RunContext, unit: Unit, turn: Turn) -> None:
        ended: run_events.UnitEnded | None = None
        with anyio.CancelScope() as scope:
            self._unit_scopes[unit.id] = scope
            if unit.id in self._cancelled:
                scope.cancel()
            try:
                ended = await self._run_unit(context, unit, turn)
            except DiskFull:
                # The gate is closed: it is done again when the run is resumed.
                return
            except Halted:
                return
            finally:
                del self._unit_scopes[unit.id]
        if ended is None:
            ended = run_events.UnitEnded(
                self.run,
                time.time(),
                unit.id,
                UnitState.CANCELLED,
                "Cancelled.",
                turn.stopwatch.seconds,
            )
        try:
            await self._look_around(unit)
            await self._emit(ended)
            await means.expect(context.ledger, self._services.journal, self._view())
        except JournalError as error:
            if self._gate.met(error) is None:
                raise

    async def _run_unit(self, context: RunContext, unit: Unit, turn: Turn) -> run_events.UnitEnded:
        try:
            return await run_unit(context, unit, turn, self.fold.unit(unit.id))
        except Halted:
            raise
        except (model.FanoutError, OSError, ExceptionGroup) as error:
            # What the unit itself could not turn into a failure: the journal cannot be written.
            full = self._gate.met(error)
            if full is not None:
                raise full from error
            raise
        except Exception:  # noqa: BLE001  logged, with its traceback
            _log.exception("unit %s of run %s broke", unit.id, self.run)
            message = "An error of fanout's own ended the unit; the server's log has it."
            await self._find(Finding("unit/failed", Severity.ERROR, f"{unit.title}: {message}", units=(unit.id,)))
            seconds = turn.stopwatch.seconds
            return run_events.UnitEnded(self.run, time.time(), unit.id, UnitState.FAILED, message, seconds)

    async def _look_around(self, unit: Unit) -> None:
        """Tells what changed in the repository beside the worktrees. No unit fails for it: the user works there too."""
        async with self._looking:
            before = self._surroundings
            self._surroundings = await anyio.to_thread.run_sync(fingerprint.fingerprint, self._services.repository)
            touched = fingerprint.differences(before, self._surroundings) if before else ()
        if not touched:
            return
        at_work = {UnitState.RUNNING, UnitState.VERIFYING}
        units = [one for one in self._plan.units if one is unit or self.fold.unit(one.id).state in at_work]
        names = ", ".join(one.title for one in units[:_NAMED]) + (", ..." if len(units) > _NAMED else "")
        message = (
            f"While {names} worked, something outside the units' worktrees changed in your repository:"
            f" {'; '.join(touched)}. If that was not you, an agent reached out of its worktree; check it."
        )
        about = tuple(one.id for one in units)
        await self._find(Finding("unit/checkout-touched", Severity.WARNING, message, units=about))

    def _view(self) -> model.RunView:
        view = self.fold.view()
        if view is None:
            raise AssertionError("at work before the first event")
        return view

    async def _integrate(self, base: str) -> None:
        view = self._view()
        results = {unit.id: unit.result for unit in view.units if unit.state is UnitState.DONE and unit.result}
        integration = await anyio.to_thread.run_sync(self._merge, base, results)
        for finding in integration.findings:
            await self._find(finding)
        await self._emit(run_events.RunIntegrated(self.run, time.time(), integration.merged, integration.owners))
        done = sum(unit.state is UnitState.DONE for unit in view.units)
        if self._all_cancelled:
            await self._end(RunState.CANCELLED, f"Cancelled; {done} of {len(view.units)} units were done before.")
        elif not done:
            await self._end(RunState.FAILED, "No unit was done. Each one's finding says why.")
        else:
            await self._end(RunState.READY, f"{done} of {len(view.units)} units done.")

    def _merge(self, base: str, results: Mapping[str, str]) -> Integration:
        repository = self._services.repository

        def make() -> Made[Integration]:
            integration = integrate(repository, self.run, base, self._plan, results)
            return Made(integration, {refs.merged_ref(self.run): integration.merged})

        return keep(repository, make, "The merged result")

    async def _end(self, state: RunState, message: str) -> None:
        await self._emit(run_events.RunEnded(self.run, time.time(), state, message))
