"""An agent that speaks ACP does units: Gemini CLI, as one of them. Run by ``make test-agents-all`` only."""

from __future__ import annotations

import pytest

from tests.agents.running import wait_until
from tests.conftest import GitCommand
from tests.real.conftest import Make
from tests.real.world import START, World, over

pytestmark = pytest.mark.others


@pytest.fixture
def world(make_world: Make) -> World:
    return make_world("gemini")


def test_a_unit_writes_a_file(world: World, git: GitCommand) -> None:
    plan = world.plan("agent: acp:gemini", "Greet in {stem}.new.\nstandin: write {stem}.new = hello", "a.txt", "b.txt")
    ran = world.run(plan, "--branch", "greeted")
    assert ran.status == 0, ran.message
    assert git(world.checkout, "show", "greeted:a.new") == git(world.checkout, "show", "greeted:b.new") == "hello"
    assert [unit["files"] for unit in ran.units.values()] == [["a.new"], ["b.new"]]


def test_what_a_unit_does_not_own_it_may_not_write(world: World) -> None:
    options = 'agent: acp:gemini\nattempts: 1\nowns: ["b.txt"]'
    ran = world.run(world.plan(options, "Greet.\nstandin: write other.new = hello", "a.txt"))
    assert ran.status == 1
    assert ran.units["a.txt"]["kind"] == "permission-denied"
    assert ran.units["a.txt"]["files"] == []


def test_a_tool_that_runs_is_cancelled_from_elsewhere(world: World) -> None:
    options = "agent: acp:gemini\nallow: [execute]"
    plan = world.plan(options, "Wait in {file}.\nstandin: run tail -f /dev/null", "a.txt")
    with world.start("run", "--json", plan) as process:
        wait_until(lambda: "tail -f /dev/null" in world.network.running().values(), START)
        assert "Cancelled" in world.fanout("cancel")
        ran = over(process)
    assert ran.status == 1
    assert ran.summary["state"] == "cancelled"
