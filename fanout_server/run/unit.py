"""The life of one unit: attempts, until it is done or there is no sense in another."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import anyio
from attrs import evolve

from fanout_server import model
from fanout_server.model import FailureKind, Severity, Unit, UnitState
from fanout_server.run import policy
from fanout_server.run.attempt import Attempt, Outcome
from fanout_server.run.context import Place, RunContext
from fanout_server.run.meter import Meter
from fanout_server.run.policy import Step, Tries
from fanout_server.run.slots import Turn


async def run_unit(context: RunContext, unit: Unit, turn: Turn, first_attempt: int = 1) -> model.UnitEnded:
    """Until the unit is done or its tries are used up. Whatever an agent does becomes a failed unit, not an error.

    Raises DiskFull where a full disk stands in its way: then it is neither done nor failed. Raises Halted.
    """
    place = Place(context)
    meter = Meter(cumulative=context.agent.abilities.cumulative)
    try:
        outcome = await _attempts(context, unit, turn, first_attempt, place, meter)
    finally:
        place.leave()
    return await _ended(context, unit, outcome, turn.stopwatch.seconds, meter)


async def _attempts(
    context: RunContext, unit: Unit, turn: Turn, first_attempt: int, place: Place, meter: Meter
) -> Outcome:
    tries = Tries(0, 0, context.options.attempts)
    feedback: str | None = None
    for number in itertools.count(first_attempt):
        outcome = await Attempt(context, unit, number, place, meter).run(turn, feedback)
        failure = outcome.failure
        if failure is None:
            return outcome
        refused = failure.kind in {FailureKind.RATE_LIMITED, FailureKind.OVERLOADED}
        tries = evolve(tries, made=tries.made + (not refused), refused=tries.refused + refused)
        step = policy.next_step(failure, tries, context.agent.abilities)
        delay = policy.delay(failure, step, tries, context.services.backoff)
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


async def _ended(context: RunContext, unit: Unit, outcome: Outcome, seconds: float, meter: Meter) -> model.UnitEnded:
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
        cost=meter.total.cost,
        kind=failure.kind if failure else None,
        session=outcome.session,
        tokens=meter.total.tokens,
    )


def log_files(logs: Path, unit: str) -> tuple[Path, ...]:
    """All logs of a unit, oldest attempt first; in an attempt: setup, agent, verify."""
    order = {"setup.log": 0, "agent.log": 1, "verify.log": 2}
    found = [path for path in (logs / unit).glob("*/*.log") if path.name in order]
    return tuple(sorted(found, key=lambda path: (int(path.parent.name), order[path.name])))


def prompt_files(logs: Path, unit: str) -> tuple[Path, ...]:
    """What the unit's agents were told, oldest attempt first."""
    return tuple(sorted((logs / unit).glob("*/prompt.md"), key=lambda path: int(path.parent.name)))
