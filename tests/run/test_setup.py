"""``setup``: once for all units where it can be shared, and never part of anybody's result."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from fanout_server.model import RunState
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, codes, run_plan, unit_of

pytestmark = pytest.mark.anyio

UNITS = {"a": "a.txt", "b": "b.txt"}


def _counting(tmp_path: Path) -> tuple[str, ...]:
    """Installs something that git ignores, that knows where it is, and changes a tracked file on the way."""
    script = (
        f'echo run >>"{tmp_path}/count"; mkdir -p node_modules/.bin;'
        'printf "#!/bin/sh\\ncat %s/node_modules/version\\n" "$PWD" >node_modules/.bin/tool;'
        "chmod +x node_modules/.bin/tool;"
        "echo 7 >node_modules/version; echo locked >>src/one.py"
    )
    return ("sh", "-c", script)


def _times(tmp_path: Path) -> int:
    return len((tmp_path / "count").read_text().splitlines())


def _left(tmp_path: Path) -> list[Path]:
    return [*tmp_path.glob("started"), *tmp_path.glob("state/worktrees/*/*")]


def _make_ignored(checkout: Path) -> None:
    (checkout / ".env").write_text("secret\n")
    (checkout / "node_modules").mkdir()
    (checkout / "node_modules" / "x").write_text("module\n")


@pytest.mark.parametrize("way", ["overlay", "plain"])
async def test_all_units_have_it_and_none_is_blamed_for_it(
    way: str, engine: Engine, tmp_path: Path, make_plan: PlanMaker, git: GitCommand
) -> None:
    script = 'node_modules/.bin/tool >>"$1"; rm node_modules/version; git status --porcelain'
    view = await run_plan(engine, make_plan(UNITS, script, setup=_counting(tmp_path), worktrees=way))
    assert view.state is RunState.READY, view.findings
    assert [unit.files for unit in view.units] == [("a.txt",), ("b.txt",)]
    assert git(engine.repository.root, "show", f"{view.merged}:b.txt") == "one\ntwo\nthree\n7"
    assert _times(tmp_path) == (1 if way == "overlay" else 2)


async def test_a_setup_that_differs_runs_in_each(engine: Engine, tmp_path: Path, make_plan: PlanMaker) -> None:
    plan = make_plan(UNITS, 'cat made.log >>"$1"')
    units = tuple(evolve(unit, setup=("sh", "-c", f"echo {unit.id} >made.log")) for unit in plan.units)
    view = await run_plan(engine, evolve(plan, units=units))
    assert view.state is RunState.READY, view.findings
    assert [unit.files for unit in view.units] == [("a.txt",), ("b.txt",)]


async def test_a_key_spares_later_runs(
    engine: Engine, checkout: Path, tmp_path: Path, make_plan: PlanMaker, git: GitCommand
) -> None:
    setup = ("sh", "-c", f'echo run >>"{tmp_path}/count"; mkdir -p node_modules; cp b.txt node_modules/version')
    plan = make_plan({"a": "a.txt"}, 'cat node_modules/version >>"$1"', setup=setup, setup_key=("b.txt",), cache="off")
    for expected in (1, 1):
        view = await run_plan(engine, plan)
        assert view.state is RunState.READY, view.findings
        assert _times(tmp_path) == expected
    (checkout / "a.txt").write_text("another base\n")
    view = await run_plan(engine, plan)
    assert _times(tmp_path) == 1
    assert git(checkout, "show", f"{view.merged}:a.txt") == "another base\none\ntwo\nthree"
    (checkout / "b.txt").write_text("newer\n")
    view = await run_plan(engine, plan)
    assert _times(tmp_path) == 2
    assert git(checkout, "show", f"{view.merged}:a.txt") == "another base\nnewer"


async def test_what_changes_tracked_files_is_not_kept_for_other_bases(
    engine: Engine, tmp_path: Path, make_plan: PlanMaker
) -> None:
    plan = make_plan({"a": "a.txt"}, 'echo x >>"$1"', setup=_counting(tmp_path), setup_key=("b.txt",), cache="off")
    for expected in (1, 2):
        assert (await run_plan(engine, plan)).state is RunState.READY
        assert _times(tmp_path) == expected


async def test_a_setup_that_fails_starts_no_agent(engine: Engine, tmp_path: Path, make_plan: PlanMaker) -> None:
    plan = make_plan(UNITS, f'touch "{tmp_path}/started"', setup=("sh", "-c", "echo no such package; exit 3"))
    view = await run_plan(engine, plan)
    assert view.state is RunState.FAILED
    assert codes(view) == ["unit/failed"]
    assert "No unit was started: setup failed: exit status 3: no such package" in view.findings[0].message
    assert "no such package" in unit_of(view, "b").message
    assert _left(tmp_path) == []


@pytest.mark.spares_code("unit/failed")
async def test_a_retry_keeps_the_work_of_the_first_try(engine: Engine, tmp_path: Path, make_plan: PlanMaker) -> None:
    script = 'test "$1" = a.txt; echo x >>"$1"; echo y >>src/two.py'
    verify = ("sh", "-c", f'test -e "{tmp_path}/once" || {{ touch "{tmp_path}/once"; exit 1; }}')
    view = await run_plan(engine, make_plan({"a": "a.txt"}, script, setup=_counting(tmp_path), verify=verify))
    assert view.state is RunState.READY, view.findings
    assert unit_of(view, "a").attempts == 2
    assert unit_of(view, "a").files == ("a.txt", "src/two.py")
    assert "unit/failed" not in codes(view)


async def test_what_is_copied_and_linked_is_there_once(
    engine: Engine, checkout: Path, make_plan: PlanMaker, git: GitCommand
) -> None:
    _make_ignored(checkout)
    script = 'cat .env node_modules/x >>"$1"; echo changed >.env'
    view = await run_plan(engine, make_plan(UNITS, script, copy=(".env",), link=("node_modules", "nothing")))
    assert view.state is RunState.READY, view.findings
    assert git(checkout, "show", f"{view.merged}:b.txt").endswith("secret\nmodule")
    assert (checkout / ".env").read_text() == "secret\n"
    assert codes(view).count("unit/not-provisioned") == 1
