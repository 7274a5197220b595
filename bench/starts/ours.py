"""The same programs below the engine."""

from __future__ import annotations

import resource
import time

import anyio
import psutil
from attrs import define, field

from bench.starts.figures import Ours
from bench.starts.task import WrongResultError, few
from fanout_server import model, run_events
from fanout_server.run.engine import Engine

_LIMIT = 120


@define
class Heard:
    """When events came; of each kind the first and the last."""

    ended: anyio.Event = field(factory=anyio.Event)
    first: dict[type[run_events.Event], float] = field(factory=dict)
    last: dict[type[run_events.Event], float] = field(factory=dict)
    problem: str = ""

    def hear(self, event: run_events.Event) -> None:
        now = time.perf_counter()
        self.first.setdefault(type(event), now)
        self.last[type(event)] = now
        if isinstance(event, run_events.RunEnded):
            self.ended.set()

    def fail(self, error: model.FanoutError) -> None:
        self.problem = str(error)
        self.ended.set()


async def measure(engine: Engine, plan: model.Plan) -> Ours:
    """The run is discarded and cleaned up afterwards; that is no part of the time, but what it leaves to be done
    beside is part of its processors'.
    """
    heard = Heard()
    unsubscribe = engine.subscribe(heard.hear)
    run = engine.reserve()
    before, began = _cpu(), time.perf_counter()
    engine.launch(run, plan, {}, heard.fail)
    with anyio.fail_after(_LIMIT):
        await heard.ended.wait()
        await engine.wait_over(run)
    after = _cpu()
    unsubscribe()
    view = await engine.view(run)
    await engine.discard(run)
    await engine.clean()
    if heard.problem or view.state is not model.RunState.READY:
        raise WrongResultError(f"the run ended as {view.state}: {view.message} {heard.problem} {view.findings}")
    return Ours(
        wall=heard.last[run_events.RunEnded] - began,
        slots=heard.last[run_events.UnitEnded] - heard.first[run_events.AttemptStarted],
        cpu=sum(after) - sum(before),
        own=after[0] - before[0],
        lost=few(len(plan.units) - len(view.owners), plan),
    )


def _cpu() -> tuple[float, float]:
    """Of this process, and of its children: those that have ended, and those that live, with what they forked."""
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    living = sum(sum(child.cpu_times()[:4]) for child in psutil.Process().children())
    return own.ru_utime + own.ru_stime, ended.ru_utime + ended.ru_stime + living
