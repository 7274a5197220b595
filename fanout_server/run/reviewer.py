"""The agent that reviews the merged result: a fan-out of its own over parts of it, within the run's limits."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Sequence

import anyio
import anyio.abc
import anyio.to_thread
from attrs import define, evolve, field, frozen

from fanout_server import run_events
from fanout_server.agents.base import Agent
from fanout_server.model import FanoutError, Finding, Severity, Unit, UnitState, UnitView
from fanout_server.repo import changes
from fanout_server.review import answers, asking
from fanout_server.review.remarks import CODES
from fanout_server.run import answering, means, reviewing
from fanout_server.run.check_runs import Where
from fanout_server.run.checking import Delivered
from fanout_server.run.context import Halted, Mail, RunContext
from fanout_server.run.journal import JournalError
from fanout_server.run.prompting import Briefing
from fanout_server.run.reuse import Reuse
from fanout_server.run.slots import Slots
from fanout_server.run.unit import run_unit

_log = logging.getLogger(__name__)

UNFINISHED = "review/unfinished"
# No unit of a plan has such an id.
_NAME = ".reviewer"
_TITLE = "The reviewing agent"


@define
class _Part:
    """What came of one part. ``cost`` is what it has told so far."""

    unit: Unit
    cost: float = 0.0
    findings: tuple[Finding, ...] = ()
    problem: str = ""
    done: bool = False


@frozen
class Reviewer:
    """Of one execution."""

    _scope: anyio.CancelScope = field(factory=anyio.CancelScope)

    def cancel(self) -> None:
        """What it found until then stays; the rest is looked at by nobody."""
        self._scope.cancel()

    async def work(self, where: Where, agent: Agent, cleanup: anyio.abc.TaskGroup, merged: Delivered) -> None:
        """Reviews what is delivered, if the plan wants it; whatever goes wrong is one finding.

        Raises JournalError, and FanoutError and OSError of a full disk.
        """
        is_wanted = where.plan.options.review == "agent" and agent.abilities.answers
        if not is_wanted or not merged.integration.owners:
            return
        record, began = where.record, time.monotonic()
        parts: list[_Part] = []
        problem = ""
        try:
            asked = await anyio.to_thread.run_sync(_ask, where, merged)
            parts += [_Part(unit) for unit in asked.units]
            await record.emit(run_events.ReviewStarted(record.run, time.time(), len(parts)))
            with self._scope:
                context = await _context(where, agent, cleanup, merged)
                await anyio.to_thread.run_sync(context.reuse.look, context.start, asked.units)
                await _side_by_side(context, where, parts)
            if asked.left:
                problem = f"{asked.left} changed files were more than it is given, and it has not seen them"
        except (FanoutError, OSError) as error:
            if isinstance(error, JournalError) or where.gate.met(error) is not None:
                raise
            problem = str(error)
        if self._scope.cancelled_caught:
            problem = "it was cancelled"
        found = await anyio.to_thread.run_sync(_owned, where, merged, parts)
        for finding in found:
            await record.find(finding)
        problem = problem or next((part.problem for part in parts if part.problem), "")
        done = sum(part.done for part in parts)
        if problem:
            seen = f" {done} of {len(parts)} parts were reviewed." if len(parts) > 1 else ""
            message = (
                f"{_TITLE} did not do all of its work: {problem.rstrip('.')}.{seen} The result is here all the same;"
                " look at what changed yourself, or run the plan again."
            )
            await record.find(Finding(UNFINISHED, Severity.WARNING, message))
        things = "one thing" if len(found) == 1 else f"{len(found)} things" if found else "nothing"
        looked = f" looked at {done} of {len(parts)} parts and" if len(parts) != 1 or not done else ""
        told = f"{_TITLE}{looked} found {things}."
        await record.emit(run_events.ReviewEnded(record.run, time.time(), told, time.monotonic() - began))


@frozen
class _Asked:
    units: tuple[Unit, ...]
    left: int


def _ask(where: Where, merged: Delivered) -> _Asked:
    """Blocking. Raises GitFailed."""
    plan, owners = where.plan, merged.integration.owners
    told = changes.unified(where.services.repository, where.source.base, merged.integration.merged)
    parts = asking.split(told.decode("utf-8", "replace"))
    known = [one for one in where.record.begun().findings if one.code not in CODES]
    # What commands ask for of units has no meaning here.
    nothing = dict.fromkeys((name for unit in plan.units for name in unit.variables), "")
    units: list[Unit] = []
    for number, diff in enumerate(parts.diffs, start=1):
        # Nobody can write a text with its own hash in it; and the same diff is asked about in the same words.
        mark = f"DATA-{hashlib.sha256(diff.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
        prompt = asking.prompt(plan.instruction, plan.units, owners, known, diff, mark)
        name = _NAME if len(parts.diffs) == 1 else f"{_NAME}-{number}"
        units.append(Unit(name, _TITLE, prompt, variables=nothing))
    return _Asked(tuple(units), parts.left)


async def _context(where: Where, agent: Agent, cleanup: anyio.abc.TaskGroup, merged: Delivered) -> RunContext:
    services, options, record = where.services, evolve(where.plan.options, mode="review"), where.record
    briefing = Briefing(wanted=False, form="" if agent.abilities.schema else answers.in_words())
    return RunContext(
        services,
        record.run,
        where.source.base,
        merged.integration.merged,
        options,
        agent,
        services.folders(record.run),
        Slots(options.jobs),
        cleanup,
        record.emit,
        where.source,
        where.gate,
        setup_is_shared=where.setup_is_shared,
        briefing=briefing,
        limiter=means.limiter(services, options, agent),
        ledger=await means.ledger(services.journal, record.begun()),
        mail=Mail(),
        reuse=Reuse(services, record.run, options, agent, briefing),
        unit_ids=tuple(unit.id for unit in where.plan.units),
    )


async def _side_by_side(context: RunContext, where: Where, parts: Sequence[_Part]) -> None:
    waiting = iter(parts)

    async def worker() -> None:
        for part in waiting:
            if context.halt.reason is not None:
                return
            await _one(context, where, part)

    async with anyio.create_task_group() as workers:
        for _ in range(min(context.slots.workers, len(parts))):
            workers.start_soon(worker)


async def _one(context: RunContext, where: Where, part: _Part) -> None:
    """As a unit of ``mode: review``; of its events the run is told what concerns it."""

    async def emit(event: run_events.Event) -> None:
        match event:
            case run_events.AttemptUsed() if event.cost is not None:
                await _spent(where, part, event.cost, event.estimated)
            case run_events.UnitReviewed():
                part.findings = event.findings
            case _:
                pass

    if await _known(context, part):
        return
    turn = context.slots.queue()
    try:
        view = UnitView(part.unit.id, part.unit.title)
        ended = await run_unit(evolve(context, emit=emit), part.unit, turn, view)
    except Halted as halted:
        part.problem = str(halted)
        return
    except (FanoutError, OSError) as error:
        full = where.gate.met(error)
        if isinstance(error, JournalError) or full is not None:
            raise
        part.problem = str(error)
        return
    finally:
        turn.passed.set()
    if ended.cost is not None:
        await _spent(where, part, ended.cost, ended.estimated)
    part.done = ended.state is UnitState.DONE
    part.problem = "" if part.done else ended.message
    if part.done and context.reuse.key(part.unit.id):
        await anyio.to_thread.run_sync(context.reuse.keep, part.unit, None)


async def _known(context: RunContext, part: _Part) -> bool:
    """Whether the agent was asked the same before, of the same files: then that was its answer."""
    try:
        taken = await anyio.to_thread.run_sync(context.reuse.take, part.unit, context.start)
    except OSError as error:
        _log.warning("what an agent said of the same before cannot be taken: %s", error)
        return False
    if taken is None or taken.answer is None:
        return False
    part.findings = await anyio.to_thread.run_sync(answering.findings, context, part.unit, taken.answer)
    part.done = True
    return True


async def _spent(where: Where, part: _Part, cost: float, estimated: bool) -> None:  # noqa: FBT001
    """Told as what came since the last time, so that parts and later reviews add up."""
    if cost > part.cost:
        more, part.cost = cost - part.cost, cost
        await where.record.emit(run_events.ReviewUsed(where.record.run, time.time(), more, estimated))


def _owned(where: Where, merged: Delivered, parts: Sequence[_Part]) -> tuple[Finding, ...]:
    """The findings as those of the units that wrote the lines. Blocking. Raises GitFailed."""
    found = [(part.unit.id, finding) for part in parts for finding in part.findings]
    paths = {finding.path for _, finding in found}
    repository, integration = where.services.repository, merged.integration
    touched = [one for one in changes.diff(repository, where.source.base, integration.merged) if one.path in paths]
    files, _ = reviewing.files(repository, merged.results, integration, touched)
    added = {one.path: one.added for one in files}
    owned: list[Finding] = []
    for reviewer, finding in found:
        lines = added.get(finding.path or "", {})
        span = range(0) if finding.range is None else range(finding.range.start.line, finding.range.end.line + 1)
        wrote = [unit for line in span for unit in lines.get(line, ())]
        makers = wrote or integration.owners.get(finding.path or "", ())
        related = [unit for unit in finding.units if unit != reviewer]
        owned.append(evolve(finding, units=tuple(dict.fromkeys((*makers, *related)))))
    return tuple(dict.fromkeys(owned))
