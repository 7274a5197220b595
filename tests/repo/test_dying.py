"""Killed between any two steps, nothing of a worktree is left once it is reaped, and the next one is as good as new."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fanout_server.repo import deleting, objects, worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source as open_by_way
from fanout_server.repo.sourcing import Wanted
from tests.repo.conftest import OpenSource
from tests.repo.inside import shell

# What a process does to the world outside; Python tells of each before it happens.
_STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.utime", "subprocess.Popen"}


def _is_step(event: str, args: tuple[Any, ...]) -> bool:
    return event in _STEPS or (
        event == "open" and isinstance(args[2], int) and bool(args[2] & (os.O_WRONLY | os.O_RDWR))
    )


def _killed_at(number: int, work: Callable[[], object]) -> bool:
    """Works in a process of its own that is killed before its ``number``-th step; whether it got that far."""
    pid = os.fork()
    if pid == 0:
        count = 0

        def hook(event: str, args: tuple[Any, ...]) -> None:
            nonlocal count
            if _is_step(event, args):
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            work()
        finally:
            os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0


def _remains(repo: Repository, place: Path) -> list[str]:
    folders = [place, place / ".layers", *(repo.state_dir / name for name in ("worktrees", "works"))]
    found = [
        path for folder in (*folders, repo.common_dir / "worktrees") if folder.is_dir() for path in folder.iterdir()
    ]
    return [str(path) for path in found if path.name not in {".layers", ".trash"}]


def test_while_a_worktree_is_made_and_taken_away(repo: Repository, state: Path, open_source: OpenSource) -> None:
    head = repo.head()
    assert head is not None
    source = open_source(head, Wanted(copy=(".env",)))
    place = state / "worktrees" / "run"

    def whole_life() -> None:
        worktree = source.create(place / "u", "fanout")
        shell(worktree, "echo x >x; rm -r src; git add -A")
        source.give_back(worktree)

    number = 1
    while _killed_at(number, whole_life):
        worktrees.reap(repo, place)
        deleting.empty(place / ".trash", worktrees.trash(repo))
        assert _remains(repo, place) == [], number
        number += 1
    assert number > 15
    assert str(state) not in Path("/proc/self/mountinfo").read_text()
    worktree = source.create(place / "u", "fanout")
    assert shell(worktree, "git status --porcelain; cat a.txt") == b"alpha\nbeta\ngamma\n"


def test_while_a_worktree_is_reaped(repo: Repository, state: Path, open_source: OpenSource) -> None:
    head = repo.head()
    assert head is not None
    source = open_source(head)
    place = state / "worktrees" / "run"
    number = 1
    while True:
        (source.create(place / "u", "fanout").written / "new").mkdir()
        killed = _killed_at(number, lambda: worktrees.reap(repo, place))
        worktrees.reap(repo, place)
        assert _remains(repo, place) == [], number
        if not killed:
            break
        number += 1
    assert number > 5


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_while_the_ground_is_laid(first: bool, repo: Repository, state: Path, way: str, checkout: Path) -> None:
    head = repo.head()
    assert head is not None
    place = state / "worktrees" / "run"
    if not first:
        open_by_way(repo, state, head, Wanted(), way).close()
        (checkout / "a.txt").write_text("new\n")
        (checkout / "new").write_text("new\n")
        repo.git("add", "-A")
        repo.git("commit", "-qm", "next")
        head = repo.head()
        assert head is not None
    base = head
    (checkout / ".env").write_text("secret\n")
    number = 1
    while _killed_at(number, lambda: open_by_way(repo, state, base, Wanted(copy=(".env",)), way).close()):
        source = open_by_way(repo, state, base, Wanted(copy=(".env",)), way)
        worktree = source.create(place / "u", "fanout")
        assert shell(worktree, "git status --porcelain; cat .env a.txt").decode() == (
            f"secret\n{repo.git('show', f'{base}:a.txt').out.decode()}"
        )
        source.give_back(worktree)
        source.close()
        # Some steps on, so that there is something left to do: what was made is not made again.
        number += 3
    assert objects.of(repo).has(base)
