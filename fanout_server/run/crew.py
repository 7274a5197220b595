"""The units of a run side by side: who works on which, what ends them, what fails them all."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

import anyio
import anyio.abc
import anyio.to_thread
import attrs

from fanout_server import model, run_events
from fanout_server.agents.base import Agent
from fanout_server.model import FailureKind, Finding, Plan, Severity, Unit, UnitState
from fanout_server.repo import fingerprint
from fanout_server.repo.room import DiskFull
from fanout_server.repo.sourcing import Source
from fanout_server.run import answering, means, setting_up, waves
from fanout_server.run.context import Delivery, Halted, Mail, RunContext
from fanout_server.run.gate import Gate
from fanout_server.run.journal import JournalError
from fanout_server.run.record import Record
from fanout_server.run.reuse import Reuse
from fanout_server.run.services import Services
from fanout_server.run.slots import Slots, Turn
from fanout_server.run.unit import run_unit

_NAMED = 5

_log = logging.getLogger(__name__)


class Crew:
    """Of one execution. ``all_cancelled``: the run as a whole is not wanted any more.

    ``setup_was_shared``: worktrees of the source have by now what ``setup`` leaves.
    """

    def __init__(
        self, services: Services, plan: Plan, record: Record, gate: Gate, unit_ended: Callable[[], None]
    ) -> None:
        self.all_cancelled = False
        self.setup_was_shared = False
        self._services = services
        self._run = record.run
        self._plan = plan
        self._folders = services.folders(record.run)
        self._record = record
        self._gate = gate
        self._unit_ended = unit_ended
        self._unit_scopes: dict[str, anyio.CancelScope] = {}
        self._cancelled: set[str] = set()
        self._setup_scope = anyio.CancelScope()
        self._surroundings = _Surroundings(services)
        self._mail = Mail()

    @property
    def unit_ids(self) -> tuple[str, ...]:
        return tuple(unit.id for unit in self._plan.units)

    def replan(self, plan: Plan) -> None:
        """There are more units by now."""
        self._plan = plan

    def cancel(self, units: Collection[str] | None) -> tuple[str, ...]:
        """Ends these units, or all; returns the ids of those that had not ended."""
        wanted = set(self.unit_ids if units is None else units)
        if units is None:
            self.all_cancelled = True
            self._setup_scope.cancel()
        view = self._record.view()
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
            await self._record.emit(run_events.NoteSent(self._run, time.time(), unit, note))
        return delivered

    def stage(self) -> tuple[Unit, ...]:
        """The units that may run now: before the pilot is accepted, those that are it."""
        view = self._record.view()
        pilot = self._plan.options.pilot
        if not pilot or self.all_cancelled or (view is not None and view.accepted is not None):
            return self._plan.units
        # A repair comes after all others, whatever was the pilot.
        return (*self._plan.units[:pilot], *(unit for unit in self._plan.units[pilot:] if unit.mends is not None))

    def has_to_do(self, unit: Unit) -> bool:
        return not self._record.unit(unit.id).state.ended

    async def look_around(self) -> None:
        """What there is before the units begin, which ``work`` waits for."""
        await self._surroundings.begin()

    async def work(self, agent: Agent, source: Source, cleanup: anyio.abc.TaskGroup) -> None:
        """Until the units that may run now have ended, or nothing more can be begun."""
        options, view = self._plan.options, self._record.begun()
        left = [unit for unit in self.stage() if self.has_to_do(unit)]
        briefing = await anyio.to_thread.run_sync(
            means.briefing, self._services.repository, agent, self._plan, source.base, view
        )
        context = RunContext(
            self._services,
            self._run,
            source.base,
            source.base,
            options,
            agent,
            self._folders,
            Slots(options.jobs),
            cleanup,
            self._record.emit,
            source,
            self._gate,
            setup_is_shared=setting_up.is_shared(source, left),
            briefing=briefing,
            limiter=means.limiter(self._services, options, agent),
            ledger=await means.ledger(self._services.journal, view),
            mail=self._mail,
            reuse=Reuse(self._services, self._run, options, agent, briefing),
            unit_ids=self.unit_ids,
        )
        await self._surroundings.seen.wait()
        ready = _Once(lambda: self._get_ready(context))
        while left and self._gate.reason is None and context.halt.reason is None:
            await self._wave(context, left, ready)
            # Who cancels a run while its pilot goes cancels the rest as well.
            left = [unit for unit in self.stage() if self.has_to_do(unit)]
        if context.halt.reason is not None:
            await self._fail_rest(context.halt.reason, context.halt.kind)

    async def _get_ready(self, context: RunContext) -> None:
        """What the first unit needs that an agent works on: ``setup``, if it is shared, and an agent that answers."""
        if self.all_cancelled:
            return
        with anyio.CancelScope() as self._setup_scope:
            if context.setup_is_shared and not self.setup_was_shared:
                await self._share_setup(context)
            if context.halt.reason is None:
                await self._probe(context)

    async def _share_setup(self, context: RunContext) -> None:
        setup = next(unit.setup for unit in self.stage() if self.has_to_do(unit))
        try:
            await setting_up.share(self._services, self._run, context.source, self._folders, context.options, setup)
            self.setup_was_shared = True
        except setting_up.SetupFailed as error:
            if await anyio.to_thread.run_sync(self._gate.is_full):
                raise self._gate.why() from error
            context.halt.stop(str(error), FailureKind.SETUP_FAILED)

    async def _wave(self, context: RunContext, left: Sequence[Unit], ready: _Once) -> None:
        """Those of the units that may start now: the others need what they make."""
        view = self._record.begun()
        number, wave = waves.first(view.plan, left)
        for finding in waves.lacking(view, wave):
            await self._record.find(finding)
        start = await anyio.to_thread.run_sync(waves.start, self._services.repository, view, number)
        context = attrs.evolve(context, start=start)
        await anyio.to_thread.run_sync(context.reuse.look, start, wave)
        missing = [unit for unit in wave if not await self._taken(context, unit)]
        if missing:
            await ready.do()
        if context.halt.reason is None:
            await self._side_by_side(context, iter(missing))

    async def _taken(self, context: RunContext, unit: Unit) -> bool:
        """Whether what an earlier run made of it is the unit's result."""
        if self.all_cancelled or unit.id in self._cancelled or self._record.unit(unit.id).again:
            return False
        run = self._run
        found: tuple[Finding, ...] = ()
        try:
            taken = await anyio.to_thread.run_sync(context.reuse.take, unit, context.start)
            if taken is not None and taken.answer is not None:
                found = await anyio.to_thread.run_sync(answering.findings, context, unit, taken.answer)
        except (model.FanoutError, OSError) as error:
            full = self._gate.met(error)
            if full is not None:
                raise full from error
            _log.warning("what is kept for unit %s of run %s cannot be taken: %s", unit.id, run, error)
            return False
        if taken is None:
            return False
        if taken.answer is not None:
            await self._record.emit(run_events.UnitReviewed(run, time.time(), unit.id, 0, taken.answer.summary, found))
        await self._record.emit(
            run_events.UnitEnded(
                *(run, time.time(), unit.id, UnitState.DONE, "", 0.0),
                result=taken.result,
                files=taken.files,
                kept=taken.run,
                key=context.reuse.key(unit.id),
            )
        )
        self._unit_ended()
        return True

    async def _probe(self, context: RunContext) -> None:
        verdict, used = await means.probe(
            self._services, self._folders, self._run, context.agent, context.options, context.ledger
        )
        if used is not None:
            await self._record.emit(used)
        if verdict is not None:
            context.halt.stop(verdict.message, verdict.kind)

    async def _side_by_side(self, context: RunContext, waiting: Iterator[Unit]) -> None:
        async with anyio.create_task_group() as workers:
            for _ in range(min(context.slots.workers, len(self._plan.units))):
                workers.start_soon(self._worker, context, waiting)

    async def _fail_rest(self, message: str, kind: FailureKind | None) -> None:
        """One thing went wrong for all that have not ended."""
        units = [unit for unit in self._plan.units if self.has_to_do(unit)]
        if not units:
            return
        ids = tuple(unit.id for unit in units)
        many = "No unit was" if len(units) == len(self._plan.units) else f"{len(units)} more units were not"
        await self._record.find(Finding("unit/failed", Severity.ERROR, f"{many} started: {message}", units=ids))
        for unit in units:
            await self._record.emit(
                run_events.UnitEnded(self._run, time.time(), unit.id, UnitState.FAILED, message, 0.0, kind=kind)
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
            if self.all_cancelled or unit.id in self._cancelled:
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
                self._run,
                time.time(),
                unit.id,
                UnitState.CANCELLED,
                "Cancelled.",
                turn.stopwatch.seconds,
            )
        try:
            await self._surroundings.look(functools.partial(self._tell_of_touched, unit))
            keep = context.reuse.key(unit.id) if self._is_to_be_kept(ended) else ""
            await self._record.emit(attrs.evolve(ended, key=keep))
            self._unit_ended()
            if keep:
                context.cleanup.start_soon(anyio.to_thread.run_sync, context.reuse.keep, unit, ended.result)
            await means.expect(context.ledger, self._services.journal, self._record.begun())
        except JournalError as error:
            if self._gate.met(error) is None:
                raise

    def _is_to_be_kept(self, ended: run_events.UnitEnded) -> bool:
        """Not what the user has had a say in: it is not what would be made of the same again."""
        told = self._record.unit(ended.unit)
        is_something = ended.result is not None or self._plan.options.mode == "review"
        return ended.state is UnitState.DONE and is_something and not told.notes and not told.remarks

    async def _run_unit(self, context: RunContext, unit: Unit, turn: Turn) -> run_events.UnitEnded:
        try:
            return await run_unit(context, unit, turn, self._record.unit(unit.id))
        except Halted:
            raise
        except (model.FanoutError, OSError, ExceptionGroup) as error:
            # What the unit itself could not turn into a failure: the journal cannot be written.
            full = self._gate.met(error)
            if full is not None:
                raise full from error
            raise
        except Exception:  # noqa: BLE001  logged, with its traceback
            _log.exception("unit %s of run %s broke", unit.id, self._run)
            message = "An error of fanout's own ended the unit; the server's log has it."
            await self._record.find(
                Finding("unit/failed", Severity.ERROR, f"{unit.title}: {message}", units=(unit.id,))
            )
            seconds = turn.stopwatch.seconds
            return run_events.UnitEnded(self._run, time.time(), unit.id, UnitState.FAILED, message, seconds)

    async def _tell_of_touched(self, unit: Unit, touched: Sequence[str]) -> None:
        """No unit fails for it: the user works there, too."""
        at_work = {UnitState.RUNNING, UnitState.VERIFYING}
        units = [one for one in self._plan.units if one is unit or self._record.unit(one.id).state in at_work]
        names = ", ".join(one.title for one in units[:_NAMED]) + (", ..." if len(units) > _NAMED else "")
        message = (
            f"While {names} worked, something outside the units' worktrees changed in your repository:"
            f" {'; '.join(touched)}. If that was not you, an agent reached out of its worktree; check it."
        )
        about = tuple(one.id for one in units)
        await self._record.find(Finding("unit/checkout-touched", Severity.WARNING, message, units=about))


class _Once:
    """Something that is done the first time that it is needed."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work: Callable[[], Awaitable[None]] | None = work

    async def do(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            await work()


class _Surroundings:
    """The user's repository beside the worktrees."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._found: fingerprint.Fingerprint | None = None
        self.seen = anyio.Event()
        self._one_at_a_time = anyio.Lock()
        self._looks = 0

    async def begin(self) -> None:
        """What is there before the units begin."""
        self._found = await anyio.to_thread.run_sync(fingerprint.fingerprint, self._services.repository)
        self.seen.set()

    async def look(self, tell: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        """``tell`` is called with what changed since the last look, in words. One look is for all that wait for it:
        where units end side by side it tells of all of them.
        """
        asked_at = self._looks
        async with self._one_at_a_time:
            if self._looks > asked_at:
                return
            self._looks += 1
            before = self._found
            await self.begin()
            touched = fingerprint.differences(before, self._found) if before and self._found else ()
            if touched:
                await tell(touched)
