"""What follows an attempt, by how it ended: with a real program that tells it."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from fanout_server import run_events
from fanout_server.agents.base import Abilities
from fanout_server.agents.output import LOG_BYTES, TAIL_BYTES
from fanout_server.model import FailureKind, RunState, UnitState
from fanout_server.run.engine import Engine
from fanout_server.run.state import progress_line
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, Use, codes, run_plan, unit_of

pytestmark = pytest.mark.anyio


def failures(events: list[run_events.Event]) -> list[tuple[str, FailureKind | None, bool]]:
    return [
        (event.unit, event.kind, event.retry_in is not None)
        for event in events
        if isinstance(event, run_events.AttemptFailed)
    ]


@pytest.fixture
def seen(engine: Engine) -> list[run_events.Event]:
    events: list[run_events.Event] = []
    engine.subscribe(events.append)
    return events


async def test_an_agent_that_changed_nothing_is_told_so_in_its_session(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event], git: GitCommand, checkout: Path
) -> None:
    agent = use(
        'echo "{\\"session\\": \\"s1\\", \\"say\\": \\"all is well\\", \\"cost\\": 0.1$1}"; '
        ' test "$1" = 1 || echo "$2" > a.txt; echo "{\\"done\\": 1}"'
    )
    view = await run_plan(engine, make_plan({"a": "a.txt"}, ""))
    unit = unit_of(view, "a")
    assert unit.state is UnitState.DONE
    assert failures(seen) == [("a", FailureKind.NO_CHANGE, True)]
    # It went on in the session that it had, knew its task and was told only what is new.
    assert git(checkout, "show", f"{view.merged}:a.txt") == "s1"
    first, second = agent.tasks
    assert (first.session, second.session) == ("", "s1")
    assert first.cwd == second.cwd
    assert "without changing any file" in second.prompt
    assert "Work on a.txt" in first.prompt
    assert "Work on a.txt" not in second.prompt
    # The second time its session told the cost of both.
    assert unit.cost == pytest.approx(0.12)


async def test_one_that_only_talks_has_failed(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    use('echo "{\\"say\\": \\"I looked at it\\", \\"done\\": 1}"')
    view = await run_plan(engine, make_plan({"a": "a.txt"}, ""))
    unit = unit_of(view, "a")
    assert (unit.state, unit.kind) == (UnitState.FAILED, FailureKind.NO_CHANGE)
    assert "I looked at it" in unit.message
    assert codes(view) == ["unit/failed"]


async def test_a_failed_check_is_mended_where_the_work_is(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event], git: GitCommand, checkout: Path
) -> None:
    agent = use(
        'echo "{\\"session\\": \\"s$1\\", \\"cost\\": $1}"; echo try $1 >> a.txt; echo "{\\"done\\": 1}"',
        abilities=Abilities(cost=True),
    )
    plan = make_plan({"a": "a.txt"}, "", verify=("grep", "try 2", "a.txt"))
    view = await run_plan(engine, plan)
    assert unit_of(view, "a").state is UnitState.DONE
    assert failures(seen) == [("a", FailureKind.VERIFY_FAILED, True)]
    assert git(checkout, "show", f"{view.merged}:a.txt").endswith("try 1\ntry 2")
    first, second = agent.tasks
    assert first.cwd == second.cwd
    # It cannot resume a session: it is told all of it again.
    assert second.session == ""
    assert "Work on a.txt" in second.prompt
    assert "grep 'try 2' a.txt" in second.prompt
    assert unit_of(view, "a").cost == pytest.approx(3)


async def test_a_service_that_refuses_costs_no_try(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event]
) -> None:
    use(
        'test "$1" -gt 3 || { echo "{\\"kind\\": \\"rate-limited\\", \\"retry_after\\": 0.01}"; exit 1; };'
        ' echo x > a.txt; echo "{\\"done\\": 1}"'
    )
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "", attempts=1))
    assert unit_of(view, "a").state is UnitState.DONE
    assert failures(seen) == [("a", FailureKind.RATE_LIMITED, True)] * 3


NOT_SIGNED_IN = 'echo "{\\"kind\\": \\"not-signed-in\\", \\"say\\": \\"sign in first\\"}"; exit 1'
TWENTY = {f"u{number}": "a.txt" for number in range(20)}


async def test_a_bad_sign_in_costs_one_probe(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    agent = use("echo x > a.txt", probe=NOT_SIGNED_IN)
    view = await run_plan(engine, make_plan(TWENTY, "", jobs=4))
    assert (len(agent.probes), len(agent.tasks)) == (1, 0)
    assert view.state is RunState.FAILED
    assert {(unit.state, unit.message) for unit in view.units} == {(UnitState.FAILED, "sign in first")}
    (finding,) = view.findings
    assert (finding.code, len(finding.units)) == ("unit/failed", 20)
    assert "No unit was started: sign in first" in finding.message


async def test_what_answered_a_moment_ago_is_not_probed_again(
    engine: Engine, make_plan: PlanMaker, use: Use, tmp_path: Path
) -> None:
    agent = use('echo x > a.txt; echo "{\\"done\\": 1}"')
    for _ in range(2):
        assert (await run_plan(engine, make_plan({"a": "a.txt"}, ""))).state is RunState.READY
    assert len(agent.probes) == 1
    # It is asked in a repository of its own, of which nothing is left.
    assert agent.probes[0].cwd.is_relative_to(tmp_path / "state")
    assert not agent.probes[0].cwd.exists()


async def test_a_busy_service_is_no_reason_to_stop(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    use('echo x > a.txt; echo "{\\"done\\": 1}"', probe='echo "{\\"kind\\": \\"overloaded\\"}"; exit 1')
    assert (await run_plan(engine, make_plan({"a": "a.txt"}, ""))).state is RunState.READY


async def test_a_sign_in_that_ends_stops_the_run(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event]
) -> None:
    agent = use(NOT_SIGNED_IN)
    view = await run_plan(engine, make_plan(TWENTY, "", jobs=2))
    assert view.state is RunState.FAILED
    assert {unit.state for unit in view.units} == {UnitState.FAILED}
    assert 1 <= len(agent.tasks) <= 2
    assert {(kind, again) for _, kind, again in failures(seen)} == {(FailureKind.NOT_SIGNED_IN, False)}
    # One finding for each that was tried, and one for all the others.
    assert len(codes(view)) == len(agent.tasks) + 1
    assert "sign in first" in view.findings[-1].message


DOLLAR = 'echo "{\\"session\\": \\"s\\", \\"cost\\": 1.0}"; echo x > $$; echo "{\\"done\\": 1}"'


async def test_at_the_budget_nothing_new_starts_and_what_is_done_is_kept(
    engine: Engine, make_plan: PlanMaker, use: Use
) -> None:
    agent = use(DOLLAR, abilities=Abilities(resume=True, cost=True, cumulative=True, budget_limit=True))
    view = await run_plan(engine, make_plan(TWENTY, "", jobs=1, budget=2.5))
    assert view.state is RunState.READY
    assert len(agent.tasks) == 2
    assert [unit.state for unit in view.units].count(UnitState.DONE) == 2
    assert sum(unit.cost or 0.0 for unit in view.units) == pytest.approx(2.0)
    assert len(view.owners) == 2
    (finding,) = view.findings
    assert "18 more units were not started" in finding.message
    assert "$2.50" in finding.message
    # What each may cost itself is told to an agent that has such a limit.
    assert [task.budget for task in agent.tasks] == [pytest.approx(2.5), pytest.approx(1.5)]


async def test_several_at_a_time_keep_the_budget_together(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    use(DOLLAR)
    view = await run_plan(engine, make_plan(TWENTY, "", jobs=8, budget=3.0))
    # The first ones start on a guess; their own limits hold what they may spend.
    assert sum(unit.cost or 0.0 for unit in view.units) <= 10.0
    assert view.state is RunState.READY
    assert any(unit.state is UnitState.FAILED for unit in view.units)


async def test_who_passes_its_budget_while_it_works_is_ended(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event]
) -> None:
    use('echo "{\\"session\\": \\"s\\", \\"cost\\": 5.0}"; exec sleep 300')
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "", unit_budget=1.0))
    unit = unit_of(view, "a")
    assert (unit.state, unit.kind, unit.cost) == (UnitState.FAILED, FailureKind.BUDGET_REACHED, 5.0)
    assert "$5.00 spent" in unit.message
    assert failures(seen) == [("a", FailureKind.BUDGET_REACHED, False)]


async def test_what_a_cancelled_unit_has_cost_is_not_forgotten(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event]
) -> None:
    use('echo "{\\"session\\": \\"s\\", \\"cost\\": 0.5}"; exec sleep 300')
    run = engine.reserve()
    told = anyio.Event()
    engine.subscribe(lambda event: told.set() if isinstance(event, run_events.AttemptUsed) else None)
    engine.launch(run, make_plan({"a": "a.txt"}, ""), {}, lambda error: None)
    with anyio.fail_after(20):
        await told.wait()
        await engine.cancel(run)
        view = await engine.wait(run)
    unit = unit_of(view, "a")
    assert (unit.state, unit.cost) == (UnitState.CANCELLED, 0.5)


async def test_the_prompt_tells_what_the_agent_cannot_know(
    engine: Engine, make_plan: PlanMaker, use: Use, checkout: Path
) -> None:
    agent = use('echo x > a.txt; echo "{\\"done\\": 1}"')
    (checkout / "b.txt").write_text("not committed\n")
    plan = make_plan(
        {"a": "a.txt"}, "", owns={"a": ["a.txt", "tests/**"]}, verify=("true", "a b"), check=("make", "check")
    )
    view = await run_plan(engine, plan)
    (task,) = agent.tasks
    for part in ("Work on a.txt.", "about:\n- a.txt", "- tests/**", "- b.txt", "true 'a b'", "make check"):
        assert part in task.prompt
    assert task.prompt in await engine.show(view.id, "a", "prompt")


async def test_activity_is_what_it_tells_and_not_its_lines(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event]
) -> None:
    use('echo warming up; echo "{\\"say\\": \\"reading a.txt\\"}"; echo x > a.txt; echo "{\\"done\\": 1}"')
    await run_plan(engine, make_plan({"a": "a.txt"}, ""))
    told = [event.text for event in seen if isinstance(event, run_events.AttemptActivity)]
    assert not any("{" in text for text in told)


async def test_what_the_probe_costs_counts_as_well(
    engine: Engine, make_plan: PlanMaker, use: Use, seen: list[run_events.Event]
) -> None:
    agent = use(
        'echo "{\\"cost\\": 0.5}"; echo x > a.txt; echo "{\\"done\\": 1}"',
        probe='echo "{\\"cost\\": 0.25, \\"done\\": 1}"',
    )
    view = await run_plan(engine, make_plan({"a": "a.txt"}, ""))
    assert view.probed == pytest.approx(0.25)
    assert view.cost == pytest.approx(0.75)
    assert "$0.75" in progress_line(view)
    assert [event.cost for event in seen if isinstance(event, run_events.AgentProbed)] == [pytest.approx(0.25)]
    # What it may cost is for the engine to see: the agent has no limit of its own.
    assert (agent.probes[0].budget, agent.probes[0].turns) == (None, None)


async def test_a_budget_that_the_probe_uses_up_starts_nothing(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    agent = use('echo x > a.txt; echo "{\\"done\\": 1}"', probe='echo "{\\"cost\\": 0.25, \\"done\\": 1}"')
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "", budget=0.2))
    assert agent.tasks == []
    assert unit_of(view, "a").kind is FailureKind.BUDGET_REACHED
    assert "$0.25 spent" in unit_of(view, "a").message


async def test_limits_are_given_to_those_that_have_them(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    able = Abilities(cost=True, budget_limit=True, turn_limit=True)
    agent = use('echo x > a.txt; echo "{\\"done\\": 1}"', abilities=able)
    await run_plan(engine, make_plan({"a": "a.txt"}, "", budget=2.0, unit_budget=0.5))
    assert [task.budget for task in (*agent.probes, *agent.tasks)] == [pytest.approx(0.5)] * 2
    assert [task.turns for task in (*agent.probes, *agent.tasks)] == [1, None]


async def test_the_logs_of_a_unit_have_one_limit(
    engine: Engine, make_plan: PlanMaker, use: Use, checkout: Path, tmp_path: Path
) -> None:
    use('head -c 12000000 /dev/zero; echo; echo "last of $1"; exit 1')
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "", attempts=3))
    assert unit_of(view, "a").attempts == 3
    logs = sorted((tmp_path / "state" / "logs").glob(f"*/{view.id}/a/*/agent.log"))
    sizes = [path.stat().st_size for path in logs]
    # Of what there is no room for only the end is kept.
    assert sizes[0] > 12_000_000
    assert sum(sizes) < LOG_BYTES + 3 * TAIL_BYTES
    assert [path.read_bytes()[-10:] for path in logs] == [b"last of %d\n" % number for number in (1, 2, 3)]
