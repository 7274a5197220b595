"""Files in Git LFS, with the real git-lfs: worktrees have what the user has, results go where LFS keeps things."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fanout_server.repo import collect, snapshot
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Wanted
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.working import work_in

WAYS = ["overlay", "plain"]
BIG = b"\x00\x01binary\r\n" * 5000
POINTER = b"version https://git-lfs.github.com/spec/v1\n"


@pytest.fixture
def tracked(checkout: Path, git: GitCommand) -> Path:
    """The checkout with ``big.bin`` in LFS, whose server is nowhere."""
    assert shutil.which("git-lfs"), "These tests need git-lfs. On Debian: apt-get install git-lfs"
    git(checkout, "lfs", "install", "--local", "--skip-repo")
    git(checkout, "config", "lfs.url", "http://127.0.0.1:9/none")
    git(checkout, "lfs", "track", "*.bin")
    (checkout / "big.bin").write_bytes(BIG)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "large")
    return checkout


def _made(root: Path, tmp_path: Path, way: str) -> tuple[Repository, Worktree]:
    repo = Repository.discover(root)
    base = snapshot.take(repo, {}, "base").commit
    runs = tmp_path / "runs"
    runs.mkdir()
    return repo, open_source(repo, tmp_path / "state", base, Wanted(), way).create(runs / "u-1", "fanout")


@pytest.mark.parametrize("way", WAYS)
def test_the_content_is_there_and_a_new_one_is_stored(way: str, tracked: Path, tmp_path: Path, git: GitCommand) -> None:
    repo, worktree = _made(tracked, tmp_path, way)
    script = 'cmp big.bin "$0" && test -z "$(git status --porcelain)" && cp big.bin new.bin && echo more >>new.bin'
    work_in(worktree, script, str(tracked / "big.bin"))
    collected = collect.collect(repo, worktree, "result")
    assert [change.path for change in collected.changes] == ["new.bin"]
    stored = git(tracked, "cat-file", "blob", f"{collected.commit}:new.bin")
    assert stored.startswith(POINTER.decode())
    git(tracked, "checkout", "-q", str(collected.commit))
    assert (tracked / "new.bin").read_bytes() == BIG + b"more\n"


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_at_hand_stays_a_pointer(way: str, tracked: Path, tmp_path: Path, git: GitCommand) -> None:
    pointer = git(tracked, "cat-file", "blob", "HEAD:big.bin").encode() + b"\n"
    shutil.rmtree(tracked / ".git" / "lfs" / "objects")
    (tracked / "big.bin").write_bytes(pointer)
    repo, worktree = _made(tracked, tmp_path, way)
    work_in(worktree, 'head -n 1 big.bin >seen.txt; test -z "$(git status --porcelain -uno)"')
    collected = collect.collect(repo, worktree, "result")
    assert [change.path for change in collected.changes] == ["seen.txt"]
    assert git(tracked, "cat-file", "blob", f"{collected.commit}:seen.txt").encode() + b"\n" == POINTER
