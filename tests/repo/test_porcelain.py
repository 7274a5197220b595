from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanout_server.repo import changes
from fanout_server.repo.porcelain import BranchNotMade, create_branch
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand


def test_a_branch_is_made_and_nothing_is_checked_out(checkout: Path, git: GitCommand) -> None:
    commit = git(checkout, "commit-tree", "-m", "x", "HEAD^{tree}")
    create_branch(Repository.discover(checkout), "fan/out", commit)
    assert git(checkout, "rev-parse", "fan/out") == commit
    assert git(checkout, "rev-parse", "--abbrev-ref", "HEAD") == "main"


@pytest.mark.parametrize("name", ["main", "a..b", "-f", "with space", ""])
def test_a_name_that_is_taken_or_none_is_told(checkout: Path, git: GitCommand, name: str) -> None:
    before = git(checkout, "for-each-ref")
    with pytest.raises(BranchNotMade, match="Cannot make the branch"):
        create_branch(Repository.discover(checkout), name, git(checkout, "rev-parse", "HEAD"))
    assert git(checkout, "for-each-ref") == before


def test_a_patch_carries_everything(checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    odd = os.fsdecode(b'od d\n"q" \xff')
    (checkout / odd).write_bytes(b"\0binary\xff")
    (checkout / "a.txt").write_bytes(b"no newline at the end")
    (checkout / "b.txt").rename(checkout / "moved.txt")
    (checkout / "moved.txt").chmod(0o755)
    (checkout / "link").symlink_to("a.txt")
    git(checkout, "add", "-A")
    tree = git(checkout, "write-tree")
    patch = changes.patch(Repository.discover(checkout), "HEAD", tree)
    git(checkout, "reset", "-q", "--hard")
    (tmp_path / "it.patch").write_bytes(patch)
    git(checkout, "apply", "--index", str(tmp_path / "it.patch"))
    assert git(checkout, "write-tree") == tree
