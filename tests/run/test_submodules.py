"""Submodules are in every worktree as the user has them: their files, on the recorded commit, and git works in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.model import RunState
from fanout_server.repo import worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Wanted
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, codes, run_plan

pytestmark = pytest.mark.anyio

WAYS = ["overlay", "plain"]
Nested = Callable[[], Path]


@pytest.fixture
def nested(checkout: Path, tmp_path: Path, git: GitCommand) -> Path:
    """The checkout with a submodule ``libs/outer`` that has one itself, ``inner``; and one that is not initialised."""
    for name in ("inner", "outer", "absent"):
        root = tmp_path / name
        root.mkdir()
        git(root, "init", "-q")
        (root / f"{name}.txt").write_text(f"{name}\n")
        if name == "outer":
            git(
                root,
                "-c",
                "protocol.file.allow=always",
                "submodule",
                "--quiet",
                "add",
                str(tmp_path / "inner"),
                "inner",
            )
        git(root, "add", "-A")
        git(root, "commit", "-qm", name)
    allow = ("-c", "protocol.file.allow=always")
    git(checkout, *allow, "submodule", "--quiet", "add", str(tmp_path / "outer"), "libs/outer")
    git(checkout, *allow, "submodule", "--quiet", "add", str(tmp_path / "absent"), "absent")
    git(checkout, *allow, "submodule", "--quiet", "update", "--init", "--recursive")
    git(checkout, "submodule", "--quiet", "deinit", "-f", "absent")
    git(checkout, "commit", "-qm", "submodules")
    return checkout


@pytest.mark.parametrize("way", WAYS)
async def test_a_unit_reads_and_builds_with_them(
    way: str, nested: Path, tmp_path: Path, make_plan: PlanMaker, git: GitCommand
) -> None:
    before = git(nested, "status", "--porcelain=v2", "--branch"), git(nested / "libs/outer", "rev-parse", "HEAD")
    script = (
        'set -e; test -z "$(git status --porcelain)"; git submodule status >&2; ls absent;'
        'cat libs/outer/outer.txt libs/outer/inner/inner.txt >>"$1";'
        'git -C libs/outer log --format=%s >>"$1"; git -C libs/outer/inner rev-parse --show-prefix;'
        "echo changed >>libs/outer/outer.txt; git -C libs/outer commit -qam inside"
    )
    async with Engine.open(nested, state_root=tmp_path / "state") as engine:
        view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, script, worktrees=way))
        assert view.state is RunState.READY, view.findings
        assert git(nested, "show", f"{view.merged}:b.txt") == "one\ntwo\nthree\nouter\ninner\nouter"
        assert [unit.files for unit in view.units] == [("a.txt",), ("b.txt",)]
    assert (
        git(nested, "status", "--porcelain=v2", "--branch"),
        git(nested / "libs/outer", "rev-parse", "HEAD"),
    ) == before
    for where in (nested, nested / "libs/outer", nested / "libs/outer/inner"):
        assert len(git(where, "worktree", "list").splitlines()) == 1


async def test_the_users_own_checkout_of_one_is_not_led_away(
    nested: Path, tmp_path: Path, make_plan: PlanMaker, git: GitCommand
) -> None:
    """``git submodule update`` writes the place of the work tree into settings that all work trees share."""
    before = git(nested / "libs/outer", "rev-parse", "--show-toplevel")
    script = 'git submodule update --init libs/outer >&2; git submodule sync >&2; echo x >>"$1"'
    async with Engine.open(nested, state_root=tmp_path / "state") as engine:
        view = await run_plan(engine, make_plan({"a": "a.txt"}, script))
    assert view.state is RunState.READY, view.findings
    assert git(nested / "libs/outer", "rev-parse", "--show-toplevel") == before
    assert git(nested, "status", "--porcelain") == ""


async def test_one_without_the_recorded_commit_is_said(
    nested: Path, tmp_path: Path, make_plan: PlanMaker, git: GitCommand
) -> None:
    blob = git(nested, "hash-object", "-w", "--stdin", stdin=b"x")
    assert blob
    git(nested, "update-index", "--cacheinfo", f"160000,{'1' * 40},libs/outer")
    async with Engine.open(nested, state_root=tmp_path / "state") as engine:
        view = await run_plan(engine, make_plan({"a": "a.txt"}, 'ls libs/outer >>"$1"; echo x >>"$1"'))
    assert view.state is RunState.READY, view.findings
    assert "base/submodule-empty" in codes(view)


@pytest.mark.parametrize("way", WAYS)
async def test_what_a_crash_leaves_is_reaped(way: str, nested: Path, tmp_path: Path, git: GitCommand) -> None:
    repo = Repository.discover(nested)
    head = repo.head()
    assert head is not None
    runs = tmp_path / "state" / "worktrees" / "run"
    runs.mkdir(parents=True)
    made = open_source(repo, tmp_path / "state", head, Wanted(), way).create(runs / "u-1", "fanout")
    assert len(git(nested / "libs/outer/inner", "worktree", "list").splitlines()) == 2
    assert worktrees.reap(repo, runs) == (made.path,)
    for where in (nested, nested / "libs/outer", nested / "libs/outer/inner"):
        assert len(git(where, "worktree", "list").splitlines()) == 1
