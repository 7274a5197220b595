"""The plan documents of runs: found by their names, also by those that they get while their run goes on."""

from __future__ import annotations

from pathlib import Path

import anyio
import attrs
import pytest

from fanout_server import run_events
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, run_plan

pytestmark = pytest.mark.anyio

_LIMIT = 20.0


async def test_a_plan_that_moves_while_it_runs_has_its_new_name_at_once_and_for_good(
    engine: Engine, make_plan: PlanMaker, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    plan = make_plan({"u": "a.txt"}, f"while ! test -e '{go}'; do sleep 0.02; done; echo x >> $1")
    at_work, run = anyio.Event(), engine.reserve()

    def hear(event: run_events.Event) -> None:
        if isinstance(event, run_events.AttemptStarted):
            at_work.set()

    engine.subscribe(hear)
    engine.launch(run, attrs.evolve(plan, source="old/p.fanout.md"), {}, lambda error: pytest.fail(str(error)))
    with anyio.fail_after(_LIMIT):
        await at_work.wait()
        await engine.documents.moved("old", "new")
        assert (await engine.view(run)).plan.source == "new/p.fanout.md"
        go.touch()
        await engine.wait_over(run)
    assert await engine.documents.last_run("old/p.fanout.md") is None
    found = await engine.documents.last_run("new/p.fanout.md")
    assert found is not None
    assert (found.id, found.plan.source) == (run, "new/p.fanout.md")


async def test_only_what_is_in_a_folder_moves_with_it(engine: Engine, make_plan: PlanMaker) -> None:
    plan = make_plan({"u": "a.txt"}, "echo x >> $1")
    names = ["p/x.fanout.md", "p/in/x.fanout.md", "pp/x.fanout.md", "p", None]
    runs = [(await run_plan(engine, attrs.evolve(plan, source=name))).id for name in names]
    await engine.documents.moved("p", "q")
    assert [(await engine.view(run)).plan.source for run in runs] == [
        *("q/x.fanout.md", "q/in/x.fanout.md", "pp/x.fanout.md", "q"),
        None,
    ]


async def test_each_checkout_has_its_own_runs(
    engine: Engine, make_plan: PlanMaker, checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    git(checkout, "worktree", "add", "-q", str(tmp_path / "second"))
    plan = attrs.evolve(make_plan({"u": "a.txt"}, "echo x >> $1"), source="p.fanout.md")
    first = await run_plan(engine, plan)
    async with Engine.open(tmp_path / "second", state_root=tmp_path / "state") as other:
        assert await other.documents.last_run("p.fanout.md") is None
        second = await run_plan(other, plan)
        found = await other.documents.last_run("p.fanout.md")
        assert found is not None
        assert found.id == second.id
        assert await other.documents.is_newest(second.id)
    found = await engine.documents.last_run("p.fanout.md")
    assert found is not None
    assert found.id == first.id
    assert await engine.documents.is_newest(first.id)
    assert not await engine.documents.is_newest(second.id)
