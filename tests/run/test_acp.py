"""An agent that is talked to, through the whole engine: in worktrees that only it can see, too."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from fanout_server.model import Options, Plan, RunState, Target, Unit, UnitState
from fanout_server.run.engine import Engine
from tests.agents.running import marked
from tests.conftest import GitCommand
from tests.run.conftest import run_plan, unit_of

pytestmark = pytest.mark.anyio

AGENT = Path(__file__).parents[1] / "agents" / "acp_agent.py"


def plan(scripts: dict[str, str], saw: Path, *able: str, verify: tuple[str, ...] = (), worktrees: str = "auto") -> Plan:
    units = tuple(
        Unit(name.partition(".")[0], name, script, (Target(name),), owns=(name, f"src/{name}"), verify=verify)
        for name, script in scripts.items()
    )
    command = (sys.executable, str(AGENT), *able)
    options = Options(agent="acp:test", command=command, env={"ACP_SAW": str(saw)}, worktrees=worktrees)
    return Plan("", units, options)


@pytest.mark.spares_code("unit/out-of-scope")
@pytest.mark.parametrize("worktrees", ["overlay", "plain"])
async def test_units_write_what_they_own(
    engine: Engine, checkout: Path, tmp_path: Path, git: GitCommand, worktrees: str
) -> None:
    saw = tmp_path / "saw"
    made = plan(
        {
            "a.txt": "write a.txt new a\nwrite src/a.txt made\nwrite c.txt stolen\nread a.txt\ncost 0.5 USD\nsay Done.",
            "b.txt": "write b.txt new b\ncost 0.25 USD\nsay Done.",
        },
        saw,
        worktrees=worktrees,
    )
    view = await run_plan(engine, made)
    assert view.state is RunState.READY, view.message
    assert [unit_of(view, unit).state for unit in ("a", "b")] == [UnitState.DONE, UnitState.DONE]
    assert view.merged is not None
    assert git(checkout, "show", f"{view.merged}:a.txt") == "new a"
    assert git(checkout, "show", f"{view.merged}:b.txt") == "new b"
    assert git(checkout, "diff", "--name-only", view.base, view.merged).split() == ["a.txt", "b.txt", "src/a.txt"]
    # Nothing had to be left out of the results: it was not written at all.
    assert [finding for finding in view.findings if finding.code == "unit/out-of-scope"] == []
    seen = dict(map(json.loads, saw.read_text().splitlines()))
    assert "not among the files" in seen["write c.txt"]["message"]
    assert seen["read a.txt"] == {"content": "new a\n"}
    assert sum(unit.cost or 0 for unit in view.units) == 0.75
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\n"
    assert marked(view.id) == []


async def test_a_failed_verify_goes_on_in_the_session(engine: Engine, tmp_path: Path) -> None:
    saw = tmp_path / "saw"
    gate = tmp_path / "gate"
    verify = ("sh", "-c", f"test -e {gate} || {{ touch {gate}; echo say mended; exit 1; }}")
    view = await run_plan(engine, plan({"a.txt": "write a.txt x"}, saw, "load", verify=verify))
    unit = unit_of(view, "a")
    assert (unit.state, unit.attempts) == (UnitState.DONE, 2), unit.message
    seen = list(map(json.loads, saw.read_text().splitlines()))
    sessions = [outcome for what, outcome in seen if what == "load"]
    assert len(sessions) == 1
    # The work was there already, so it was not told to do it again.
    assert [what for what, _ in seen].count("write a.txt") == 1


async def test_an_agent_that_cannot_go_on_is_told_all(engine: Engine, tmp_path: Path) -> None:
    saw = tmp_path / "saw"
    gate = tmp_path / "gate"
    verify = ("sh", "-c", f"test -e {gate} || {{ touch {gate}; exit 1; }}")
    view = await run_plan(engine, plan({"a.txt": "write a.txt x"}, saw, verify=verify))
    unit = unit_of(view, "a")
    assert (unit.state, unit.attempts) == (UnitState.DONE, 2), unit.message
    seen = [json.loads(line)[0] for line in saw.read_text().splitlines()]
    assert seen.count("write a.txt") == 2


async def test_an_agent_that_is_not_signed_in_stops_the_run_at_once(engine: Engine, tmp_path: Path) -> None:
    view = await run_plan(
        engine, plan({"a.txt": "write a.txt x", "b.txt": "write b.txt x"}, tmp_path / "saw", "signed-out")
    )
    assert view.state is RunState.FAILED
    assert "sign in" in view.message + "".join(unit.message for unit in view.units)
