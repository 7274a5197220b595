"""The life of one unit: worktree, agent, result, verify, and again with what failed, for up to ``attempts`` tries."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
from attrs import field, frozen

from fanout_server import model
from fanout_server.agents import environment
from fanout_server.agents.base import Agent, Task, write_prompt
from fanout_server.agents.process import Ended, Program, run_program
from fanout_server.model import Finding, Severity, Unit, UnitState
from fanout_server.repo import collect, refs, worktrees
from fanout_server.repo.changes import GITLINK
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.sourcing import Source
from fanout_server.run import setting_up
from fanout_server.run.activity import ActivityTail
from fanout_server.run.gate import Gate
from fanout_server.run.journal import JournalError
from fanout_server.run.services import RunFolders, Services
from fanout_server.run.slots import Slots, Turn

_log = logging.getLogger(__name__)

_LONGEST_BACKOFF = 60.0
_FEEDBACK_BYTES = 8 * 1024

Emit = Callable[[model.Event], Awaitable[None]]


@frozen
class RunContext:
    """One run as its units see it. ``slots`` bounds how many agents work at a time, ``cleanup`` owns removals.

    ``collecting`` and ``removing`` keep that work from the processors that the next agents start on.
    """

    services: Services
    run: str
    base: str
    options: model.Options
    agent: Agent
    folders: RunFolders
    slots: Slots
    cleanup: anyio.abc.TaskGroup
    emit: Emit
    source: Source
    gate: Gate
    setup_is_shared: bool
    collecting: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(os.cpu_count() or 1))
    removing: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(1))


@frozen
class _Failure:
    """Why an attempt failed. ``feedback`` goes to the agent with the next try, which then goes on from this result."""

    message: str
    retryable: bool = True
    feedback: str | None = None


@frozen
class _Outcome:
    failure: _Failure | None
    collected: collect.Collected | None
    cost: float | None


async def run_unit(context: RunContext, unit: Unit, turn: Turn, first_attempt: int = 1) -> model.UnitEnded:
    """Until the unit is done or its tries are used up. Whatever an agent does becomes a failed unit, not an error.

    Raises DiskFull where a full disk stands in its way: then it is neither done nor failed.
    """
    attempts = range(first_attempt, first_attempt + context.options.attempts)
    outcome = _Outcome(_Failure("No attempt was made."), None, None)
    start = context.base
    feedback: str | None = None
    cost: float | None = None
    for attempt in attempts:
        outcome = await _Attempt(context, unit, attempt).run(turn, start, feedback)
        cost = outcome.cost if cost is None else cost + (outcome.cost or 0.0)
        failure = outcome.failure
        if failure is None:
            break
        last = attempt == attempts[-1] or not failure.retryable
        delay = (
            0.0
            if failure.feedback
            else min(context.services.backoff * 2 ** (attempt - first_attempt), _LONGEST_BACKOFF)
        )
        retry_in = None if last else delay
        await context.emit(model.AttemptFailed(context.run, time.time(), unit.id, attempt, failure.message, retry_in))
        if last:
            break
        feedback = failure.feedback
        # What failed its check is mended where it stands; what broke off starts clean.
        kept = outcome.collected.commit if outcome.collected and failure.feedback else None
        start = kept or context.base
        await anyio.sleep(delay)
    return await _ended(context, unit, outcome, turn.stopwatch.seconds, cost)


async def _ended(
    context: RunContext, unit: Unit, outcome: _Outcome, seconds: float, cost: float | None
) -> model.UnitEnded:
    collected = outcome.collected
    if outcome.failure is not None:
        message = f"{unit.title}: {outcome.failure.message}"
        await _find(context, "unit/failed", Severity.ERROR, message, unit)
    elif collected is None or collected.commit is None:
        message = (
            f"{unit.title}: the agent ended well but changed nothing. See 'fanout show {context.run} --unit {unit.id}"
            " --what log' for what it said."
        )
        await _find(context, "unit/no-change", Severity.WARNING, message, unit)
    if collected is not None and collected.ignored:
        names = ", ".join(collected.ignored[:5]) + (", ..." if len(collected.ignored) > 5 else "")  # noqa: PLR2004
        message = f"{unit.title} left files that the repository ignores or cannot hold; they were left out: {names}."
        await _find(context, "unit/ignored-files", Severity.INFORMATION, message, unit)
    return model.UnitEnded(
        context.run,
        time.time(),
        unit.id,
        UnitState.FAILED if outcome.failure else UnitState.DONE,
        outcome.failure.message if outcome.failure else "",
        seconds,
        result=collected.commit if collected else None,
        files=tuple(change.path for change in collected.changes) if collected else (),
        cost=cost,
    )


async def _find(context: RunContext, code: str, severity: Severity, message: str, unit: Unit) -> None:
    path = unit.targets[0].path if unit.targets else None
    where = unit.targets[0].range if unit.targets else None
    finding = Finding(code, severity, message, path=path, range=where, units=(unit.id,))
    await context.emit(model.FindingReported(context.run, time.time(), finding))


class _Attempt:
    """One try at a unit in a worktree of its own."""

    def __init__(self, context: RunContext, unit: Unit, number: int) -> None:
        self._context = context
        self._unit = unit
        self._number = number
        self._mark = f"{context.run}/{unit.id}/{number}"
        self._logs = context.folders.attempt_logs(unit.id, number)
        self._cost: float | None = None

    async def run(self, turn: Turn, start: str, feedback: str | None) -> _Outcome:
        context = self._context
        collected: collect.Collected | None = None
        worktree: worktrees.Worktree | None = None
        try:
            async with context.slots.preparing(turn) as preparing:
                worktree = await anyio.to_thread.run_sync(self._create, start)
                async with context.slots.held(turn, preparing):
                    context.gate.pass_through()
                    await tell_news(context)
                    await self._begin(worktree)
                    failure = await self._prepare(worktree, start) or await self._agent(worktree, feedback)
                    # Before the slot goes to the next unit: no more than ``jobs`` are ever shown as running.
                    await context.emit(model.AttemptVerifying(context.run, time.time(), self._unit.id, self._number))
                    if failure is None and self._unit.verify:
                        collected = await self._collect(worktree)
                        failure = await self._verify(worktree)
            if collected is None:
                await context.slots.calm()
                collected = await self._collect(worktree)
        except (model.FanoutError, OSError) as error:
            full = context.gate.met(error)
            if full is not None:
                raise full from error
            # The unit fails closed: what cannot be trusted or read is not taken.
            failure = _Failure(str(error))
        finally:
            # A unit whose worktree could not be made must not keep the next ones waiting for its turn.
            turn.passed.set()
            if worktree is not None:
                context.cleanup.start_soon(_remove, context, worktree)
        if failure is not None and await anyio.to_thread.run_sync(context.gate.is_full):
            # The program that failed could write nothing.
            raise context.gate.why()
        return _Outcome(failure, collected, self._cost)

    async def _begin(self, worktree: worktrees.Worktree) -> None:
        run, unit = self._context.run, self._unit.id
        await self._context.emit(model.AttemptStarted(run, time.time(), unit, self._number, str(worktree.path)))

    def _create(self, start: str) -> worktrees.Worktree:
        self._context.gate.check(self._context.source.needs, "A unit")
        self._logs.mkdir(parents=True, exist_ok=True)
        path = self._context.folders.worktree(self._unit.id, self._number)
        path.parent.mkdir(parents=True, exist_ok=True)
        return self._context.source.create(path, f"fanout {self._mark}", start)

    async def _prepare(self, worktree: worktrees.Worktree, start: str) -> _Failure | None:
        if not self._unit.setup or self._context.setup_is_shared:
            return None
        ended = await self._run_command(self._unit.setup, worktree, "setup")
        if ended.reason != "exited" or ended.exit != 0:
            return _Failure(f"setup failed: {setting_up.told(ended)}")
        repository = self._context.services.repository
        await anyio.to_thread.run_sync(collect.settle, repository, worktree, start)
        return None

    async def _agent(self, worktree: worktrees.Worktree, feedback: str | None) -> _Failure | None:
        context = self._context
        prompt = self._unit.prompt if feedback is None else f"{self._unit.prompt}\n\n{feedback}"
        prompt_file = await anyio.to_thread.run_sync(write_prompt, self._logs, prompt)
        task = Task(self._unit, context.options, worktree.path, prompt, prompt_file, self._number)
        invocation = await anyio.to_thread.run_sync(context.agent.program, task)
        env = environment.build(
            os.environ,
            env={**context.options.env, **invocation.env},
            env_pass=context.options.env_pass,
            mark=self._mark,
        )
        program = Program(
            invocation.argv, worktree.path, env, invocation.stdin, self._mark, invocation.stop_signal, worktree.space
        )
        reader = context.agent.reader(task)
        ended = await self._watch(program, "agent")
        verdict = reader.verdict(ended)
        self._cost = verdict.cost
        if verdict.ok and ended.leftovers:
            message = (
                f"{self._unit.title}: the agent left {ended.leftovers} process(es) running after its end."
                " They were ended with it."
            )
            await _find(context, "unit/left-processes", Severity.INFORMATION, message, self._unit)
        if verdict.ok:
            return None
        return _Failure(verdict.message, retryable=verdict.retryable)

    async def _verify(self, worktree: worktrees.Worktree) -> _Failure | None:
        ended = await self._run_command(self._unit.verify, worktree, "verify")
        if ended.reason == "exited" and ended.exit == 0:
            return None
        output = ended.tail[-_FEEDBACK_BYTES:].decode("utf-8", "replace")
        feedback = (
            f"Your work so far is in place, but this check of it failed ({' '.join(self._unit.verify)}). Its output"
            f" ends:\n\n{output}\n\nMend what makes it fail, keeping to the task above."
        )
        retryable = ended.reason != "not-started"
        return _Failure(f"verify failed: {setting_up.told(ended)}", retryable=retryable, feedback=feedback)

    async def _run_command(self, argv: tuple[str, ...], worktree: worktrees.Worktree, name: str) -> Ended:
        options = self._context.options
        env = environment.build(os.environ, env=options.env, env_pass=options.env_pass, mark=self._mark)
        return await self._watch(Program(argv, worktree.path, env, None, self._mark, space=worktree.space), name)

    async def _watch(self, program: Program, name: str) -> Ended:
        """Runs the program to its end, its output into ``NAME.log``, its last line to whoever watches."""
        context = self._context
        options = context.options

        async def tell(line: str) -> None:
            event = model.AttemptActivity(context.run, time.time(), self._unit.id, self._number, line)
            try:
                await context.emit(event)
            except JournalError as error:
                # Its work is not lost yet: there may be room again by its end.
                if context.gate.met(error) is None:
                    raise

        tail = ActivityTail(tell)
        ended: Ended | model.FanoutError | OSError
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tail.run)
            try:
                ended = await run_program(
                    program,
                    timeout=options.timeout,
                    stall=options.stall,
                    on_output=tail.feed,
                    log=self._logs / f"{name}.log",
                )
            except (model.FanoutError, OSError) as error:
                # The task group would wrap it, and this is the unit's failure alone.
                ended = error
            tasks.cancel_scope.cancel()
        if isinstance(ended, model.FanoutError | OSError):
            raise ended
        return ended

    async def _collect(self, worktree: worktrees.Worktree) -> collect.Collected:
        limiter = self._context.collecting
        return await anyio.to_thread.run_sync(self._collect_now, worktree, limiter=limiter)

    def _collect_now(self, worktree: worktrees.Worktree) -> collect.Collected:
        """The result is a ref before anybody hears of it. Raises FanoutError where base or worktree do not hold."""
        context = self._context
        repository = context.services.repository
        broken = worktrees.intact(repository, worktree)
        if broken is not None:
            raise BrokenWorktree(f"its worktree cannot be trusted any more: {broken}.")
        if refs.read_ref(repository, refs.base_ref(context.run)) != context.base:
            raise BrokenWorktree("the ref of the run's base was changed while it worked, so its result is not taken.")
        message = f"{self._unit.title}\n\nfanout run {context.run}, unit {self._unit.id}, attempt {self._number}"
        known = (*context.options.copy, *context.options.link)
        ref = refs.unit_ref(context.run, self._unit.id)

        def make() -> Made[collect.Collected]:
            collected = collect.collect(repository, worktree, message, known=known)
            oids = [change.new_oid for change in collected.changes if change.new_oid and change.new_mode != GITLINK]
            return Made(collected, {} if collected.commit is None else {ref: collected.commit}, oids)

        return keep(repository, make, f"The result of {self._unit.title}")


async def tell_news(context: RunContext) -> None:
    """What could not be had for the worktrees; it concerns all units."""
    for finding in context.source.news():
        await context.emit(model.FindingReported(context.run, time.time(), finding))


class BrokenWorktree(model.FanoutError):
    """The place where an agent worked is not what it was made to be."""


async def _remove(context: RunContext, worktree: worktrees.Worktree) -> None:
    """A worktree that cannot be removed now is reaped at the next start."""
    with anyio.CancelScope(shield=True):
        try:
            await anyio.to_thread.run_sync(context.source.give_back, worktree, limiter=context.removing)
        except (model.FanoutError, OSError) as error:
            _log.warning("Cannot remove the worktree %s: %s. 'fanout clean' tries again.", worktree.path, error)


def log_files(logs: Path, unit: str) -> tuple[Path, ...]:
    """All logs of a unit, oldest attempt first; in an attempt: setup, agent, verify."""
    order = {"setup.log": 0, "agent.log": 1, "verify.log": 2}
    found = [path for path in (logs / unit).glob("*/*.log") if path.name in order]
    return tuple(sorted(found, key=lambda path: (int(path.parent.name), order[path.name])))
