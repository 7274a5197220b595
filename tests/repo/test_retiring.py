"""Pristine checkouts: what they take, and their end when nobody needs them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fanout_server.repo import locking, pristine, retiring, usage
from fanout_server.repo.pristine import Pristine
from fanout_server.repo.repository import Repository
from fanout_server.repo.retiring import Retired
from tests.conftest import GitCommand

_DAYS = 24 * 3600.0


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def make(repo: Repository, state: Path, git: GitCommand) -> Pristine:
    made = Pristine(repo, state)
    made.whole(git(repo.root, "rev-parse", "HEAD^{tree}"))
    return made


def places(state: Path) -> list[Path]:
    return list(pristine.root(state).glob("*/*/used"))


def age(state: Path, days: float) -> None:
    for used in places(state):
        os.utime(used, (time.time() - days * _DAYS,) * 2)


def test_its_size_is_remembered_until_it_changes(repo: Repository, state: Path, git: GitCommand) -> None:
    make(repo, state, git).close()
    first = retiring.size(repo, state)
    assert first.files > 5
    assert first.complete
    (kept,) = pristine.root(state).glob("*/*/at-*/size")
    tree, _, _ = kept.read_text().split()
    kept.write_text(f"{tree} 1000000 1000\n")
    assert retiring.size(repo, state).files > 1000
    (repo.root / "new.txt").write_text("new\n")
    git(repo.root, "add", "-A")
    git(repo.root, "commit", "-qm", "new")
    make(repo, state, git).close()
    assert first.files < retiring.size(repo, state).files < 1000


def test_one_that_was_not_used_for_a_fortnight_goes(repo: Repository, state: Path, git: GitCommand) -> None:
    make(repo, state, git).close()
    age(state, 13)
    assert retiring.retire(repo, state, this_one=False) == ()
    age(state, 15)
    (gone,) = retiring.retire(repo, state, this_one=False)
    assert gone.repository == repo.common_dir
    assert gone.usage.files > 5
    assert not list(pristine.root(state).iterdir())


def test_one_in_use_stays_and_use_is_noted(repo: Repository, state: Path, git: GitCommand) -> None:
    made = make(repo, state, git)
    age(state, 15)
    assert retiring.retire(repo, state, this_one=True) == ()
    made.close()
    assert retiring.retire(repo, state, this_one=False) == ()
    assert len(retiring.retire(repo, state, this_one=True)) == 1


def test_one_whose_repository_is_gone_goes(repo: Repository, state: Path, git: GitCommand, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(repo.root), str(other))
    make(Repository.discover(other), state, git).close()
    make(repo, state, git).close()
    assert retiring.retire(repo, state, this_one=False) == ()
    other.rename(tmp_path / "moved")
    (gone,) = retiring.retire(repo, state, this_one=False)
    assert gone.repository == other / ".git"
    assert len(places(state)) == 1


def test_who_comes_while_it_is_thrown_away_gets_a_new_one(
    repo: Repository, state: Path, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(repo, state, git).close()
    gone: list[Retired] = []
    real = locking.Lock

    def opened(path: Path) -> locking.Lock:
        lock = real(path)
        if path.name == "users" and not gone:
            # The file is open, the lock not yet had.
            monkeypatch.setattr(locking, "Lock", real)
            gone.extend(retiring.retire(repo, state, this_one=True))
        return lock

    monkeypatch.setattr(locking, "Lock", opened)
    made = make(repo, state, git)
    assert len(gone) == 1
    assert retiring.retire(repo, state, this_one=True) == ()
    made.close()
    assert len(retiring.retire(repo, state, this_one=True)) == 1


def test_half_made_ones_are_reaped_unless_somebody_makes_them(repo: Repository, state: Path, git: GitCommand) -> None:
    made = make(repo, state, git)
    (place,) = (path.parent for path in places(state))
    (place / "at-dead" / "tree").mkdir(parents=True)
    (place / "own" / "layer").mkdir(parents=True)
    with made._changing():
        assert retiring.reap(repo, state) == usage.NOTHING
    assert retiring.reap(repo, state).files == 2
    assert not (place / "at-dead").exists()
    assert (place / "own" / "layer").exists()
    made.close()
    assert retiring.reap(repo, state).files == 1
    assert not (place / "own" / "layer").exists()
