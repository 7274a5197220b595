"""A base lives, whatever clean-up runs beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.repo import commits, refs, snapshot
from fanout_server.repo.errors import GitFailed, NotKept
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

_REF = refs.base_ref("r1")


@pytest.fixture
def dirty(checkout: Path, git: GitCommand) -> Path:
    (checkout / "a.txt").write_text("edited\n")
    (checkout / "src" / "deep" / "er").mkdir(parents=True)
    (checkout / "src" / "deep" / "er" / "new").write_text("new\n")
    (checkout / "b.txt").write_text("staged\n")
    git(checkout, "add", "b.txt")
    return checkout


def _prune(monkeypatch: pytest.MonkeyPatch, git: GitCommand, root: Path, times: int, where: str) -> list[str]:
    """Has somebody clean up at that point of ``take``, so many times; what was run."""
    done: list[str] = []
    original: Callable[..., object] = getattr(refs if where != "commit" else commits, _FUNCTIONS[where])

    def clean_up() -> None:
        if len(done) < times:
            git(root, "gc", "-q", "--prune=now")
            done.append(where)

    def run(*args: object) -> object:
        if where == "after the ref":
            result = original(*args)
            clean_up()
            return result
        clean_up()
        return original(*args)

    monkeypatch.setattr(refs if where != "commit" else commits, _FUNCTIONS[where], run)
    return done


_FUNCTIONS = {"before the ref": "set_ref", "after the ref": "set_ref", "commit": "create"}


@pytest.mark.parametrize("where", _FUNCTIONS)
def test_somebody_cleans_up_while_it_is_made(
    where: str, dirty: Path, repo: Repository, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _prune(monkeypatch, git, dirty, 1, where)
    taken = snapshot.take(repo, {"unsaved.txt": b"unsaved\n"}, "base", ref=_REF)
    assert done == [where]
    assert git(dirty, "rev-parse", _REF) == taken.commit
    git(dirty, "gc", "-q", "--prune=now")
    git(dirty, "fsck", "--full", "--strict")
    told = git(dirty, "ls-tree", "-r", "--name-only", taken.commit).split("\n")
    assert {"a.txt", "unsaved.txt", "src/deep/er/new"} <= {*told}
    assert git(dirty, "cat-file", "blob", f"{taken.commit}:unsaved.txt") == "unsaved"


@pytest.mark.parametrize("where", ["before the ref", "commit"])
def test_somebody_who_never_stops_is_named(
    where: str, dirty: Path, repo: Repository, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _prune(monkeypatch, git, dirty, 99, where)
    with pytest.raises(NotKept, match=r"made 3 times.*git gc"):
        snapshot.take(repo, {"unsaved.txt": b"unsaved\n"}, "base", ref=_REF)
    assert len(done) == 3
    assert git(dirty, "for-each-ref", "refs/fanout") == ""


def test_what_was_in_a_pack_is_not_taken_to_be_there_still(
    dirty: Path, repo: Repository, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot.take(repo, {}, "base", ref=_REF)
    git(dirty, "gc", "-q", "--prune=now")
    refs.delete_ref(repo, _REF)
    done = _prune(monkeypatch, git, dirty, 1, "before the ref")
    taken = snapshot.take(repo, {}, "base", ref=_REF)
    assert done == ["before the ref"]
    git(dirty, "fsck", "--full", "--strict")
    assert git(dirty, "cat-file", "blob", f"{taken.commit}:src/deep/er/new") == "new"


def test_no_ref_to_a_broken_base_is_left(
    dirty: Path, repo: Repository, git: GitCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever deletes objects by hand asks no ref."""
    set_ref = refs.set_ref

    def lose(repository: Repository, ref: str, commit: str) -> None:
        set_ref(repository, ref, commit)
        oid = git(dirty, "rev-parse", f"{commit}:a.txt")
        (dirty / ".git" / "objects" / oid[:2] / oid[2:]).unlink()

    monkeypatch.setattr(refs, "set_ref", lose)
    with pytest.raises(NotKept):
        snapshot.take(repo, {}, "base", ref=_REF)
    assert git(dirty, "for-each-ref", "refs/fanout") == ""
    git(dirty, "gc", "-q", "--prune=now")


def test_what_else_goes_wrong_with_the_ref_is_not_tried_again(
    dirty: Path, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def fail(_: Repository, ref: str, __: str) -> None:
        tries.append(ref)
        raise GitFailed("no", (), 1, b"")

    monkeypatch.setattr(refs, "set_ref", fail)
    with pytest.raises(GitFailed):
        snapshot.take(repo, {}, "base", ref=_REF)
    assert tries == [_REF]
