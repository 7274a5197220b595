from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fanout_server.repo import refs
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand


def test_names() -> None:
    assert refs.base_ref("r") == "refs/fanout/r/base"
    assert refs.unit_ref("r", "u") == "refs/fanout/r/units/u"
    assert refs.merged_ref("r") == "refs/fanout/r/merged"
    assert refs.applied_ref("r") == "refs/fanout/r/applied"


def test_set_read_and_delete(repo: Repository, checkout: Path, git: GitCommand) -> None:
    head = repo.head()
    assert head is not None
    for name in (
        refs.base_ref("r1"),
        refs.unit_ref("r1", "u"),
        f"{refs.applied_ref('r1')}/{head}",
        refs.base_ref("r10"),
    ):
        refs.set_ref(repo, name, head)
    git(checkout, "pack-refs", "--all")
    refs.set_ref(repo, refs.merged_ref("r1"), head)
    assert refs.runs(repo) == ("r1", "r10")
    assert refs.read_ref(repo, refs.base_ref("r1")) == head
    refs.delete_run(repo, "r1")
    assert refs.runs(repo) == ("r10",)
    assert refs.read_ref(repo, refs.base_ref("r1")) is None
    refs.delete_run(repo, "r1")
    assert git(checkout, "for-each-ref", "--format=%(refname)") == "refs/fanout/r10/base\nrefs/heads/main"


def test_only_our_refs_are_written(repo: Repository) -> None:
    with pytest.raises(ValueError, match="refs/heads/main"):
        refs.set_ref(repo, "refs/heads/main", "HEAD")


def test_a_commit_that_is_not_there(repo: Repository) -> None:
    with pytest.raises(GitFailed):
        refs.set_ref(repo, refs.base_ref("r"), "1" * 40)


def test_no_reflog_even_where_the_user_wants_all(repo: Repository, checkout: Path, git: GitCommand) -> None:
    git(checkout, "config", "core.logAllRefUpdates", "always")
    refs.set_ref(repo, refs.base_ref("r"), "HEAD")
    assert not (repo.git_dir / "logs" / "refs" / "fanout").exists()


def test_many_at_the_same_moment(repo: Repository) -> None:
    head = repo.head()
    assert head is not None
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: refs.set_ref(repo, refs.unit_ref("r", f"u{number}"), head), range(64)))
        found = list(pool.map(lambda number: refs.read_ref(repo, refs.unit_ref("r", f"u{number}")), range(64)))
        assert found == [head] * 64
        for number in range(16):
            refs.set_ref(repo, refs.base_ref(f"r{number}"), head)
        list(pool.map(lambda number: refs.delete_run(repo, f"r{number}"), range(16)))
    assert refs.runs(repo) == ("r",)
