from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import carrying, changes, commits, objects
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

Files = Mapping[str, str | None]


def commit(git: GitCommand, checkout: Path, parent: str, files: Files) -> str:
    git(checkout, "reset", "-q", "--hard", parent)
    for name, text in files.items():
        path = checkout / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "--allow-empty", "-m", "one more")
    return git(checkout, "rev-parse", "HEAD")


def moved(repo: Repository, result: str, start: str) -> str | None:
    carried = carrying.take(repo, result, None)
    assert carried is not None
    return carrying.put(repo, carried, start, "again")


@pytest.mark.parametrize(
    ("result", "start"),
    [
        ({"a.txt": "new\n"}, {}),
        ({"a.txt": "new\n"}, {"b.txt": "other\n"}),
        ({"a.txt": None, "odd\nname": "x\n"}, {"src/one.py": "1\n"}),
        ({"new/one": "x\n"}, {"new/two": "y\n"}),
        ({"a.txt": None, "a.txt/one": "x\n"}, {"b.txt": "other\n"}),
        ({"a.txt": "same\n", "b.txt": "same\n"}, {"src/one.py": None}),
    ],
)
def test_what_differs_elsewhere_does_not_matter(
    repo: Repository, checkout: Path, git: GitCommand, result: Files, start: Files
) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    made, other = commit(git, checkout, first, result), commit(git, checkout, first, start)
    again = moved(repo, made, other)
    assert again is not None
    assert commits.parent(repo, again) == other
    assert changes.diff(repo, other, again) == changes.diff(repo, first, made)


@pytest.mark.parametrize(
    ("result", "start"),
    [
        ({"a.txt": "new\n"}, {"a.txt": "other\n"}),
        ({"a.txt": None}, {"a.txt": "other\n"}),
        ({"a.txt": "new\n"}, {"a.txt": None}),
        ({"new": "x\n"}, {"new": "y\n"}),
        ({"new": "x\n"}, {"new": "x\n"}),
        ({"new": "x\n"}, {"new/one": "y\n"}),
        ({"new/one": "x\n"}, {"new": "y\n"}),
    ],
)
def test_where_a_path_of_it_differs_it_is_not_put(
    repo: Repository, checkout: Path, git: GitCommand, result: Files, start: Files
) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    made, other = commit(git, checkout, first, result), commit(git, checkout, first, start)
    assert moved(repo, made, other) is None


def test_it_outlives_gits_own_clean_up(repo: Repository, checkout: Path, git: GitCommand) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    made = commit(git, checkout, first, {"a.txt": "new\n", "binary": "\0\x01", "big": "x" * 100_000})
    (checkout / "a.txt").chmod(0o755)
    (checkout / "link").symlink_to("a.txt")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "--amend", "-m", "all")
    made = git(checkout, "rev-parse", "HEAD")
    wanted = changes.diff(repo, first, made)
    carried = carrying.take(repo, made, None)
    assert carried is not None
    git(checkout, "reset", "-q", "--hard", first)
    git(checkout, "reflog", "expire", "--expire=now", "--all")
    git(checkout, "gc", "-q", "--prune=now")
    assert objects.of(repo).missing([made]) == (made,)
    again = carrying.put(repo, carried, first, "again")
    assert again is not None
    assert changes.diff(repo, first, again) == wanted
    git(checkout, "fsck", "--strict")


def test_what_is_too_large_or_has_no_parent_is_not_carried(repo: Repository, checkout: Path, git: GitCommand) -> None:
    first = git(checkout, "rev-list", "--max-parents=0", "HEAD")
    made = commit(git, checkout, first, {"one": "x" * 10, "two": "y" * 10})
    assert carrying.take(repo, made, 19) is None
    assert carrying.take(repo, made, 20) is not None
    assert carrying.take(repo, first, None) is None


def test_contents_that_are_others_are_not_put(repo: Repository, checkout: Path, git: GitCommand) -> None:
    first = git(checkout, "rev-parse", "HEAD")
    carried = carrying.take(repo, commit(git, checkout, first, {"a.txt": "new\n"}), None)
    assert carried is not None
    (oid,) = carried.blobs
    assert carrying.put(repo, carrying.Carried(carried.changes, {oid: b"evil\n"}), first, "again") is None
    assert carrying.put(repo, carrying.Carried(carried.changes, {}), first, "again") is None


_NAMES = st.sampled_from(["a.txt", "b.txt", "src/one.py", "src/new", "new", "new/one", "deep/er/x"])
_FILES = st.dictionaries(_NAMES, st.sampled_from(["", "1\n", "2\n"]), max_size=4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(result=_FILES, start=_FILES)
def test_it_is_put_where_nothing_of_it_differs_and_nowhere_else(
    repo: Repository, checkout: Path, git: GitCommand, result: dict[str, str], start: dict[str, str]
) -> None:
    first = git(checkout, "rev-list", "--max-parents=0", "HEAD")
    for files in (result, start):
        for name in [one for one in files if any(other.startswith(f"{one}/") for other in files)]:
            del files[name]
    made, other = commit(git, checkout, first, result), commit(git, checkout, first, start)
    mine = {change.path: change for change in changes.diff(repo, first, made)}
    theirs = {change.path for change in changes.diff(repo, first, other)}
    in_the_way = {one for one in mine for two in theirs if one.startswith(f"{two}/") or two.startswith(f"{one}/")}
    again = moved(repo, made, other)
    assert (again is not None) == (not mine.keys() & theirs and not in_the_way)
    if again is not None:
        assert {change.path: change for change in changes.diff(repo, other, again)} == mine
