"""Gemini CLI, opencode and Copilot CLI do units. Run by ``make test-agents-all`` only."""

from __future__ import annotations

import pytest

from tests.agents.running import wait_until
from tests.conftest import GitCommand
from tests.real.conftest import Make
from tests.real.world import START, over

pytestmark = [pytest.mark.others, pytest.mark.parametrize("agent", ["gemini", "opencode", "copilot"])]

# As each calls the right to run a command.
_RUN = {"gemini": "\nallow: [run_shell_command]", "opencode": "", "copilot": ""}


def test_a_unit_writes_a_file(make_world: Make, agent: str, git: GitCommand) -> None:
    world = make_world(agent)
    plan = world.plan(f"agent: {agent}", "Greet in {stem}.new.\nstandin: write {stem}.new = hello", "a.txt", "b.txt")
    ran = world.run(plan, "--branch", "greeted")
    assert ran.status == 0, ran.message
    assert git(world.checkout, "show", "greeted:a.new") == git(world.checkout, "show", "greeted:b.new") == "hello"
    assert [unit["files"] for unit in ran.units.values()] == [["a.new"], ["b.new"]]


def test_a_bad_key_stops_the_run_at_once(make_world: Make, agent: str) -> None:
    world = make_world(agent, key="a-bad-key")
    ran = world.run(world.plan(f"agent: {agent}\nattempts: 3", "Greet in {file}.", "a.txt", "b.txt"))
    assert ran.status == 1
    assert ran.events("attemptStarted") == []
    assert "signed in" in ran.message or "sign in" in ran.message


def test_a_tool_that_runs_is_cancelled_from_elsewhere(make_world: Make, agent: str) -> None:
    world = make_world(agent)
    plan = world.plan(f"agent: {agent}{_RUN[agent]}", "Wait in {file}.\nstandin: run tail -f /dev/null", "a.txt")
    with world.start("run", "--json", plan) as process:
        wait_until(lambda: "tail -f /dev/null" in world.network.running().values(), START)
        assert "Cancelled" in world.fanout("cancel")
        ran = over(process)
    assert ran.status == 1
    assert ran.summary["state"] == "cancelled"
