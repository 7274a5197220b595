from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fanout_server.repo import git as git_command
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


@pytest.fixture
def no_update(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """The git commands that wrote a ref."""
    asked: list[tuple[object, ...]] = []
    run = git_command.run

    def noted(cwd: Path, *args: str, **rest: object) -> git_command.Completed:
        if "update-ref" in args:
            asked.append(args)
        return run(cwd, *args, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(git_command, "run", noted)
    return asked


def test_a_new_ref_needs_no_process(repo: Repository, git: GitCommand, no_update: list[tuple[object, ...]]) -> None:
    head = repo.head()
    assert head is not None
    refs.set_ref(repo, refs.unit_ref("r", "u"), head)
    assert no_update == []
    assert git(repo.root, "rev-parse", refs.unit_ref("r", "u")) == head
    assert not list(repo.state_dir.glob("ref-*"))
    git(repo.root, "commit", "-q", "--allow-empty", "-m", "next")
    second = git(repo.root, "rev-parse", "HEAD")
    refs.set_ref(repo, refs.unit_ref("r", "u"), second)
    assert len(no_update) == 1
    assert refs.read_ref(repo, refs.unit_ref("r", "u")) == second


def test_a_packed_ref_is_written_over(repo: Repository, git: GitCommand) -> None:
    first = git(repo.root, "rev-parse", "HEAD")
    refs.set_ref(repo, refs.unit_ref("r", "u"), first)
    git(repo.root, "pack-refs", "--all")
    git(repo.root, "commit", "-q", "--allow-empty", "-m", "next")
    second = git(repo.root, "rev-parse", "HEAD")
    refs.set_ref(repo, refs.unit_ref("r", "u"), second)
    assert git(repo.root, "rev-parse", refs.unit_ref("r", "u")) == second
    git(repo.root, "pack-refs", "--all")
    assert git(repo.root, "rev-parse", refs.unit_ref("r", "u")) == second


@pytest.mark.parametrize("in_the_way", ["a folder", "a file above", "a link to elsewhere"])
def test_what_is_in_the_way_is_for_git_to_tell(
    in_the_way: str, repo: Repository, tmp_path: Path, git: GitCommand
) -> None:
    head = git(repo.root, "rev-parse", "HEAD")
    place = repo.common_dir / refs.unit_ref("r", "u")
    if in_the_way == "a folder":
        refs.set_ref(repo, f"{refs.unit_ref('r', 'u')}/below", head)
    elif in_the_way == "a file above":
        refs.set_ref(repo, "refs/fanout/r/units", head)
    else:
        place.parent.mkdir(parents=True)
        place.symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").write_text(f"{'1' * 40}\n")
        refs.set_ref(repo, refs.unit_ref("r", "u"), head)
        assert (tmp_path / "elsewhere").read_text() == f"{'1' * 40}\n"
        return
    with pytest.raises(GitFailed):
        refs.set_ref(repo, refs.unit_ref("r", "u"), head)


def test_refs_that_are_shared_or_no_files_are_written_by_git(
    tmp_path: Path, git: GitCommand, no_update: list[tuple[object, ...]]
) -> None:
    git(tmp_path, "init", "-q", "--shared=group", "shared")
    git(tmp_path / "shared", "commit", "-q", "--allow-empty", "-m", "first")
    shared = Repository.discover(tmp_path / "shared")
    head = git(shared.root, "rev-parse", "HEAD")
    refs.set_ref(shared, refs.base_ref("r"), head)
    assert len(no_update) == 1
    assert (shared.common_dir / refs.base_ref("r")).stat().st_mode & stat.S_IWGRP


def test_packing_all_the_while_loses_nothing(repo: Repository, git: GitCommand) -> None:
    head = git(repo.root, "rev-parse", "HEAD")
    names = [refs.unit_ref(f"r{number % 7}", f"u{number}") for number in range(300)]
    with ThreadPoolExecutor(3) as pool:
        packing = pool.submit(lambda: [git(repo.root, "pack-refs", "--all", "--prune") for _ in range(40)])
        list(pool.map(lambda name: refs.set_ref(repo, name, head), names))
        packing.result()
    assert set(git(repo.root, "for-each-ref", "--format=%(refname)", "refs/fanout").split()) == set(names)
