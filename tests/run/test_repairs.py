"""The agent rung of the ladder: conflicts between units are given to agents, once each, before review and check."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from fanout_server import model, run_events
from fanout_server.model import Options, Plan, RunState, RunView, UnitState
from fanout_server.run import repairs
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, Use, codes, run_plan, unit_of

pytestmark = pytest.mark.anyio

SIDES = {"a": "a.txt", "b": "b.txt"}


def script(answer: str) -> str:
    """Units clash in each of shared.py and other.py; ``answer`` is what a repair does, $1 being its file."""
    sides = 'for at in shared.py other.py; do echo "$at = \'$1\'" | sed "s/.py = / = /" > $at; done'
    return f"case $1 in shared.py|other.py) {answer};; *) {sides};; esac"


BOTH = "echo 'second = 2' >> $1"


@pytest.fixture
def clashing(checkout: Path, git: GitCommand) -> Path:
    for name in ("shared.py", "other.py"):
        (checkout / name).write_text("start = 0\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "shared")
    return checkout


def found(view: RunView, code: str) -> list[tuple[str | None, tuple[str, ...]]]:
    return [(one.path, one.units) for one in view.findings if one.code == code]


async def events(engine: Engine, run: str) -> list[run_events.Event]:
    return list(await engine.services.journal.events(run))


CONFLICTS = [("other.py", ("b", "a")), ("shared.py", ("b", "a"))]


async def test_by_default_nobody_is_asked(clashing: Path, engine: Engine, make_plan: PlanMaker) -> None:
    del clashing
    view = await run_plan(engine, make_plan(SIDES, script(BOTH)))
    assert sorted(found(view, "merge/conflict")) == CONFLICTS
    assert len(view.units) == 2


async def test_each_conflict_is_settled_and_what_is_reviewed_and_checked_is_all_of_it(
    clashing: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand, tmp_path: Path
) -> None:
    checked = tmp_path / "checked"
    check = ("sh", "-c", f"cat shared.py other.py > '{checked}'")
    view = await run_plan(engine, make_plan(SIDES, script(BOTH), conflicts="agent", check=check))
    assert (view.state, view.message.split(".")[0]) == (RunState.READY, "4 of 4 units done")
    assert found(view, "merge/conflict") == []
    assert sorted(found(view, "merge/auto-merged")) == CONFLICTS
    assert git(clashing, "show", f"{view.merged}:shared.py") == "shared = 'a.txt'\nsecond = 2"
    assert checked.read_text() == "shared = 'a.txt'\nsecond = 2\nother = 'a.txt'\nsecond = 2\n"
    told = await events(engine, view.id)
    # In one wave.
    assert view.plan.units[2].after == view.plan.units[3].after == ("a", "b")
    kinds = [type(one) for one in told]
    assert kinds.count(run_events.RunIntegrated) == 2
    assert kinds.index(run_events.CheckStarted) > max(
        at for at, kind in enumerate(kinds) if kind is run_events.RunIntegrated
    )


async def test_conflicts_of_one_file_are_settled_one_after_the_other(
    clashing: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    answer = "echo \"more_$(wc -l < $1 | tr -d ' ') = 1\" >> $1"
    plan = make_plan({**SIDES, "c": "src/one.py"}, script(answer), conflicts="agent", jobs=4)
    view = await run_plan(engine, plan)
    assert git(clashing, "show", f"{view.merged}:shared.py") == "shared = 'a.txt'\nmore_1 = 1\nmore_2 = 1"
    assert found(view, "merge/conflict") == []
    assert len(found(view, "merge/auto-merged")) == 4
    assert "unit/starts-without" not in codes(view)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("printf '<<<<<<< a\\nx = 1\\n=======\\nx = 2\\n>>>>>>> b\\n' > $1", "it left conflict markers"),
        ("echo 'def broken(:' >> $1", "cannot be parsed"),
        ("echo stray > stray.txt", "it changed nothing of the file"),
    ],
    ids=["markers", "syntax", "elsewhere"],
)
async def test_an_answer_that_settles_nothing_is_left_out_and_kept(
    clashing: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand, answer: str, why: str
) -> None:
    view = await run_plan(engine, make_plan(SIDES, script(answer), conflicts="agent"))
    assert view.state is RunState.READY
    assert sorted(found(view, "merge/conflict")) == CONFLICTS
    assert found(view, "merge/auto-merged") == []
    assert git(clashing, "show", f"{view.merged}:shared.py") == "shared = 'a.txt'"
    assert git(clashing, "diff", "--name-only", view.base, str(view.merged)) == "other.py\nshared.py"
    assert not {"unit/syntax-error", "review/conflict-marker"} & set(codes(view))
    for one in view.findings:
        if one.code == "merge/conflict":
            assert why in one.message
            repair = next(unit for unit in view.plan.units if unit.mends and unit.mends.path == one.path)
            ref = f"refs/fanout/{view.id}/units/{repair.id}"
            assert ref in one.message
            assert git(clashing, "rev-parse", ref) == unit_of(view, repair.id).result
    # Applying it delivers what is merged, without the answers.
    assert view.owners == {"other.py": ("a",), "shared.py": ("a",)}


async def test_one_that_failed_is_not_asked_again_and_its_conflict_stays(
    clashing: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    answer = f"echo $1 >> '{asked}'; exit 1"
    view = await run_plan(engine, make_plan(SIDES, script(answer), conflicts="agent", attempts=1, jobs=1))
    assert view.state is RunState.READY
    assert [unit.state for unit in view.units] == [UnitState.DONE] * 2 + [UnitState.FAILED] * 2
    assert sorted(found(view, "merge/conflict")) == CONFLICTS
    assert codes(view).count("unit/failed") == 2
    await engine.retry(view.id, ["a"], "", lambda error: pytest.fail(str(error)))
    with anyio.fail_after(30):
        view = await engine.wait(view.id)
    assert sorted(asked.read_text().split()) == ["other.py", "shared.py"]
    assert sorted(found(view, "merge/conflict")) == CONFLICTS
    assert git(clashing, "status", "--porcelain") == ""


async def test_the_budget_holds_for_repairs_too(clashing: Path, engine: Engine, use: Use) -> None:
    # The program is the same for all units and knows its own by the prompt.
    use(
        'prompt=$(cat); case "$prompt" in *"Bring the other one in"*) echo "more = 1" >> shared.py;;'
        ' *) echo "x = \'$$\'" > shared.py;; esac; echo \'{"session": "s", "cost": 0.5, "done": 1}\''
    )
    units = tuple(model.Unit(id=one, title=one, prompt="Go.", targets=(model.Target("shared.py"),)) for one in "ab")
    view = await run_plan(engine, Plan("Go.", units, Options(agent="claude", jobs=1, conflicts="agent", budget=1.2)))
    assert [unit.state for unit in view.units] == [UnitState.DONE, UnitState.DONE, UnitState.FAILED]
    assert unit_of(view, "repair-1").kind is model.FailureKind.BUDGET_REACHED
    assert found(view, "merge/conflict") == [("shared.py", ("b", "a"))]
    assert view.state is RunState.READY
    assert clashing.joinpath("shared.py").read_text() == "start = 0\n"


async def test_what_the_pilot_was_does_not_matter(clashing: Path, engine: Engine, make_plan: PlanMaker) -> None:
    del clashing
    view = await run_plan(engine, make_plan(SIDES, script(BOTH), conflicts="agent", pilot=2))
    assert (view.state, found(view, "merge/conflict")) == (RunState.READY, [])


async def test_setup_is_not_done_again_for_repairs(
    clashing: Path, engine: Engine, make_plan: PlanMaker, tmp_path: Path
) -> None:
    del clashing
    done = tmp_path / "setups"
    plan = make_plan(
        SIDES, script(BOTH), conflicts="agent", setup=("sh", "-c", f"echo x >> '{done}'"), worktrees="auto"
    )
    view = await run_plan(engine, plan)
    assert found(view, "merge/conflict") == []
    # Once where worktrees share it, else once for each of the four units.
    assert len(done.read_text().splitlines()) in {1, 4}


@pytest.mark.parametrize("whole", [True, False], ids=["run", "unit"])
async def test_a_repair_can_be_cancelled(
    clashing: Path, engine: Engine, make_plan: PlanMaker, tmp_path: Path, whole: bool
) -> None:
    del clashing
    fifo = tmp_path / "at-work"
    os.mkfifo(fifo)
    answer = f"case $1 in shared.py) echo up > '{fifo}'; exec sleep 300;; *) {BOTH};; esac"
    run, failures = engine.reserve(), list[model.FanoutError]()
    engine.launch(run, make_plan(SIDES, script(answer), conflicts="agent"), {}, failures.append)
    with anyio.fail_after(60):
        assert await anyio.Path(fifo).read_text() == "up\n"
        view = await engine.view(run)
        (repair,) = (unit.id for unit in view.plan.units if unit.mends and unit.mends.path == "shared.py")
        assert repair in await engine.cancel(run, None if whole else [repair])
        view = await engine.wait(run)
    assert failures == []
    assert unit_of(view, repair).state is UnitState.CANCELLED
    assert ("shared.py", ("b", "a")) in found(view, "merge/conflict")
    assert view.state is (RunState.CANCELLED if whole else RunState.READY)


async def test_a_run_that_is_interrupted_in_the_middle_of_repairs_goes_on_with_them(
    clashing: Path, make_plan: PlanMaker, tmp_path: Path
) -> None:
    fifo, tally = tmp_path / "at-work", tmp_path / "tally"
    os.mkfifo(fifo)
    hang = f"if test -p '{fifo}'; then echo up > '{fifo}'; exec sleep 300; fi"
    answer = f"case $1 in shared.py) {hang};; esac; {BOTH}"
    plan = make_plan(SIDES, f"echo $1 >> '{tally}'; {script(answer)}", conflicts="agent")
    with anyio.fail_after(60):
        async with Engine.open(clashing, state_root=tmp_path / "state") as engine:
            run = engine.reserve()
            engine.launch(run, plan, {}, lambda error: pytest.fail(str(error)))
            assert await anyio.Path(fifo).read_text() == "up\n"
        fifo.unlink()
        async with Engine.open(clashing, state_root=tmp_path / "state") as engine:
            assert (await engine.view(run)).state is RunState.INTERRUPTED
            await engine.resume(run, lambda error: pytest.fail(str(error)))
            view = await engine.wait(run)
    assert view.state is RunState.READY
    assert len(view.units) == 4
    assert found(view, "merge/conflict") == []
    assert sorted(found(view, "merge/auto-merged")) == CONFLICTS
    counts = tally.read_text().split()
    assert (counts.count("a.txt"), counts.count("b.txt"), counts.count("shared.py")) == (1, 1, 2)


async def test_two_processes_that_ask_at_once_do_not_get_the_same_unit(
    clashing: Path, engine: Engine, make_plan: PlanMaker, tmp_path: Path
) -> None:
    """The second one made its wish of what it knew before the first one began."""
    view = await run_plan(engine, make_plan(SIDES, script(BOTH)))
    first, second = (one for one in view.findings if one.code == "merge/conflict")
    failures: list[model.FanoutError] = []
    async with Engine.open(clashing, state_root=tmp_path / "state") as other:
        stale = repairs.wish(other.services, await other.view(view.id), second)
        assert await engine.repair(view.id, first, failures.append) == stale.work.id
        with anyio.fail_after(30):
            before = await engine.wait(view.id)
            other._executions.begin(view.id, view.plan, lambda one: one.resume(stale), failures.append)
            after = await other.wait(view.id)
    assert ["has a unit repair-1 already" in str(error) for error in failures] == [True]
    assert (after.state, after.plan) == (RunState.READY, before.plan)
    assert [unit.id for unit in after.units] == ["a", "b", "repair-1"]
