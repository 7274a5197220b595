"""Git trusts a fresh checkout from its first look on, and sees whatever is changed there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanout_server.repo import index_states
from fanout_server.repo.settling import settle
from tests.conftest import GitCommand
from tests.repo.conftest import OpenSource

_ODD = os.fsdecode(b"odd \xff\n'name")


@pytest.fixture(params=["sha1", "sha256"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path, git: GitCommand) -> tuple[Path, int]:
    """A checkout all of which is as new as its index, and the size of an oid there."""
    root = tmp_path / "fresh"
    (root / "dir").mkdir(parents=True)
    git(root, "init", "-q", f"--object-format={request.param}")
    for number in range(50):
        (root / f"{number}.txt").write_text(f"{number:02}\n")
    (root / _ODD).write_text("odd\n")
    (root / "dir" / "link").symlink_to("nowhere")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    index = root / ".git" / "index"
    second = int(index.stat().st_mtime)
    for path in [*root.glob("*.txt"), root / _ODD, root / "dir" / "link"]:
        os.utime(path, (second, second), follow_symlinks=False)
    # Its own time is older than what it remembers: git trusts none of it.
    git(root, "update-index", "-q", "--really-refresh")
    os.utime(index, (second, second))
    return root, 20 if request.param == "sha1" else 32


def _racy(index: Path, oid_bytes: int) -> int:
    data = index.read_bytes()
    written = int(index.stat().st_mtime)
    return sum(index_states.modified(data, entry.at) >= written for entry in index_states.entries(data, oid_bytes))


def test_nothing_is_left_to_doubt(fresh: tuple[Path, int], git: GitCommand) -> None:
    root, oid_bytes = fresh
    index = root / ".git" / "index"
    assert _racy(index, oid_bytes) == 52
    settle(root, index, oid_bytes)
    assert _racy(index, oid_bytes) == 0
    git(root, "diff-files", "--quiet")
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "write-tree") == git(root, "rev-parse", "HEAD^{tree}")
    before = index.read_bytes()
    settle(root, index, oid_bytes)
    assert index.read_bytes() == before


def test_a_change_within_the_same_second_is_seen(fresh: tuple[Path, int], git: GitCommand) -> None:
    root, oid_bytes = fresh
    index = root / ".git" / "index"
    second = int(index.stat().st_mtime)
    settle(root, index, oid_bytes)
    (root / "7.txt").write_text("70\n")
    os.utime(root / "7.txt", (second, second))
    assert git(root, "status", "--porcelain") == "M 7.txt"


def test_what_is_not_there_is_passed_over(fresh: tuple[Path, int], git: GitCommand) -> None:
    root, oid_bytes = fresh
    git(root, "sparse-checkout", "set", "--no-cone", "/1*.txt")
    index = root / ".git" / "index"
    settle(root, index, oid_bytes)
    assert git(root, "status", "--porcelain") == ""


def test_a_new_worktree_is_settled(checkout: Path, open_source: OpenSource, git: GitCommand, state: Path) -> None:
    source = open_source(git(checkout, "rev-parse", "HEAD"), by="overlay")
    unit = source.create(state / "worktrees" / "run" / "unit", "test")
    try:
        (index,) = state.rglob("entry/index")
        assert _racy(index, 20) == 0
    finally:
        source.give_back(unit)
