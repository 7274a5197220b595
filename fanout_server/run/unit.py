"""The life of one unit: attempts, until it is done or there is no sense in another."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import anyio
from attrs import evolve

from fanout_server import model
from fanout_server.model import Severity, Unit, UnitState
from fanout_server.run import policy, rate
from fanout_server.run.attempt import Attempt, Outcome
from fanout_server.run.context import Place, RunContext
from fanout_server.run.policy import Step, Tries
from fanout_server.run.slots import Turn
from fanout_server.run.using import UnitUse, Use


async def run_unit(context: RunContext, unit: Unit, turn: Turn, first_attempt: int = 1) -> model.UnitEnded:
    """Until the unit is done or its tries are used up. Whatever an agent does becomes a failed unit, not an error.

    Raises DiskFull where a full disk stands in its way: then it is neither done nor failed. Raises Halted.
    """
    place = Place(context)
    use = UnitUse(context.agent.name, context.options.prices)
    try:
        outcome = await _attempts(context, unit, turn, first_attempt, place, use)
    finally:
        place.leave()
    return await _ended(context, unit, outcome, turn.stopwatch.seconds, use.total)


async def _attempts(
    context: RunContext, unit: Unit, turn: Turn, first_attempt: int, place: Place, use: UnitUse
) -> Outcome:
    tries = Tries(0, context.options.attempts)
    refusals = _Refusals()
    feedback: str | None = None
    for number in itertools.count(first_attempt):
        outcome = await Attempt(context, unit, number, place, use).run(turn, feedback)
        failure = outcome.failure
        if failure is None:
            return outcome
        if failure.kind in policy.REFUSED:
            tries = evolve(tries, gave_up=refusals.another(context.limiter.pause_left))
        else:
            tries = evolve(tries, made=tries.made + 1)
        step = policy.next_step(failure, tries, context.agent.abilities)
        delay = policy.delay(step, tries, context.services.backoff)
        if tries.gave_up is not None:
            failure = evolve(failure, message=f"{failure.message}. {tries.gave_up}")
            outcome = evolve(outcome, failure=failure)
        retry_in = None if step is Step.FAIL else delay
        failed = model.AttemptFailed(context.run, time.time(), unit.id, number, failure.message, retry_in, failure.kind)
        await context.emit(failed)
        if retry_in is None:
            return outcome
        feedback = policy.advice(failure) if step is Step.GO_ON else None
        if step is Step.GO_ON:
            # What failed its check is mended where it stands; what broke off starts clean.
            place.session = failure.session
        else:
            place.leave()
        await anyio.sleep(delay)
    raise AssertionError("there is always another number")


class _Refusals:
    """How often a service refused a unit, and since when."""

    def __init__(self) -> None:
        self._count = 0
        self._first: float | None = None

    def another(self, pause_left: float) -> str | None:
        """Why it is not asked again; ``None`` where it is."""
        self._count += 1
        now = anyio.current_time()
        self._first = now if self._first is None else self._first
        return rate.give_up(self._count, now - self._first, pause_left)


async def _ended(context: RunContext, unit: Unit, outcome: Outcome, seconds: float, use: Use) -> model.UnitEnded:
    collected, failure = outcome.collected, outcome.failure
    if failure is not None:
        message = f"{unit.title}: {failure.message}"
        await context.find("unit/failed", Severity.ERROR, message, unit)
    elif collected is None or collected.commit is None:
        message = (
            f"{unit.title}: the agent ended well but changed nothing. See 'fanout show {context.run} --unit {unit.id}"
            " --what log' for what it said."
        )
        await context.find("unit/no-change", Severity.WARNING, message, unit)
    if collected is not None and collected.ignored:
        names = ", ".join(collected.ignored[:5]) + (", ..." if len(collected.ignored) > 5 else "")  # noqa: PLR2004
        message = f"{unit.title} left files that the repository ignores or cannot hold; they were left out: {names}."
        await context.find("unit/ignored-files", Severity.INFORMATION, message, unit)
    return model.UnitEnded(
        context.run,
        time.time(),
        unit.id,
        UnitState.FAILED if failure else UnitState.DONE,
        failure.message if failure else "",
        seconds,
        result=collected.commit if collected else None,
        files=tuple(change.path for change in collected.changes) if collected else (),
        cost=use.cost,
        kind=failure.kind if failure else None,
        session=outcome.session,
        tokens=use.tokens,
        estimated=use.estimated,
    )


def log_files(logs: Path, unit: str) -> tuple[Path, ...]:
    """All logs of a unit, oldest attempt first; in an attempt: setup, agent, verify."""
    order = {"setup.log": 0, "agent.log": 1, "verify.log": 2}
    found = [path for path in (logs / unit).glob("*/*.log") if path.name in order]
    return tuple(sorted(found, key=lambda path: (int(path.parent.name), order[path.name])))


def prompt_files(logs: Path, unit: str) -> tuple[Path, ...]:
    """What the unit's agents were told, oldest attempt first."""
    return tuple(sorted((logs / unit).glob("*/prompt.md"), key=lambda path: int(path.parent.name)))
