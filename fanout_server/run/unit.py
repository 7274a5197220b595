"""The life of one unit: attempts, until it is done or there is no sense in another."""

from __future__ import annotations

import itertools
import time

import anyio
from attrs import evolve

from fanout_server import run_events
from fanout_server.model import Severity, Unit, UnitState, UnitView
from fanout_server.run import policy, prompting, rate
from fanout_server.run.attempt import Attempt, Outcome
from fanout_server.run.context import Place, RunContext
from fanout_server.run.policy import Step, Tries
from fanout_server.run.slots import Turn
from fanout_server.run.using import UnitUse


async def run_unit(context: RunContext, unit: Unit, turn: Turn, before: UnitView) -> run_events.UnitEnded:
    """Until the unit is done or its tries are used up. Whatever an agent does becomes a failed unit, not an error.

    ``before`` is what earlier attempts came to. Raises DiskFull where a full disk stands in its way: then it is neither
    done nor failed. Raises Halted.
    """
    place = Place(context)
    if before.notes:
        place.return_to(before)
    use = UnitUse.since(context.agent.name, context.options.prices, before)
    context.mail.open(unit.id)
    try:
        outcome = await _attempts(context, unit, turn, before, place, use)
    finally:
        context.mail.close(unit.id)
        place.leave()
    return await _ended(context, unit, outcome, turn.stopwatch.seconds, use)


async def _attempts(
    context: RunContext, unit: Unit, turn: Turn, before: UnitView, place: Place, use: UnitUse
) -> Outcome:
    tries = Tries(0, context.options.attempts)
    refusals = _Refusals()
    feedback = prompting.on_again(before.notes, before.remarks)
    for number in itertools.count(before.attempts + 1):
        outcome = await Attempt(context, unit, number, place, use).run(turn, feedback)
        failure, step, delay = outcome.failure, Step.FAIL, 0.0
        if failure is not None:
            if failure.kind in policy.REFUSED:
                tries = evolve(tries, gave_up=refusals.another(context.limiter.pause_left))
            else:
                tries = evolve(tries, made=tries.made + 1)
            step = policy.next_step(failure, tries, context.agent.abilities)
            delay = policy.delay(step, tries, context.services.backoff)
            if tries.gave_up is not None:
                failure = evolve(failure, message=f"{failure.message}. {tries.gave_up}")
                outcome = evolve(outcome, failure=failure)
        notes = context.mail.take(unit.id)
        if notes and step is Step.FAIL and context.halt.reason is None:
            # Done or not: the user has more to say.
            step = Step.GO_ON
        if failure is not None:
            retry_in = None if step is Step.FAIL else delay
            await context.emit(
                run_events.AttemptFailed(
                    context.run, time.time(), unit.id, number, failure.message, retry_in, failure.kind
                )
            )
        if step is Step.FAIL:
            return outcome
        told = [] if failure is None else [policy.advice(failure, step)]
        feedback = "\n\n".join(part for part in (*told, prompting.notes_of_the_user(notes)) if part) or None
        if step is Step.GO_ON:
            # What failed its check is mended where it stands; what broke off starts clean.
            place.session = outcome.session
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


async def _ended(
    context: RunContext, unit: Unit, outcome: Outcome, seconds: float, use: UnitUse
) -> run_events.UnitEnded:
    collected, failure = outcome.collected, outcome.failure
    if failure is not None:
        message = f"{unit.title}: {failure.message}"
        await context.find("unit/failed", Severity.ERROR, message, unit)
    elif not context.reviews and (collected is None or collected.commit is None):
        message = (
            f"{unit.title}: the agent ended well but changed nothing. See 'fanout show {context.run} --unit {unit.id}"
            " --what log' for what it said."
        )
        await context.find("unit/no-change", Severity.WARNING, message, unit)
    if not context.reviews and collected is not None and collected.ignored:
        names = ", ".join(collected.ignored[:5]) + (", ..." if len(collected.ignored) > 5 else "")  # noqa: PLR2004
        message = f"{unit.title} left files that the repository ignores or cannot hold; they were left out: {names}."
        await context.find("unit/ignored-files", Severity.INFORMATION, message, unit)
    return run_events.UnitEnded(
        context.run,
        time.time(),
        unit.id,
        UnitState.FAILED if failure else UnitState.DONE,
        failure.message if failure else "",
        seconds,
        result=collected.commit if collected else None,
        files=tuple(change.path for change in collected.changes) if collected else (),
        cost=use.total.cost,
        kind=failure.kind if failure else None,
        session=outcome.session,
        tokens=use.total.tokens,
        estimated=use.total.estimated,
        session_cost=use.told.cost,
        session_tokens=use.told.tokens,
    )
