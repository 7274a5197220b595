"""Refs as they are read from their files are those that git tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import ref_files, refs, snapshot
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

_Touch = Callable[[Path, GitCommand], object]


def _by_git(repo: Repository) -> dict[str, str]:
    return dict(ref_files._told(repo))


def _bisected(root: Path, git: GitCommand) -> None:
    git(root, "update-ref", "refs/bisect/bad", "HEAD")


def _half_packed(root: Path, git: GitCommand) -> None:
    git(root, "branch", "packed")
    git(root, "tag", "-a", "-m", "x", "v2")
    git(root, "pack-refs", "--all")
    git(root, "commit", "-q", "--allow-empty", "-m", "newer than what is packed")
    git(root, "branch", "-D", "packed")


@pytest.mark.parametrize(
    "touch",
    [
        lambda root, git: git(root, "branch", "a/deep/one"),
        lambda root, git: git(root, "branch", "grün"),
        lambda root, git: git(root, "tag", "-a", "-m", "x", "v2"),
        lambda root, git: git(root, "symbolic-ref", "refs/heads/link", "refs/heads/main"),
        lambda root, git: (root / ".git" / "refs" / "heads" / "main.lock").write_text("x"),
        lambda root, git: os.mkfifo(root / ".git" / "refs" / "heads" / "fifo"),
        lambda root, git: git(root, "pack-refs", "--all"),
        _bisected,
        _half_packed,
    ],
)
def test_the_same_as_git(touch: _Touch, checkout: Path, repo: Repository, git: GitCommand) -> None:
    base = snapshot.take(repo, {"b.txt": b"y"}, "base")
    refs.set_ref(repo, refs.base_ref("r"), base.commit)
    assert ref_files.others(repo) == _by_git(repo)
    touch(checkout, git)
    if (checkout / ".git" / "refs" / "heads" / "fifo").exists():
        # git itself would wait for somebody to write into it.
        assert ref_files.others(repo).keys() == {"refs/heads/main"}
        return
    assert ref_files.others(repo) == _by_git(repo)
    git(checkout, "pack-refs", "--all")
    assert ref_files.others(repo) == _by_git(repo)


def test_in_a_worktree(checkout: Path, git: GitCommand, tmp_path: Path) -> None:
    """Some refs are its own."""
    git(checkout, "worktree", "add", "-q", "--detach", str(tmp_path / "w"))
    _bisected(checkout, git)
    git(tmp_path / "w", "update-ref", "refs/worktree/mine", "HEAD")
    repo = Repository.discover(tmp_path / "w")
    told = ref_files.others(repo)
    assert "refs/worktree/mine" in told
    assert {name: oid for name, oid in told.items() if not name.startswith("refs/bisect/")} == _by_git(repo)


def test_very_many_are_told_by_git(
    checkout: Path, repo: Repository, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ref_files, "_MOST_FILES", 3)
    for number in range(5):
        git(checkout, "branch", f"b{number}")
    assert ref_files._loose(repo) is None
    assert len(ref_files.others(repo)) == 6


_NAMES = st.sampled_from(["refs/heads/a", "refs/heads/b", "refs/tags/c/d", "refs/notes/e"])
_STEPS = st.lists(
    st.one_of(st.tuples(st.just("set"), _NAMES), st.tuples(st.just("delete"), _NAMES), st.just(("pack", "")))
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_whatever_was_done(steps: list[tuple[str, str]], checkout: Path, repo: Repository, git: GitCommand) -> None:
    for what, name in steps:
        if what == "pack":
            git(checkout, "pack-refs", "--all", "--prune")
        elif what == "set":
            git(checkout, "commit", "-q", "--allow-empty", "-m", "x")
            git(checkout, "update-ref", name, "HEAD")
        else:
            git(checkout, "update-ref", "-d", name)
        assert ref_files.others(repo) == _by_git(repo)
