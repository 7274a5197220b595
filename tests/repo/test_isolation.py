"""Units do one another no harm, nor the user; and what the user does with git meanwhile does the units none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.repo import collect, pristine, snapshot, worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import Source
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.conftest import Enter, OpenSource
from tests.repo.inside import shell

Look = Callable[[Path], dict[str, str]]


@pytest.fixture
def place(state: Path) -> Path:
    return state / "worktrees" / "run"


@pytest.fixture
def source(repo: Repository, open_source: OpenSource) -> Source:
    return open_source(snapshot.take(repo, {"b.txt": b"unsaved\n"}, "base").commit)


@pytest.fixture
def pair(source: Source, place: Path) -> tuple[Worktree, Worktree]:
    return source.create(place / "one", "fanout"), source.create(place / "two", "fanout")


def _files(root: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for parent, _, names in os.walk(root):
        for name in names:
            path = Path(parent, name)
            status = path.lstat()
            found[str(path)] = status.st_mode, status.st_mtime_ns, path.read_bytes() if path.is_file() else b""
    return found


def test_writes_stay_in_the_worktree(
    repo: Repository, pair: tuple[Worktree, Worktree], checkout: Path, everything: Look
) -> None:
    one, two = pair
    before = everything(checkout)
    shell(one, "echo x >>a.txt; : >src/one.py; rm -r src; chmod 600 b.txt; echo new >new")
    assert shell(two, "cat a.txt b.txt src/one.py; git status --porcelain") == (
        b"alpha\nbeta\ngamma\nunsaved\ndef one():\n    return 1\n"
    )
    assert collect.collect(repo, two, "r") == collect.Collected(None)
    assert everything(checkout) == before


def test_an_index_that_is_written_in_place_is_that_of_one_worktree(pair: tuple[Worktree, Worktree]) -> None:
    one, two = pair
    shell(one, 'index="$(git rev-parse --git-path index)"; printf junk | dd of="$index" bs=1 seek=8 conv=notrunc')
    assert shell(one, "git status >out 2>&1 || echo broken; rm out") == b"broken\n"
    assert shell(two, "git status --porcelain") == b""
    shell(one, 'rm "$(git rev-parse --git-path index)"; git reset -q; git add -A; git commit -q --allow-empty -m x')
    assert shell(two, "git status --porcelain; git log --format=%s -1") == b"base\n"


def test_the_places_of_others_are_not_to_be_seen(
    repo: Repository, pair: tuple[Worktree, Worktree], state: Path, source: Source
) -> None:
    """Only where a worktree has a space of its own; the other ways rely on agents that stay where they are put."""
    one, two = pair
    if one.layers is None or two.layers is None:
        assert one.space is None
        return
    ground, theirs = pristine.root(state), worktrees.layers_of(two.path)
    before = _files(ground), _files(theirs)
    assert before[0]
    for folder in (ground, theirs.parent, two.path):
        assert shell(one, 'find "$1" -mindepth 1 2>/dev/null || true', str(folder)) == b""
    victims = [two.path / "a.txt", two.layers.upper / "a.txt", *(lower / "a.txt" for lower in two.layers.lowers)]
    for victim in (*victims, two.layers.entry / "index"):
        shell(one, 'mkdir -p "$(dirname "$1")" && echo harm >>"$1"; rm -rf "$(dirname "$1")"', str(victim))
    assert (_files(ground), _files(theirs)) == before
    assert shell(two, "cat a.txt; git status --porcelain") == b"alpha\nbeta\ngamma\n"
    assert collect.collect(repo, two, "r").commit is None
    fresh = source.create(one.path.with_name("three"), "fanout")
    assert shell(fresh, "git status --porcelain") == b""


_CHORES = [
    ("worktree", "list", "--porcelain"),
    ("worktree", "prune", "--expire=now", "-v"),
    ("gc", "--quiet", "--prune=now"),
    ("fsck", "--strict"),
    ("repack", "-adq"),
    ("prune", "--expire=now"),
    ("pack-refs", "--all"),
    ("reflog", "expire", "--expire=now", "--all"),
    ("maintenance", "run", "--quiet"),
    ("status",),
]


def test_the_users_own_chores_harm_no_unit(
    repo: Repository, source: Source, pair: tuple[Worktree, Worktree], checkout: Path, git: GitCommand, enter: Enter
) -> None:
    one, two = pair
    # The base is held by a ref, as the engine does it; what a unit staged or committed is held by its entry.
    repo.git("update-ref", "refs/fanout/run/base", source.base)
    shell(
        one, "echo staged >staged; git add staged; echo committed >c; git add c; git commit -qm c; echo s >s; git add s"
    )
    agent = enter(two)
    (agent.at / "a.txt").write_text("before\n")
    # Both entries as they stand in the middle of work: one with an index of its own, the other with none.
    for chore in _CHORES:
        git(checkout, *chore)
    agent.git("add", "-A")
    assert agent.git("status", "--porcelain") == "M  a.txt"
    assert agent.git("fsck", "--no-dangling") == ""
    assert shell(one, "git log --format=%s; git show :s; git status --porcelain; git fsck --no-dangling") == (
        b"c\nbase\nfirst\ns\nA  s\n"
    )
    assert {change.path for change in collect.collect(repo, one, "r").changes} == {"staged", "c", "s"}
    assert {change.path for change in collect.collect(repo, two, "r").changes} == {"a.txt"}
    for made in pair:
        assert worktrees.intact(repo, made) is None


def test_an_agent_that_deleted_its_index_does_not_break_the_users_git(
    repo: Repository, pair: tuple[Worktree, Worktree], checkout: Path, git: GitCommand
) -> None:
    shell(pair[0], 'rm "$(git rev-parse --git-path index)"; echo x >>a.txt')
    assert worktrees.intact(repo, pair[0]) is None
    assert [change.path for change in collect.collect(repo, pair[0], "r").changes] == ["a.txt"]
    for chore in _CHORES:
        git(checkout, *chore)


def test_the_users_checkout_is_the_same_to_the_byte_afterwards(
    repo: Repository, source: Source, pair: tuple[Worktree, Worktree], checkout: Path, git: GitCommand, everything: Look
) -> None:
    git(checkout, "config", "extensions.worktreeConfig", "true")
    (checkout / "a.txt").write_text("edited\n")
    git(checkout, "add", "a.txt")
    (checkout / "a.txt").write_text("edited again\n")
    before = everything(checkout)
    shell(pair[0], "rm -r src; echo x >>a.txt; git add -A; git commit -qm x; git checkout -q HEAD~; git worktree list")
    for made in pair:
        collect.collect(repo, made, "r")
        source.give_back(made)
    assert everything(checkout) == before
