from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fanout_server.repo import refs, snapshot
from fanout_server.repo.fingerprint import differences, fingerprint
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

_Touch = Callable[[Path, GitCommand], object]


@pytest.mark.parametrize(
    ("touch", "said"),
    [
        (lambda root, git: git(root, "checkout", "-q", "--detach"), "HEAD went from ref: refs/heads/main to "),
        (lambda root, git: git(root, "branch", "new"), "refs/heads/new was added"),
        (lambda root, git: git(root, "commit", "-q", "--allow-empty", "-m", "x"), "refs/heads/main was changed"),
        (lambda root, git: git(root, "tag", "-d", "v1"), "refs/tags/v1 was removed"),
        (lambda root, git: git(root, "config", "user.name", "Mallory"), ".git/config was changed"),
        (lambda root, _: (root / ".git" / "hooks" / "pre-commit").write_text("x"), ".git/hooks/pre-commit was added"),
        (lambda root, _: (root / ".git" / "info" / "exclude").write_text("*\n"), ".git/info/exclude was changed"),
        (lambda root, _: (root / ".git" / "info" / "attributes").symlink_to("x"), ".git/info/attributes was added"),
        (lambda root, _: (root / ".git" / "config.worktree").write_text("[a]\n"), ".git/config.worktree was added"),
    ],
)
def test_what_was_touched_is_said(touch: _Touch, said: str, checkout: Path, repo: Repository, git: GitCommand) -> None:
    git(checkout, "tag", "v1")
    before = fingerprint(repo)
    touch(checkout, git)
    told = differences(before, fingerprint(repo))
    assert len(told) == 1
    assert told[0].startswith(said)


def test_a_stash_in_a_worktree_is_seen(checkout: Path, repo: Repository, git: GitCommand, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "-q", "--detach", str(tmp_path / "w"))
    before = fingerprint(repo)
    (tmp_path / "w" / "a.txt").write_text("x")
    git(tmp_path / "w", "stash")
    assert differences(before, fingerprint(repo)) == ("refs/stash was added",)


def test_our_own_work_is_no_difference(checkout: Path, repo: Repository) -> None:
    (checkout / "a.txt").write_text("x")
    before = fingerprint(repo)
    base = snapshot.take(repo, {"b.txt": b"y"}, "base")
    refs.set_ref(repo, refs.base_ref("r"), base.commit)
    assert differences(before, fingerprint(repo)) == ()


def test_a_flood_is_counted(checkout: Path, repo: Repository, git: GitCommand) -> None:
    before = fingerprint(repo)
    head = git(checkout, "rev-parse", "HEAD")
    orders = "".join(f"create refs/heads/b{number:02} {head}\n" for number in range(30))
    git(checkout, "update-ref", "--stdin", stdin=orders.encode())
    told = differences(before, fingerprint(repo))
    assert len(told) == 11
    assert told[-1] == "20 more like these"
