"""The whole job in checkouts that are in an unusual state: it works, and the state stays what it was."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from fanout_server import run_events
from fanout_server.apply.content import Disk
from fanout_server.model import FanoutError, RunState
from fanout_server.repo.source import WAYS
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, codes, run_plan

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


def shallow(checkout: Path, git: GitCommand) -> Path:
    for number in range(3):
        (checkout / "b.txt").write_text(f"{number}\n")
        git(checkout, "commit", "-qam", str(number))
    git(checkout.parent, "clone", "-q", "--depth", "1", f"file://{checkout}", "shallow")
    return checkout.parent / "shallow"


def partial(checkout: Path, git: GitCommand) -> Path:
    """The blobs that the work tree does not need lie at the server only, and here it is gone for good."""
    git(checkout, "config", "uploadpack.allowFilter", "true")
    git(checkout, "rm", "-q", "b.txt")
    git(checkout, "commit", "-qm", "without b")
    git(checkout.parent, "clone", "-q", "--filter=blob:none", f"file://{checkout}", "partial")
    checkout.rename(checkout.parent / "gone")
    return checkout.parent / "partial"


def linked_to_a_bare_one(checkout: Path, git: GitCommand) -> Path:
    git(checkout.parent, "clone", "-q", "--bare", str(checkout), "bare.git")
    git(checkout.parent / "bare.git", "worktree", "add", "-q", "../of-bare", "main")
    return checkout.parent / "of-bare"


def linked_with_its_own_settings(checkout: Path, git: GitCommand) -> Path:
    git(checkout, "config", "extensions.worktreeConfig", "true")
    git(checkout, "worktree", "add", "-q", "../linked")
    git(checkout.parent / "linked", "config", "--worktree", "core.autocrlf", "input")
    return checkout.parent / "linked"


def bisecting(checkout: Path, git: GitCommand) -> Path:
    for number in range(4):
        (checkout / "b.txt").write_text(f"{number}\n")
        git(checkout, "commit", "-qam", str(number))
    git(checkout, "bisect", "start", "HEAD", "HEAD~4")
    assert (checkout / ".git" / "BISECT_LOG").exists()
    return checkout


def sha256(checkout: Path, git: GitCommand) -> Path:
    root = checkout.parent / "sha256"
    root.mkdir()
    git(root, "init", "-q", "--object-format=sha256")
    (root / "a.txt").write_text("alpha\nbeta\ngamma\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


def index_version_4(checkout: Path, git: GitCommand) -> Path:
    git(checkout, "config", "index.version", "4")
    git(checkout, "update-index", "--index-version", "4")
    return checkout


def split_index(checkout: Path, git: GitCommand) -> Path:
    git(checkout, "config", "core.splitIndex", "true")
    git(checkout, "update-index", "--split-index")
    return checkout


def index_lock_held(checkout: Path, git: GitCommand) -> Path:
    (checkout / ".git" / "index.lock").touch()
    return checkout


def hooks_and_monitor(checkout: Path, git: GitCommand) -> Path:
    """Programs of the repository, each of which would leave a mark."""
    hooks = checkout.parent / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-commit", "post-checkout", "post-index-change", "reference-transaction", "monitor"):
        (hooks / name).write_text(f'#!/bin/sh\ntouch "{checkout.parent}/ran-{name}"\n')
        (hooks / name).chmod(0o755)
    git(checkout, "config", "core.hooksPath", str(hooks))
    git(checkout, "config", "core.fsmonitor", str(hooks / "monitor"))
    for mark in checkout.parent.glob("ran-*"):
        mark.unlink()
    return checkout


def line_ends_turned(checkout: Path, git: GitCommand) -> Path:
    git(checkout, "config", "core.autocrlf", "true")
    (checkout / ".gitattributes").write_text("*.bin binary\n")
    (checkout / "x.bin").write_bytes(b"\0\r\n\n")
    return checkout


def sparse(checkout: Path, git: GitCommand) -> Path:
    git(checkout, "sparse-checkout", "set", "--no-cone", "/a.txt", "/new file.txt", "/.gitignore")
    assert not (checkout / "src").exists()
    return checkout


def names_that_differ_in_case(checkout: Path, git: GitCommand) -> Path:
    (checkout / "A.TXT").write_text("other\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "two")
    git(checkout, "config", "core.ignoreCase", "true")
    return checkout


def odd_and_long_names(checkout: Path, git: GitCommand) -> Path:
    deep = "/".join(["x" * 240] * 4)
    for name in ("new\nline", os.fsdecode(b"\xff\xfe"), " lead", "quo\"te'", "-dash", "[glob]*", deep + "/leaf"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("odd\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "odd")
    (checkout / deep / "untracked\n").write_text("odd\n")
    return checkout


def _diverge(checkout: Path, git: GitCommand) -> None:
    git(checkout, "checkout", "-qb", "other")
    (checkout / "b.txt").write_text("theirs\n")
    git(checkout, "commit", "-qam", "theirs")
    git(checkout, "checkout", "-q", "main")
    (checkout / "b.txt").write_text("ours\n")
    git(checkout, "commit", "-qam", "ours")


CHECKOUTS = [
    unborn,
    linked,
    linked_to_a_bare_one,
    linked_with_its_own_settings,
    shallow,
    partial,
    merging,
    rebasing,
    bisecting,
    detached,
    sha256,
    index_version_4,
    split_index,
    index_lock_held,
    hooks_and_monitor,
    line_ends_turned,
    sparse,
    names_that_differ_in_case,
    odd_and_long_names,
    odd_folder,
]


@pytest.mark.parametrize("way", [way.name for way in WAYS])
@pytest.mark.parametrize("prepare", CHECKOUTS)
async def test_the_whole_job(
    prepare: Prepare, way: str, checkout: Path, tmp_path: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    root = prepare(checkout, git)
    (root / "new file.txt").write_text("untracked\n")
    status = _state(root, git)
    script = 'test -z "$(git status --porcelain)" || { git status; exit 9; }; echo done >> "$1"; git log -1 >&2'
    if prepare is hooks_and_monitor:
        # What an agent's own git runs is the user's wish; here it is about ours.
        script = 'echo done >> "$1"'
    async with Engine.open(root, state_root=tmp_path / "state") as engine:
        view = await run_plan(engine, make_plan({"a": "a.txt", "n": "new file.txt"}, script, worktrees=way))
        assert view.state is RunState.READY, view.findings
        assert [unit.files for unit in view.units] == [("a.txt",), ("new file.txt",)]
        assert _state(root, git) == status
        plan = await engine.plan_apply(view.id, Disk(engine.repository.root))
        await engine.write(plan)
    assert plan.left == ()
    assert (root / "a.txt").read_text() == "alpha\nbeta\ngamma\ndone\n"
    assert (root / "new file.txt").read_text() == "untracked\ndone\n"
    assert list(checkout.parent.glob("ran-*")) == []
    assert [path.name for path in (tmp_path / "state" / "worktrees").glob("*/*")] == []


def _state(root: Path, git: GitCommand) -> tuple[str, bytes | None, str]:
    """All that a user has in git there. Looking must not run what the repository would have run."""
    quiet = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    git_dir = Path(git(root, *quiet, "rev-parse", "--absolute-git-dir"))
    index = (git_dir / "index").read_bytes() if (git_dir / "index").exists() else None
    return git(root, *quiet, "status", "--porcelain=v2", "--branch"), index, _refs(root, git)


def _refs(root: Path, git: GitCommand) -> str:
    return "\n".join(line for line in git(root, "for-each-ref").splitlines() if "refs/fanout/" not in line)


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


@pytest.mark.parametrize("way", [way.name for way in WAYS])
async def test_what_the_user_does_with_git_meanwhile(
    way: str, checkout: Path, tmp_path: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    """Another branch, a rewritten history, and a clean-up of all that no ref holds, while agents work."""
    started = anyio.Event()

    def hear(event: run_events.Event) -> None:
        if isinstance(event, run_events.AttemptActivity):
            started.set()

    (checkout / "b.txt").write_text("not committed\n")
    go_on = tmp_path / "go-on"
    script = (
        'git commit -q --allow-empty -m mine; echo one >>"$1"; git add -A; echo up;'
        f'while ! test -e "{go_on}"; do sleep 0.05; done;'
        'git status >&2 && git log -2 >&2 && git commit -qam more && echo two >>"$1"'
    )
    async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
        engine.subscribe(hear)
        run = engine.reserve()
        engine.launch(run, make_plan({"a": "a.txt", "b": "b.txt"}, script, worktrees=way), {}, _raise)
        with anyio.fail_after(30):
            await started.wait()
        git(checkout, "stash", "-q")
        git(checkout, "checkout", "-q", "--orphan", "elsewhere")
        git(checkout, "commit", "-q", "-m", "another history")
        git(checkout, "branch", "-D", "main")
        git(checkout, "reflog", "expire", "--expire=now", "--all")
        git(checkout, "gc", "--quiet", "--prune=now")
        go_on.touch()
        view = await engine.wait(run)
    assert view.state is RunState.READY, view.findings
    assert [unit.files for unit in view.units] == [("a.txt",), ("b.txt",)]
    assert git(checkout, "show", f"{view.merged}:b.txt") == "not committed\none\ntwo"
    assert "unit/checkout-touched" in codes(view)
    assert git(checkout, "fsck", "--connectivity-only", "--no-dangling") == ""


async def test_a_repository_of_somebody_else(
    checkout: Path, tmp_path: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    """Only root can give a folder away; git looks at who owns it, whoever we are."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository away")
    _give_away(checkout)
    with pytest.raises(FanoutError, match=r"safe\.directory"):
        async with Engine.open(checkout, state_root=tmp_path / "state"):
            raise AssertionError("not reached")
    git(tmp_path, "config", "--global", "safe.directory", str(checkout))
    async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
        view = await run_plan(engine, make_plan({"a": "a.txt"}, 'git status >&2 && echo x >>"$1"'))
    assert view.state is RunState.READY, view.findings


def _give_away(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)


def _raise(error: FanoutError) -> None:
    raise error
