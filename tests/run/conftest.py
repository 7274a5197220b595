"""Plans of scripted agents for the engine's tests: a shell one-liner for each unit, started as any program is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from fanout_server import model
from fanout_server.agents import registry
from fanout_server.model import Options, Plan, Target, Unit
from fanout_server.run.engine import Engine
from fanout_server.run.shared import Shared
from tests.run.scripted import Scripted

PlanMaker = Callable[..., Plan]
Use = Callable[..., Scripted]


@pytest.fixture
def make_plan() -> PlanMaker:
    """``make_plan({"a": "a.txt"}, "echo x >> $1")``: a unit for each id, whose agent is the script; $1 is its file."""

    def make(units: dict[str, str], script: str, **options: Any) -> Plan:
        owns = options.pop("owns", None)
        verify = options.pop("verify", ())
        setup = options.pop("setup", ())
        made = tuple(
            Unit(
                id=unit,
                title=path,
                prompt=f"Work on {path}.",
                targets=(Target(path),),
                variables={"file": path, "item": path},
                owns=None if owns is None else tuple(owns.get(unit, ())),
                verify=verify,
                setup=setup,
            )
            for unit, path in units.items()
        )
        command = ("sh", "-c", script, "agent", "{file}")
        return Plan("Work on {file}.", made, Options(agent="command", command=command, **options))

    return make


@pytest.fixture
async def engine(checkout: Path, tmp_path: Path) -> AsyncIterator[Engine]:
    async with Engine.open(
        checkout, state_root=tmp_path / "state", backoff=0.01, shared=Shared.pausing(0.01)
    ) as opened:
        yield opened


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """``use("echo ...")``: the agent of all plans is this script."""

    def make(script: str, **known: Any) -> Scripted:
        agent = Scripted(script, **known)
        monkeypatch.setattr(registry, "get", lambda name, options: agent)
        return agent

    return make


async def run_plan(engine: Engine, plan: Plan, buffers: dict[str, bytes] | None = None) -> model.RunView:
    """From launch to its end. Raises what kept it from beginning."""
    failures: list[model.FanoutError] = []
    run = engine.reserve()
    engine.launch(run, plan, buffers or {}, failures.append)
    await engine.wait_over(run)
    if failures:
        raise failures[0]
    return await engine.view(run)


def unit_of(view: model.RunView, unit: str) -> model.UnitView:
    return next(one for one in view.units if one.id == unit)


def codes(view: model.RunView) -> list[str]:
    return [finding.code for finding in view.findings]
