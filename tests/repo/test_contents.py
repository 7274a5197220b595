"""What a commit holds, and what a snapshot of the checkout would: the same digests for the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanout_server.repo import seen, snapshot
from fanout_server.repo.contents import OfCheckout, OfCommit
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

PATHS = ("", "a.txt", "b.txt", "src", "src/one.py", "new", "new/one", "odd\nname", "nowhere", "link", "src/deep")


def change(checkout: Path, git: GitCommand) -> None:
    (checkout / "a.txt").write_text("changed\n")
    (checkout / "src/one.py").chmod(0o755)
    (checkout / "new").mkdir()
    (checkout / "new/one").write_bytes(b"\0\xff")
    (checkout / "odd\nname").write_text("x")
    (checkout / "link").symlink_to("a.txt")
    (checkout / "src/deep").mkdir()
    (checkout / "src/deep/staged").write_text("x")
    git(checkout, "add", "src/deep/staged")
    (checkout / "src/deep.py").write_text("sorts before the folder, in git's order")


def replace(checkout: Path, git: GitCommand) -> None:
    """A file that becomes a folder, one that goes, and one that is staged and goes on."""
    git(checkout, "rm", "-q", "--cached", "b.txt")
    (checkout / "a.txt").unlink()
    (checkout / "a.txt").mkdir()
    (checkout / "a.txt/inner").write_text("x")
    (checkout / "src/one.py").write_text("staged\n")
    git(checkout, "add", "src/one.py")
    (checkout / "src/one.py").write_text("and more\n")


@pytest.mark.parametrize("work", [lambda checkout, git: None, change, replace], ids=["clean", "dirty", "replaced"])
def test_the_checkout_is_read_as_a_snapshot_takes_it(
    repo: Repository, checkout: Path, git: GitCommand, work: object
) -> None:
    assert callable(work)
    work(checkout, git)
    taken = OfCommit(repo, snapshot.take(repo, {}, "base").commit)
    now = OfCheckout(repo, seen.look(repo), lambda path: None)
    for path in (*PATHS, "a.txt/inner"):
        assert now.digest(path) == taken.digest(path), path
        assert now.at(path)[0] == taken.at(path)[0], path


def test_what_is_typed_counts_before_the_file(repo: Repository, checkout: Path) -> None:
    (checkout / "a.txt").write_text("on disk\n")
    typed = {"a.txt": b"typed\n", "src/unsaved.py": b"new\n"}
    taken = OfCommit(repo, snapshot.take(repo, typed, "base").commit)
    now = OfCheckout(repo, seen.look(repo), typed.get)
    for path in ("a.txt", "src/unsaved.py", "b.txt"):
        assert now.digest(path) == taken.digest(path), path


def test_every_difference_is_another_digest(repo: Repository, checkout: Path, git: GitCommand) -> None:
    first = OfCommit(repo, "HEAD")
    before = [first.digest(path) for path in ("", "src", "src/one.py")]
    (checkout / "src/one.py").chmod(0o755)
    git(checkout, "commit", "-qam", "mode")
    second = OfCommit(repo, "HEAD")
    after = [second.digest(path) for path in ("", "src", "src/one.py")]
    assert all(one != two for one, two in zip(before, after, strict=True))
    assert second.digest("a.txt") == first.digest("a.txt")
    assert first.digest("nowhere") == second.digest("nowhere") == "nothing"
