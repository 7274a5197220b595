"""Units that need others start from the merged result of these, also after a crash, a failure and a retry."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from fanout_server.apply.content import Content
from fanout_server.model import RunState, UnitState
from fanout_server.repo import changes, commits
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, codes, run_plan, unit_of
from tests.run.wavy import SCRIPT, write_package

pytestmark = pytest.mark.anyio

UNITS = {"u1": "pkg/core.py", "u2": "pkg/api.py", "u3": "pkg/alone.py", "u4": "pkg/app.py"}


@pytest.fixture
def package(checkout: Path, git: GitCommand) -> Path:
    write_package(checkout)
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "a package")
    return checkout


async def test_the_second_wave_sees_what_the_first_one_made(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    view = await run_plan(engine, make_plan(UNITS, SCRIPT, order="depends", jobs=4))
    assert view.state is RunState.READY
    assert {unit.id: unit.after for unit in view.plan.units} == {
        "u1": (),
        "u2": ("u1",),
        "u3": (),
        "u4": ("u1", "u2"),
    }
    merged = {path: git(package, "show", f"{view.merged}:{path}") for path in UNITS.values()}
    assert merged["pkg/core.py"].endswith("# after nothing")
    assert merged["pkg/alone.py"].endswith("# after nothing")
    assert merged["pkg/api.py"].endswith("# after core")
    assert merged["pkg/app.py"].endswith("# after core api")
    assert view.owners == {path: (unit,) for unit, path in UNITS.items()}
    assert git(package, "rev-parse", f"{view.merged}^") == view.base
    # What a unit made is what it did itself, without what it started from.
    assert unit_of(view, "u4").files == ("pkg/app.py",)
    shown = await engine.show(view.id, "u4", "diff")
    assert "+# after core api" in shown
    assert "core.py" not in shown
    assert git(package, "status", "--porcelain") == ""


@pytest.mark.parametrize("way", ["plain", "pool", "auto"])
async def test_whatever_worktrees_are_made_of_and_setup_left_in_them(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand, way: str
) -> None:
    setup = ("sh", "-c", "echo made > setup.txt; echo '# by setup' >> pkg/alone.py")
    script = f"grep -q made setup.txt || exit 1; {SCRIPT}"
    units = {"u1": "pkg/core.py", "u2": "pkg/api.py"}
    view = await run_plan(engine, make_plan(units, script, order="depends", worktrees=way, setup=setup))
    assert [unit.state for unit in view.units] == [UnitState.DONE] * 2
    assert git(package, "show", f"{view.merged}:pkg/api.py").endswith("# after core")
    assert git(package, "diff", "--name-only", view.base, str(view.merged)) == "pkg/api.py\npkg/core.py"
    assert [unit.files for unit in view.units] == [("pkg/core.py",), ("pkg/api.py",)]


async def test_without_the_option_all_start_from_the_base(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    view = await run_plan(engine, make_plan(UNITS, SCRIPT, jobs=1))
    assert all(unit.after == () for unit in view.plan.units)
    assert git(package, "show", f"{view.merged}:pkg/app.py").endswith("# after nothing")


@pytest.mark.spares_code("merge/conflict")
async def test_a_later_unit_may_change_what_an_earlier_one_changed(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    """Even put back what it did: that is a change of its own, though not one of the base."""
    script = (
        "case $1 in pkg/core.py) echo new > shared.txt; echo '# 1' >> $1;;"
        " pkg/api.py) cat shared.txt >> $1; git checkout -q HEAD~1 -- pkg/core.py 2>/dev/null ||"
        " printf 'def core():\\n    return 1\\n' > pkg/core.py; echo newer > shared.txt;; esac"
    )
    view = await run_plan(engine, make_plan({"a": "pkg/core.py", "b": "pkg/api.py"}, script, order="depends"))
    assert view.state is RunState.READY
    assert "merge/conflict" not in codes(view)
    assert git(package, "show", f"{view.merged}:shared.txt") == "newer"
    assert git(package, "show", f"{view.merged}:pkg/api.py").endswith("new")
    assert git(package, "diff", "--name-only", view.base, str(view.merged)) == "pkg/api.py\nshared.txt"
    assert view.owners == {"shared.txt": ("a", "b"), "pkg/api.py": ("b",)}


@pytest.mark.raises_code("unit/starts-without")
async def test_those_that_need_a_failed_unit_say_so_and_start_from_what_there_is(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    script = f"case $1 in pkg/api.py) exit 1;; esac; {SCRIPT}"
    view = await run_plan(engine, make_plan(UNITS, script, order="depends", attempts=1))
    assert unit_of(view, "u2").state is UnitState.FAILED
    told = [one for one in view.findings if one.code == "unit/starts-without"]
    assert [one.units for one in told] == [("u4", "u2")]
    assert "pkg/api.py (failed)" in told[0].message
    assert git(package, "show", f"{view.merged}:pkg/app.py").endswith("# after core")
    assert view.state is RunState.READY


@pytest.mark.spares_code("unit/starts-without")
@pytest.mark.usefixtures("package")
async def test_nothing_is_said_of_units_whose_needs_are_done(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan(UNITS, SCRIPT, order="depends"))
    assert "unit/starts-without" not in codes(view)


async def test_units_in_a_circle_start_together(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    (package / "pkg/core.py").write_text("from pkg import api\n")
    view = await run_plan(engine, make_plan(UNITS, SCRIPT, order="depends"))
    assert [unit.after for unit in view.plan.units] == [(), (), (), ("u1", "u2")]
    assert git(package, "show", f"{view.merged}:pkg/api.py").endswith("# after nothing")
    assert git(package, "show", f"{view.merged}:pkg/app.py").endswith("# after core api")


@pytest.mark.usefixtures("package")
async def test_unsaved_text_counts_for_the_order(engine: Engine, make_plan: PlanMaker) -> None:
    plan = make_plan({"a": "pkg/alone.py", "b": "pkg/core.py"}, SCRIPT, order="depends")
    view = await run_plan(engine, plan, {"pkg/alone.py": b"import pkg.core\n"})
    assert [unit.after for unit in view.plan.units] == [("b",), ()]


async def test_an_earlier_unit_that_is_done_again_is_merged_below_the_later_ones(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    script = f"{SCRIPT}; echo $RANDOM_NAME > extra-$(basename $1).txt; date +%s%N >> extra-$(basename $1).txt"
    view = await run_plan(engine, make_plan({"a": "pkg/core.py", "b": "pkg/api.py"}, script, order="depends"))
    before = git(package, "show", f"{view.merged}:extra-core.py.txt")
    await engine.retry(view.id, ["a"], "", lambda error: pytest.fail(str(error)))
    with anyio.fail_after(30):
        view = await engine.wait(view.id)
    assert view.state is RunState.READY
    assert git(package, "show", f"{view.merged}:extra-core.py.txt") != before
    assert git(package, "show", f"{view.merged}:pkg/api.py").endswith("# after core")
    assert "merge/conflict" not in codes(view)


async def test_where_a_later_unit_does_not_fit_the_new_result_of_an_earlier_one_that_is_told(
    package: Path, engine: Engine, make_plan: PlanMaker, git: GitCommand
) -> None:
    script = (
        "case $1 in *core*) date +%s%N > shared.txt;; *) echo more >> shared.txt;; esac;"
        ' echo "# $(head -1 shared.txt)" >> $1'
    )
    view = await run_plan(engine, make_plan({"a": "pkg/core.py", "b": "pkg/api.py"}, script, order="depends"))
    assert git(package, "show", f"{view.merged}:shared.txt").endswith("\nmore")
    await engine.retry(view.id, ["a"], "", lambda error: pytest.fail(str(error)))
    with anyio.fail_after(30):
        view = await engine.wait(view.id)
    told = [one for one in view.findings if one.code == "merge/conflict"]
    assert [(one.path, one.units) for one in told] == [("shared.txt", ("b",))]
    assert "fanout retry" in told[0].message
    shared = git(package, "show", f"{view.merged}:shared.txt")
    assert "more" not in shared
    assert git(package, "show", f"{view.merged}:pkg/core.py").endswith(f"# {shared}")
    assert not git(package, "show", f"{view.merged}:pkg/api.py").endswith(f"# {shared}")


async def test_a_later_unit_can_be_applied_alone(package: Path, engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan({"a": "pkg/core.py", "b": "pkg/api.py"}, SCRIPT, order="depends"))
    plan = await engine.plan_apply(view.id, _Present(package), ["b"])
    assert [edit.path for edit in plan.edits] == ["pkg/api.py"]


class _Present:
    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> Content | None:
        full = self._root / path
        return Content(0o100644, full.read_bytes()) if full.is_file() else None


# More than the journal sees of four units in three waves, so that the last one is a run that nobody killed.
_LAST_WRITE = 16


@pytest.mark.parametrize("number", range(1, _LAST_WRITE + 1))
async def test_a_run_killed_at_any_write_goes_on_with_its_waves(
    package: Path, tmp_path: Path, git: GitCommand, number: int
) -> None:
    state, tally = tmp_path / "state", tmp_path / "tally"
    command = [sys.executable, "-m", "tests.run.wavy", str(package), str(state), str(tally), str(number)]
    done = await anyio.to_thread.run_sync(lambda: subprocess.run(command, check=False, timeout=60, cwd=Path.cwd()))
    assert done.returncode in {0, -signal.SIGKILL}
    assert (done.returncode == 0) == (number == _LAST_WRITE)
    async with Engine.open(package, state_root=state) as engine:
        runs = await engine.runs()
        if not runs:
            return
        ended = {unit.title for unit in runs[0].units if unit.state is UnitState.DONE}
        if runs[0].state is RunState.INTERRUPTED:
            await engine.resume(runs[0].id, lambda error: pytest.fail(str(error)))
        with anyio.fail_after(30):
            view = await engine.wait(runs[0].id)
        assert view.state is RunState.READY
        assert git(package, "show", f"{view.merged}:pkg/app.py").endswith("# after core api")
        times = Counter(tally.read_text().splitlines())
        assert all(times[path] == 1 for path in ended)
        base = git(package, "rev-parse", f"{view.base}")
        parents = {unit.id: commits.parent(engine.repository, str(unit.result)) for unit in view.units}
        assert parents["u1"] == parents["u3"] == base
        assert set(changes.since_parent(engine.repository, str(unit_of(view, "u4").result))) == {"pkg/app.py"}
    assert git(package, "status", "--porcelain") == ""
