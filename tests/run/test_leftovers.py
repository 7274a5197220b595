"""What a killed process leaves is gone after the next start, and nothing that a living one has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from fanout_server import model
from fanout_server.model import RunState, UnitState
from fanout_server.repo import deleting, pristine
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker
from tests.run.dying import PATHS, POINTS

pytestmark = pytest.mark.anyio


def left_of_runs(checkout: Path, state: Path, git: GitCommand) -> list[str]:
    """All that there should be nothing of while no run is at work."""
    assert deleting.wait_for_background(30)
    ours = checkout / ".git" / "fanout"
    folders = [ours / "works", ours / "worktrees", ours / "tmp", ours / "runs", *state.glob("worktrees/*")]
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    found += [path for path in state.glob("pristine/*/*/at-*") if not (path / "oid").exists()]
    found += [*state.glob("pristine/*/*/own/*"), *state.glob("pristine/*/*/at-*/deltas/new-*")]
    for trash in (state / "trash", ours / "trash"):
        found += [path for path in trash.glob("*") if path.name != ".lock"]
    mounts = Path("/proc/self/mountinfo")
    assert not mounts.exists() or str(state) not in mounts.read_text()
    listed = git(checkout, "worktree", "list").splitlines()[1:]
    # Those of the snapshot are swept after a day: another process may be at them.
    return [str(path) for path in found if not path.name.startswith("tmp")] + listed


async def die(checkout: Path, state: Path, point: str) -> None:
    command = [sys.executable, "-m", "tests.run.dying", str(checkout), str(state), point]
    died = await anyio.to_thread.run_sync(lambda: subprocess.run(command, check=False, timeout=60))
    assert died.returncode == -signal.SIGKILL
    for aside in (checkout / ".git" / "fanout" / "tmp").glob("entry-*"):
        # As if some time had gone by.
        os.utime(aside, (time.time() - 60,) * 2)


@pytest.mark.parametrize("locks", ["locks left", "locks gone"])
@pytest.mark.parametrize("point", list(POINTS))
async def test_the_next_start_removes_what_a_killed_process_left(
    checkout: Path, tmp_path: Path, git: GitCommand, point: str, locks: str
) -> None:
    state = tmp_path / "state"
    await die(checkout, state, point)
    if locks == "locks gone":
        for lock in (checkout / ".git" / "fanout" / "runs").iterdir():
            lock.unlink()
    async with Engine.open(checkout, state_root=state) as engine:
        assert left_of_runs(checkout, state, git) == []
        runs = await engine.runs()
        for view in runs:
            if view.state is RunState.INTERRUPTED:
                await engine.resume(view.id, lambda error: pytest.fail(str(error)))
                with anyio.fail_after(30):
                    resumed = await engine.wait(view.id)
                assert [unit.state for unit in resumed.units] == [UnitState.DONE] * len(PATHS)
        freed = await engine.clean(also_unapplied=True)
        assert len(freed.runs) == len(runs)
    assert left_of_runs(checkout, state, git) == []
    if not point.startswith("the base has a ref") or locks == "locks left":
        assert git(checkout, "for-each-ref", "refs/fanout") == ""
    assert git(checkout, "status", "--porcelain") == ""


async def test_a_run_whose_state_folder_was_removed_is_unregistered(
    checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    await die(checkout, tmp_path / "state", "a worktree is ready")
    assert git(checkout, "worktree", "list").count("\n") > 0
    deleting.delete(tmp_path / "state")
    async with Engine.open(checkout, state_root=tmp_path / "state"):
        assert left_of_runs(checkout, tmp_path / "state", git) == []


@pytest.mark.parametrize("way", ["auto", "plain"])
async def test_what_a_living_process_has_is_left_alone(
    checkout: Path, tmp_path: Path, git: GitCommand, make_plan: PlanMaker, way: str
) -> None:
    state, at_work, go_on = tmp_path / "state", tmp_path / "at-work", tmp_path / "go-on"
    os.mkfifo(at_work)
    os.mkfifo(go_on)
    git(checkout, "worktree", "add", "-q", "--detach", str(tmp_path / "users"))
    script = f'echo > {at_work}; read line < {go_on}; echo "$line" >> "$1"'
    async with Engine.open(checkout, state_root=state) as living:
        run = living.reserve()
        living.launch(run, make_plan({"u": "a.txt"}, script, worktrees=way), {}, lambda error: pytest.fail(str(error)))
        with anyio.fail_after(60):
            await anyio.Path(at_work).read_text()
        for point in ("a worktree is ready", "an entry is in place", "a worktree goes"):
            await die(checkout, state, point)
            async with Engine.open(checkout, state_root=state) as other:
                with pytest.raises(model.FanoutError):
                    await other.resume(run, lambda error: pytest.fail(str(error)))
                freed = await other.clean(also_unapplied=True, older_than=0)
                assert run not in freed.runs
                # Nobody stands on it but those of the first way.
                assert way == "plain" or freed.pristine == ()
        assert git(checkout, "worktree", "list").count("\n") == 2
        with anyio.fail_after(60):
            await anyio.Path(go_on).write_text("done\n")
            view = await living.wait(run)
        assert view.state is RunState.READY, view
        assert git(checkout, "show", f"{view.merged}:a.txt").endswith("done")
    assert (tmp_path / "users" / "a.txt").exists()
    assert git(checkout, "worktree", "list").count("\n") == 1


async def test_results_are_kept_where_the_journal_was_moved_aside(
    checkout: Path, tmp_path: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    state = tmp_path / "state"
    async with Engine.open(checkout, state_root=state) as engine:
        run = engine.reserve()
        engine.launch(run, make_plan({"u": "a.txt"}, 'echo x >> "$1"'), {}, lambda error: pytest.fail(str(error)))
        await engine.wait(run)
    refs = git(checkout, "for-each-ref", "refs/fanout")
    assert f"{run}/units/u" in refs
    for path in (checkout / ".git" / "fanout").glob("journal.db*"):
        path.unlink()
    (checkout / ".git" / "fanout" / "runs" / f"{run}.lock").touch()
    async with Engine.open(checkout, state_root=state) as engine:
        assert await engine.runs() == ()
    assert git(checkout, "for-each-ref", "refs/fanout") == refs


async def test_leftover_trash_is_emptied_at_the_start(checkout: Path, tmp_path: Path) -> None:
    trash = pristine.trash(tmp_path / "state")
    (trash / "old" / "deep").mkdir(parents=True)
    (trash / "old" / "deep" / "file").write_text("x")
    async with Engine.open(checkout, state_root=tmp_path / "state"):
        assert not (trash / "old").exists()
