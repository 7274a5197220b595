from __future__ import annotations

from pathlib import Path

import pytest

from fanout_server.repo import limits, snapshot
from fanout_server.repo.errors import TooLarge
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

_MB = 10**6


def _sparse(path: Path, size: int) -> None:
    """A file of that size that takes no room."""
    with path.open("wb") as stream:
        stream.truncate(size)


def _take(repo: Repository, limit: float | None) -> str:
    return snapshot.take(repo, {}, "base", untracked_limit=limit).commit


def test_large_untracked_files_are_asked_about(checkout: Path, repo: Repository) -> None:
    _sparse(checkout / "disk.img", 5 * 10**9)
    _sparse(checkout / "src" / "data.bin", 51 * _MB)
    _sparse(checkout / "small", 50 * _MB)
    before = sorted((checkout / ".git").rglob("*"))
    with pytest.raises(TooLarge) as caught:
        _take(repo, 50 * _MB)
    said = str(caught.value)
    assert "2 untracked files are larger than 50 MB" in said
    assert "disk.img (5 GB), src/data.bin (51 MB)." in said
    assert "small" not in said
    for way in (".gitignore", "git add", "untracked_limit"):
        assert way in said
    assert sorted((checkout / ".git").rglob("*")) == before


def test_many_that_are_large_together_are_asked_about(checkout: Path, repo: Repository) -> None:
    for number in range(25):
        _sparse(checkout / f"{number}", 90_000 if number == 3 else 50_000)
    with pytest.raises(TooLarge) as caught:
        _take(repo, 100_000)
    said = str(caught.value)
    assert "25 untracked files are 1.29 MB together" in said
    assert "3 (90 kB), 9 (50 kB)" in said
    assert "and 20 more" in said
    assert "more than ten times the untracked_limit, 100 kB" in said
    assert _take(repo, 200_000)


@pytest.mark.parametrize("way", ["ignored", "added", "meant to be added", "raised", "no limit"])
def test_each_way_that_it_names_helps(way: str, checkout: Path, repo: Repository, git: GitCommand) -> None:
    (checkout / "large").write_bytes(b"x" * 2000)
    with pytest.raises(TooLarge):
        _take(repo, 1000)
    limit: int | None = 1000
    match way:
        case "ignored":
            (checkout / ".gitignore").write_text("large\n")
        case "added":
            git(checkout, "add", "large")
        case "meant to be added":
            git(checkout, "add", "-N", "large")
        case "raised":
            limit = 2000
        case _:
            limit = None
    commit = _take(repo, limit)
    assert ("large" in git(checkout, "ls-tree", "--name-only", commit).split("\n")) == (way != "ignored")


def test_what_is_tracked_and_links_have_no_limit(checkout: Path, repo: Repository, git: GitCommand) -> None:
    (checkout / "a.txt").write_bytes(b"x" * 2000)
    (checkout / "link").symlink_to("a.txt")
    (checkout / "dangling").symlink_to("nowhere")
    commit = _take(repo, 1000)
    assert git(checkout, "cat-file", "-s", f"{commit}:a.txt") == "2000"


def test_what_goes_away_meanwhile_has_no_size(tmp_path: Path) -> None:
    limits.check(tmp_path, ["gone"], 1)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_600, "1 MB"),
        (51_200_000, "51.2 MB"),
        (5_368_709_120, "5.37 GB"),
        (5 * 10**15, "5e+03 TB"),
    ],
)
def test_sizes_in_words(size: int, said: str) -> None:
    assert limits.in_words(size) == said
