"""One run from base to change set: the snapshot, the units side by side, integration."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping

import anyio
import anyio.abc
import anyio.to_thread

from fanout_server import model
from fanout_server.agents import registry
from fanout_server.agents.base import Agent
from fanout_server.model import Finding, Plan, RunState, Severity, Unit, UnitState
from fanout_server.repo import fingerprint, refs, snapshot
from fanout_server.run import locks
from fanout_server.run.integrate import Integration, integrate
from fanout_server.run.services import Services
from fanout_server.run.slots import Slots, Turn
from fanout_server.run.state import ACTIVE, Fold
from fanout_server.run.unit import RunContext, run_unit

_LOCK_LIMIT_SECONDS = 2.0
_NAMED = 5

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
        self._surroundings: fingerprint.Fingerprint | None = None
        self._looking = anyio.Lock()

    async def start(self, buffers: Mapping[str, bytes]) -> None:
        """From the snapshot to the end. Raises FanoutError where the run cannot begin; later failures are events."""
        agent = registry.get(self._plan.options.agent, self._plan.options)
        agent.check(self._plan.options)
        async with self._held():
            base = await anyio.to_thread.run_sync(self._snapshot, buffers)
            started = model.RunStarted(
                self.run, time.time(), str(self._services.repository.root), base.commit, self._plan
            )
            await self._emit(started)
            for note in base.notes:
                await self._find(note)
            await self._work(agent, base.commit)

    async def resume(self, events: Collection[model.Event]) -> None:
        """Goes on after an interruption: units that ended stay ended. Raises FanoutError where it cannot begin."""
        agent = registry.get(self._plan.options.agent, self._plan.options)
        agent.check(self._plan.options)
        async with self._held():
            for event in events:
                self.fold.add(event)
            view = self.fold.view()
            if view is None:
                raise model.FanoutError(f"Run {self.run} never began; start it anew.")
            await self._emit(model.RunResumed(self.run, time.time()))
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
            except Exception:
                # A run that never began leaves nothing in the journal, or its list of runs could not be read again.
                if self.fold.view() is not None:
                    await self._end(RunState.FAILED, "An error of fanout's own ended the run; the server's log has it.")
                raise

    async def _interrupted(self) -> None:
        view = self.fold.view()
        if view is not None and view.state in ACTIVE:
            message = f"Interrupted. 'fanout resume {self.run}' goes on without doing done units again."
            await self._end(RunState.INTERRUPTED, message)

    @property
    def unit_ids(self) -> tuple[str, ...]:
        return tuple(unit.id for unit in self._plan.units)

    def cancel(self, units: Collection[str] | None) -> tuple[str, ...]:
        """Ends these units, or all; returns the ids of those that had not ended."""
        wanted = set(self.unit_ids if units is None else units)
        if units is None:
            self._all_cancelled = True
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

    def _snapshot(self, buffers: Mapping[str, bytes]) -> snapshot.Snapshot:
        repository = self._services.repository
        return snapshot.take(
            repository,
            buffers,
            f"fanout run {self.run}: base\n\n{self._plan.instruction}",
            ref=refs.base_ref(self.run),
            untracked_limit=self._plan.options.untracked_limit,
        )

    async def _emit(self, event: model.Event) -> None:
        await self._services.journal.append(event)
        self.fold.add(event)
        self._services.publish(event)

    async def _find(self, finding: Finding) -> None:
        await self._emit(model.FindingReported(self.run, time.time(), finding))

    async def _work(self, agent: Agent, base: str) -> None:
        """The units, then integration. Interruption (the engine closes) leaves the run to be resumed."""
        try:
            async with anyio.create_task_group() as cleanup:
                await self._units(agent, base, cleanup)
                await self._integrate(base)
            await anyio.to_thread.run_sync(self._tidy)
        except* (model.FanoutError, OSError) as group:
            await self._end(RunState.FAILED, "; ".join(str(error) for error in _leaves(group)))

    def _tidy(self) -> None:
        """The folder of the run's worktrees, if all of them could be removed; else a later start reaps it."""
        with contextlib.suppress(OSError):
            self._folders.worktrees.rmdir()

    async def _units(self, agent: Agent, base: str, cleanup: anyio.abc.TaskGroup) -> None:
        options = self._plan.options
        context = RunContext(
            self._services,
            self.run,
            base,
            options,
            agent,
            self._folders,
            Slots(options.jobs),
            cleanup,
            self._emit,
        )
        self._surroundings = await anyio.to_thread.run_sync(fingerprint.fingerprint, self._services.repository)
        waiting = iter([unit for unit in self._plan.units if not self.fold.unit(unit.id).state.ended])
        async with anyio.create_task_group() as workers:
            for _ in range(min(context.slots.workers, len(self._plan.units))):
                workers.start_soon(self._worker, context, waiting)

    async def _worker(self, context: RunContext, waiting: Iterator[Unit]) -> None:
        for unit in waiting:
            turn = context.slots.queue()
            try:
                await self._one(context, unit, turn)
            finally:
                turn.passed.set()

    async def _one(self, context: RunContext, unit: Unit, turn: Turn) -> None:
        ended: model.UnitEnded | None = None
        with anyio.CancelScope() as scope:
            self._unit_scopes[unit.id] = scope
            if unit.id in self._cancelled:
                scope.cancel()
            ended = await self._run_unit(context, unit, turn)
        del self._unit_scopes[unit.id]
        if ended is None:
            ended = model.UnitEnded(
                self.run,
                time.time(),
                unit.id,
                UnitState.CANCELLED,
                "Cancelled.",
                turn.stopwatch.seconds,
            )
        await self._look_around(unit)
        await self._emit(ended)

    async def _run_unit(self, context: RunContext, unit: Unit, turn: Turn) -> model.UnitEnded:
        try:
            return await run_unit(context, unit, turn, self.fold.unit(unit.id).attempts + 1)
        except (model.FanoutError, OSError, ExceptionGroup):
            # What the unit itself could not turn into a failure: the journal cannot be written.
            raise
        except Exception:  # noqa: BLE001  logged, with its traceback
            _log.exception("unit %s of run %s broke", unit.id, self.run)
            message = "An error of fanout's own ended the unit; the server's log has it."
            await self._find(Finding("unit/failed", Severity.ERROR, f"{unit.title}: {message}", units=(unit.id,)))
            seconds = turn.stopwatch.seconds
            return model.UnitEnded(self.run, time.time(), unit.id, UnitState.FAILED, message, seconds)

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

    async def _integrate(self, base: str) -> None:
        view = self.fold.view()
        if view is None:
            raise AssertionError("integration before the first event")
        results = {unit.id: unit.result for unit in view.units if unit.state is UnitState.DONE and unit.result}
        integration = await anyio.to_thread.run_sync(self._merge, base, results)
        for finding in integration.findings:
            await self._find(finding)
        await self._emit(model.RunIntegrated(self.run, time.time(), integration.merged, integration.owners))
        done = sum(unit.state is UnitState.DONE for unit in view.units)
        if self._all_cancelled:
            await self._end(RunState.CANCELLED, f"Cancelled; {done} of {len(view.units)} units were done before.")
        elif not done:
            await self._end(RunState.FAILED, "No unit was done. Each one's finding says why.")
        else:
            await self._end(RunState.READY, f"{done} of {len(view.units)} units done.")

    def _merge(self, base: str, results: Mapping[str, str]) -> Integration:
        repository = self._services.repository
        integration = integrate(repository, self.run, base, self._plan, results)
        refs.set_ref(repository, refs.merged_ref(self.run), integration.merged)
        return integration

    async def _end(self, state: RunState, message: str) -> None:
        await self._emit(model.RunEnded(self.run, time.time(), state, message))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
