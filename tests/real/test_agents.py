"""Claude Code and Codex do units: a file is edited, and all that can go wrong."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.agents.running import wait_until
from tests.conftest import GitCommand
from tests.real.conftest import Make
from tests.real.world import START, World, over

_ALL_FOUR = ("a.txt", "b.txt", "src/one.py", "src/two.py")

_EDIT = "Greet in {file}.\nstandin: read {file}\nstandin: write {file} = hello from {stem}\nstandin: say All greeted."
_EDIT_BOTH = "Greet in {file}.\n" + "\n".join(
    f"standin: read {at}\nstandin: write {at} = hello" for at in _ALL_FOUR[:2]
)
_WAIT = "Wait in {file}.\nstandin: run tail -f /dev/null"


def test_a_unit_edits_a_file(world: World, agent: str, git: GitCommand) -> None:
    ran = world.run(world.plan(f"agent: {agent}", _EDIT, "a.txt"), "--apply")
    assert ran.status == 0, ran.message
    assert ran.units["a.txt"]["state"] == "done"
    assert (world.checkout / "a.txt").read_text() == "hello from a\n"
    assert git(world.checkout, "status", "--porcelain") == "M a.txt\n?? job.fanout.md"
    asked = world.network.asked()
    assert [(one.status, one.step) for one in asked] == [(200, 0), (200, 1), (200, 2)]
    assert all(one.prompt.startswith("Greet in a.txt.\n") for one in asked)
    shown = json.loads(world.fanout("status", "--json"))["runs"][0]
    assert (shown["state"], shown["units"][0]["files"]) == ("applied", ["a.txt"])
    assert "+hello from a" in world.fanout("show")
    assert "All greeted." in world.fanout("show", "--what", "log")


def test_four_units_at_once(world: World, agent: str, git: GitCommand) -> None:
    # What they write is no Python, which the review would tell.
    plan = world.plan(f"agent: {agent}\njobs: 4\nreview: none", f"{_EDIT}\nstandin: together 4", *_ALL_FOUR)
    ran = world.run(plan, "--branch", "greeted")
    assert ran.status == 0, ran.message
    for file in _ALL_FOUR:
        assert git(world.checkout, "show", f"greeted:{file}") == f"hello from {Path(file).stem}"
    assert git(world.checkout, "status", "--porcelain") == "?? job.fanout.md"


@pytest.mark.parametrize(("agent", "refuse", "times"), [("claude", "429 3 after 1", 3), ("codex", "429 1", 1)])
def test_too_many_requests_are_waited_for(make_world: Make, agent: str, refuse: str, times: int) -> None:
    """More often than the program itself asks again. It costs the unit no try."""
    world = make_world(agent)
    plan = world.plan(f"agent: {agent}\nattempts: 1", f"{_EDIT}\nstandin: refuse {refuse}", "a.txt")
    ran = world.run(plan, "--apply")
    assert ran.status == 0, ran.message
    assert (world.checkout / "a.txt").read_text() == "hello from a\n"
    assert [one.status for one in world.network.asked()] == [429] * times + [200] * 3
    assert {one["kind"] for one in ran.events("attemptFailed")} == {"rate-limited"}


def test_a_bad_key_stops_the_run_at_once(make_world: Make, agent: str) -> None:
    world = make_world(agent, key="a-bad-key")
    began = time.monotonic()
    ran = world.run(world.plan(f"agent: {agent}\njobs: 1\nattempts: 3", _EDIT, *_ALL_FOUR))
    assert time.monotonic() - began < 20
    assert ran.status == 1
    assert ran.summary["state"] == "failed"
    assert len(ran.events("attemptStarted")) <= 1, "a key that is bad once is bad for all units"
    assert "not signed in" in ran.message
    assert {one.status for one in world.network.other_questions()} == {401}


def test_a_sign_in_that_is_lost_stops_the_run(make_world: Make) -> None:
    world = make_world("claude")
    ran = world.run(world.plan("agent: claude\njobs: 1\nattempts: 3", f"{_EDIT}\nstandin: refuse 401", *_ALL_FOUR))
    assert ran.status == 1
    assert len(ran.events("attemptStarted")) == 1
    assert "not signed in" in ran.message
    assert {unit["state"] for unit in ran.units.values()} == {"failed"}


def test_a_unit_stops_at_its_budget(make_world: Make) -> None:
    world = make_world("claude")
    options = "agent: claude\nmodel: claude-sonnet-4-5\nunit_budget: $0.50\nattempts: 3"
    steps = "\n".join("standin: read {file}" for _ in range(9))
    ran = world.run(world.plan(options, f"Greet.\n{steps}\nstandin: use 100000 1000", "a.txt"))
    assert ran.status == 1
    assert ran.units["a.txt"]["state"] == "failed"
    assert ran.units["a.txt"]["attempts"] == 1, "another try would cost as much again"
    assert 0.5 <= ran.units["a.txt"]["cost"] < 1.0
    assert "budget" in ran.message
    assert len(world.network.asked()) < 9


def test_a_run_stops_at_its_budget(make_world: Make) -> None:
    world = make_world("claude")
    options = "agent: claude\nmodel: claude-sonnet-4-5\njobs: 1\nbudget: $1.50"
    ran = world.run(world.plan(options, f"{_EDIT}\nstandin: use 100000 1000", *_ALL_FOUR))
    assert ran.status == 1
    assert [unit["state"] for unit in ran.units.values()] == ["done", "failed", "failed", "failed"]
    assert len(ran.events("attemptStarted")) <= 2
    assert "budget of $1.50" in ran.message
    # What it took to ask whether it is signed in counts as well.
    (probed,) = ran.events("agentProbed")
    assert 0 < probed["cost"] < 0.01
    assert ran.summary["cost"] == pytest.approx(0.945 + probed["cost"])


def test_the_cost_is_told(make_world: Make) -> None:
    world = make_world("claude")
    plan = world.plan("agent: claude\nmodel: claude-sonnet-4-5", f"{_EDIT}\nstandin: use 100000 1000", "a.txt", "b.txt")
    ran = world.run(plan)
    # Three requests, at 3 dollars for a million tokens in and 15 for as many out.
    assert [unit["cost"] for unit in ran.units.values()] == pytest.approx([0.945, 0.945])
    (probed,) = ran.events("agentProbed")
    assert ran.summary["cost"] == pytest.approx(1.89 + probed["cost"])
    assert "$1.89" in world.fanout("status")


def test_an_edit_that_was_denied_fails_the_unit(make_world: Make) -> None:
    world = make_world("claude")
    (world.checkout / ".claude").mkdir()
    (world.checkout / ".claude" / "settings.json").write_text('{"permissions": {"deny": ["Edit(b.txt)"]}}')
    plan = world.plan("agent: claude\nattempts: 1", _EDIT_BOTH, "a.txt")
    ran = world.run(plan, "--apply")
    assert ran.status == 1, ran.message
    assert ran.events("unitEnded")[0]["kind"] == "permission-denied"
    assert "not allowed to edit b.txt" in ran.message
    assert (world.checkout / "a.txt").read_text().startswith("alpha")


def test_nothing_is_written_outside_the_worktree(world: World, agent: str) -> None:
    outside = world.checkout.parent / "outside.txt"
    ran = world.run(world.plan(f"agent: {agent}\nattempts: 1", f"Greet.\nstandin: write {outside} = hello", "a.txt"))
    assert ran.status == 1, ran.message
    assert ran.units["a.txt"]["state"] == "failed"
    assert ran.units["a.txt"]["files"] == []
    assert not outside.exists()


def test_a_tool_that_runs_is_cancelled_from_elsewhere(world: World, agent: str) -> None:
    options = f"agent: {agent}" + ("\nallow: [Bash]" if agent == "claude" else "")
    plan = world.plan(options, _WAIT, "a.txt", "b.txt")
    with world.start("run", "--json", plan) as process:
        wait_until(lambda: [*world.network.running().values()].count("tail -f /dev/null") == 2, START)
        assert "Cancelled" in world.fanout("cancel")
        ran = over(process)
    assert ran.status == 1
    assert ran.summary["state"] == "cancelled"
    assert {unit["state"] for unit in ran.units.values()} == {"cancelled"}


def test_what_a_cancelled_unit_has_cost_is_told(make_world: Make) -> None:
    """Claude says it when it is asked to end."""
    world = make_world("claude")
    with world.start("run", "--json", world.plan("agent: claude\nallow: [Bash]", _WAIT, "a.txt")) as process:
        wait_until(lambda: "tail -f /dev/null" in world.network.running().values(), START)
        world.fanout("cancel")
        ran = over(process)
    assert ran.units["a.txt"]["state"] == "cancelled"
    assert ran.units["a.txt"]["cost"] > 0
    assert ran.summary["cost"] > 0


def test_nothing_outlives_a_fanout_that_is_killed(world: World, agent: str) -> None:
    options = f"agent: {agent}" + ("\nallow: [Bash]" if agent == "claude" else "")
    with world.start("run", "--json", world.plan(options, _WAIT, "a.txt")) as process:
        wait_until(lambda: "tail -f /dev/null" in world.network.running().values(), START)
        process.kill()
        process.communicate()
    wait_until(lambda: not world.network.running())
    assert "interrupted" in world.fanout("status")


def test_a_service_that_never_answers_is_given_up(world: World, agent: str) -> None:
    plan = world.plan(f"agent: {agent}\nattempts: 1\nstall: 3s", "Greet.\nstandin: silent", "a.txt")
    ran = world.run(plan)
    assert ran.status == 1
    assert "printed nothing for 3s" in ran.message


def test_doctor_tells_the_version_and_whether_one_is_signed_in(make_world: Make, agent: str) -> None:
    world = make_world(agent)
    (line,) = [one for one in world.fanout("doctor").splitlines() if f"agent {agent} " in one]
    assert re.fullmatch(rf"ok +agent {agent} \d+\.\d+\.\d+: signed in", line)


def test_doctor_tells_of_a_bad_key(make_world: Make, agent: str) -> None:
    world = make_world(agent, key="a-bad-key")
    (line,) = [one for one in world.fanout("doctor").splitlines() if f"agent {agent} " in one]
    assert re.match(rf"- +agent {agent} \d+\.\d+\.\d+: {agent} is not signed in: ", line)
    assert "a-bad-key" not in line
