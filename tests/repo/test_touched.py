"""Which files commits changed together: names of any bytes, merges, nothing, too much."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fanout_server.repo import touched as module
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.touched import touched
from tests.conftest import GitCommand


@pytest.fixture
def repo(tmp_path: Path, git: GitCommand) -> Repository:
    root = tmp_path / "history"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "a b\n.txt").write_text("1")
    (root / os.fsdecode(b"\xff")).write_text("1")
    git(root, "add", ".")
    git(root, "commit", "-qm", "one\n\nmore")
    (root / "c").write_text("1")
    (root / "a b\n.txt").write_text("2")
    git(root, "add", ".")
    git(root, "commit", "-qm", "two")
    git(root, "commit", "-q", "--allow-empty", "-m", "three")
    return Repository.discover(root)


def test_the_newest_commits_first_with_all_names(repo: Repository) -> None:
    assert touched(repo, str(repo.head())) == (
        (),
        ("a b\n.txt", "c"),
        ("a b\n.txt", os.fsdecode(b"\xff")),
    )


def test_merges_are_left_out_and_only_so_many_are_looked_at(
    repo: Repository, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repo.root, "checkout", "-qb", "other", "HEAD~1")
    (repo.root / "d").write_text("1")
    git(repo.root, "add", ".")
    git(repo.root, "commit", "-qm", "four")
    git(repo.root, "merge", "-q", "--no-ff", "-m", "five", "main")
    assert ("d",) in touched(repo, str(repo.head()))
    assert len(touched(repo, str(repo.head()))) == 4
    monkeypatch.setattr(module, "MOST_COMMITS", 1)
    assert len(touched(repo, str(repo.head()))) == 1


def test_a_shallow_clone_and_no_history_at_all(repo: Repository, tmp_path: Path, git: GitCommand) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repo.root}", "shallow")
    shallow = Repository.discover(tmp_path / "shallow")
    assert touched(shallow, str(shallow.head())) == (("a b\n.txt", "c", os.fsdecode(b"\xff")),)
    with pytest.raises(GitFailed):
        touched(repo, "0" * 40)
