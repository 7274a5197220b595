"""The whole job in checkouts that are in an unusual state: it works, and the state stays what it was."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.apply.content import Disk
from fanout_server.model import FanoutError, RunState
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, run_plan

pytestmark = pytest.mark.anyio

Prepare = Callable[[Path, GitCommand], Path]


def unborn(checkout: Path, git: GitCommand) -> Path:
    root = checkout.parent / "unborn"
    root.mkdir()
    git(root, "init", "-q")
    (root / "a.txt").write_text("alpha\nbeta\ngamma\n")
    return root


def linked(checkout: Path, git: GitCommand) -> Path:
    git(checkout, "worktree", "add", "-q", "../linked")
    return checkout.parent / "linked"


def merging(checkout: Path, git: GitCommand) -> Path:
    _diverge(checkout, git)
    subprocess.run(["git", "merge", "-q", "other"], cwd=checkout, check=False, capture_output=True)
    assert (checkout / ".git" / "MERGE_HEAD").exists()
    return checkout


def rebasing(checkout: Path, git: GitCommand) -> Path:
    _diverge(checkout, git)
    subprocess.run(["git", "rebase", "-q", "other"], cwd=checkout, check=False, capture_output=True)
    assert (checkout / ".git" / "rebase-merge").exists()
    return checkout


def detached(checkout: Path, git: GitCommand) -> Path:
    git(checkout, "checkout", "-q", "--detach")
    return checkout


def odd_folder(checkout: Path, git: GitCommand) -> Path:
    root = checkout.parent / "a 'quoted\" näme\nof lines"
    checkout.rename(root)
    return root


def _diverge(checkout: Path, git: GitCommand) -> None:
    git(checkout, "checkout", "-qb", "other")
    (checkout / "b.txt").write_text("theirs\n")
    git(checkout, "commit", "-qam", "theirs")
    git(checkout, "checkout", "-q", "main")
    (checkout / "b.txt").write_text("ours\n")
    git(checkout, "commit", "-qam", "ours")


@pytest.mark.parametrize("prepare", [unborn, linked, merging, rebasing, detached, odd_folder])
async def test_the_whole_job(
    prepare: Prepare, checkout: Path, tmp_path: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    root = prepare(checkout, git)
    (root / "new file.txt").write_text("untracked\n")
    status = git(root, "status", "--porcelain=v2", "--branch")
    git_dir = Path(git(root, "rev-parse", "--absolute-git-dir"))
    index = (git_dir / "index").read_bytes() if (git_dir / "index").exists() else None
    async with Engine.open(root, state_root=tmp_path / "state") as engine:
        view = await run_plan(engine, make_plan({"a": "a.txt", "n": "new file.txt"}, 'echo done >> "$1"'))
        assert view.state is RunState.READY
        assert git(root, "status", "--porcelain=v2", "--branch") == status
        assert ((git_dir / "index").read_bytes() if (git_dir / "index").exists() else None) == index
        plan = await engine.plan_apply(view.id, Disk(engine.repository.root))
        await engine.write(plan)
    assert (root / "a.txt").read_text() == "alpha\nbeta\ngamma\ndone\n"
    assert (root / "new file.txt").read_text() == "untracked\ndone\n"


async def test_a_bare_repository_has_nothing_to_work_on(checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(checkout), "bare")
    with pytest.raises(Exception, match="bare"):
        async with Engine.open(tmp_path / "bare"):
            raise AssertionError("not reached")


async def test_a_base_that_cannot_be_made_leaves_no_trace_of_a_run(
    checkout: Path, tmp_path: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    git(checkout, "config", "filter.gone.clean", "no-such-program-here")
    git(checkout, "config", "filter.gone.required", "true")
    (checkout / ".gitattributes").write_text("*.bin filter=gone\n")
    (checkout / "big.bin").write_text("pointer\n")
    async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
        with pytest.raises(FanoutError, match=r"big\.bin"):
            await run_plan(engine, make_plan({"a": "a.txt"}, "true"))
        assert await engine.runs() == ()
    assert git(checkout, "for-each-ref", "refs/fanout") == ""
