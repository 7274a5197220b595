"""Claude Code and Codex do units: a file is edited, and all that can go wrong."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.agents.running import wait_until
from tests.conftest import GitCommand
from tests.real.conftest import Make
from tests.real.world import World, over

_EDIT = "Greet in {file}.\nstandin: read {file}\nstandin: write {file} = hello from {stem}\nstandin: say All greeted."
_ALL_FOUR = ("a.txt", "b.txt", "src/one.py", "src/two.py")


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
    plan = world.plan(f"agent: {agent}\njobs: 4", f"{_EDIT}\nstandin: together 4", *_ALL_FOUR)
    ran = world.run(plan, "--branch", "greeted")
    assert ran.status == 0, ran.message
    for file in _ALL_FOUR:
        assert git(world.checkout, "show", f"greeted:{file}") == f"hello from {Path(file).stem}"
    assert git(world.checkout, "status", "--porcelain") == "?? job.fanout.md"


def test_too_many_requests_are_waited_for(world: World, agent: str) -> None:
    plan = world.plan(f"agent: {agent}\nattempts: 1", f"{_EDIT}\nstandin: refuse 429 4 after 1", "a.txt")
    ran = world.run(plan, "--apply")
    assert ran.status == 0, ran.message
    assert (world.checkout / "a.txt").read_text() == "hello from a\n"
    assert [one.status for one in world.network.asked()] == [429] * 4 + [200] * 3


def test_a_bad_key_stops_the_run_at_once(make_world: Make, agent: str) -> None:
    world = make_world(agent, key="a-bad-key")
    began = time.monotonic()
    ran = world.run(world.plan(f"agent: {agent}\njobs: 1\nattempts: 3", _EDIT, *_ALL_FOUR))
    assert time.monotonic() - began < 20
    assert ran.status == 1
    assert ran.summary["state"] == "failed"
    assert len(ran.events("attemptStarted")) <= 1, "a key that is bad once is bad for all units"
    assert "sign in" in ran.message or "key" in ran.message
    assert {one.status for one in world.network.asked()} == {401}


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


def test_the_cost_is_told(make_world: Make) -> None:
    world = make_world("claude")
    plan = world.plan("agent: claude\nmodel: claude-sonnet-4-5", f"{_EDIT}\nstandin: use 100000 1000", "a.txt", "b.txt")
    ran = world.run(plan)
    # Three requests, at 3 dollars for a million tokens in and 15 for as many out.
    assert [unit["cost"] for unit in ran.units.values()] == pytest.approx([0.945, 0.945])
    assert ran.summary["cost"] == pytest.approx(1.89)
    assert "$1.89" in world.fanout("status")


def test_an_edit_that_was_denied_fails_the_unit(world: World, agent: str) -> None:
    outside = world.checkout.parent / "outside.txt"
    ran = world.run(world.plan(f"agent: {agent}\nattempts: 1", f"Greet.\nstandin: write {outside} = hello", "a.txt"))
    assert ran.status == 1, ran.message
    assert ran.units["a.txt"]["state"] == "failed"
    assert ran.units["a.txt"]["files"] == []
    assert not outside.exists()


def test_a_tool_that_runs_is_cancelled_from_elsewhere(world: World, agent: str) -> None:
    options = f"agent: {agent}" + ("\nallow: [Bash]" if agent == "claude" else "")
    plan = world.plan(options, "Wait.\nstandin: run tail -f /dev/null", "a.txt", "b.txt")
    with world.start("run", "--json", plan) as process:
        wait_until(lambda: [*world.network.running().values()].count("tail -f /dev/null") == 2)
        assert "Cancelled" in world.fanout("cancel")
        ran = over(process)
    assert ran.status == 1
    assert ran.summary["state"] == "cancelled"
    assert {unit["state"] for unit in ran.units.values()} == {"cancelled"}


def test_a_service_that_never_answers_is_given_up(world: World, agent: str) -> None:
    plan = world.plan(f"agent: {agent}\nattempts: 1\nstall: 3s", "Greet.\nstandin: silent", "a.txt")
    ran = world.run(plan)
    assert ran.status == 1
    assert "printed nothing for 3s" in ran.message
