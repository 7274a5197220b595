"""What git cannot merge is shown to somebody else, file by file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fanout_server.repo.repository import Repository
from fanout_server.repo.unmerged import Settled
from tests.conftest import GitCommand
from tests.repo.conftest import ReadTree
from tests.repo.results import PLAIN, Units

_EXECUTABLE, _LINK = 0o100755, 0o120000


@pytest.fixture
def units(repo: Repository) -> Units:
    first = Units(repo)
    first.base = first.on({"a.txt": "a\n", "b.txt": "b\n", "old.txt": "x\n" * 40, "odd\n'": "a\n"})
    return first


class _Asked:
    """Puts one after the other, and remembers what it was shown."""

    def __init__(self) -> None:
        self.about: list[tuple[str, bytes, bytes, bytes]] = []

    def settle(self, path: str, base: bytes, ours: bytes, theirs: bytes) -> Settled | None:
        self.about.append((path, base, ours, theirs))
        return None if b"stubborn" in theirs else Settled(ours + theirs, "test", "high")


def test_conflicts_are_asked_about_and_nothing_else(units: Units, repo: Repository, read_tree: ReadTree) -> None:
    asked = _Asked()
    merged = units.merge(
        settle=asked.settle,
        u1={"a.txt": "1\n", "b.txt": "1\n", "one": "1"},
        u2={"a.txt": "2\n", "b.txt": "stubborn\n", "two": "2"},
        u3={"a.txt": "3\n"},
    )
    assert asked.about == [
        ("a.txt", b"a\n", b"1\n", b"2\n"),
        ("b.txt", b"b\n", b"1\n", b"stubborn\n"),
        ("a.txt", b"a\n", b"1\n2\n", b"3\n"),
    ]
    tree = read_tree(repo, merged.commit)
    assert (tree["a.txt"], tree["b.txt"], tree["one"], tree["two"]) == (b"1\n2\n3\n", b"1\n", b"1", b"2")
    assert [(step.unit, step.path, step.others) for step in merged.steps] == [
        ("u2", "a.txt", ("u1",)),
        ("u3", "a.txt", ("u1", "u2")),
    ]
    assert [(conflict.unit, conflict.paths) for conflict in merged.conflicts] == [("u2", ("b.txt",))]
    assert merged.owners == {"a.txt": ("u1", "u2", "u3"), "b.txt": ("u1",), "one": ("u1",), "two": ("u2",)}


def test_files_that_both_made_and_strange_names(units: Units, repo: Repository, read_tree: ReadTree) -> None:
    asked = _Asked()
    merged = units.merge(settle=asked.settle, u1={"new": "1\n", "odd\n'": "1\n"}, u2={"new": "2\n", "odd\n'": "2\n"})
    assert asked.about == [("new", b"", b"1\n", b"2\n"), ("odd\n'", b"a\n", b"1\n", b"2\n")]
    tree = read_tree(repo, merged.commit)
    assert (tree["new"], tree["odd\n'"]) == (b"1\n2\n", b"1\n2\n")
    assert merged.conflicts == ()


def test_where_there_may_be_renames(units: Units, repo: Repository, read_tree: ReadTree) -> None:
    asked = _Asked()
    merged = units.merge(
        settle=asked.settle,
        u1={"old.txt": None, "moved.txt": "x\n" * 40, "a.txt": "1\n"},
        u2={"old.txt": "y\n" + "x\n" * 39, "a.txt": "2\n"},
        u3={"b.txt": None, "a.txt": "3\n"},
    )
    assert asked.about == [("a.txt", b"a\n", b"1\n", b"2\n"), ("a.txt", b"a\n", b"1\n2\n", b"3\n")]
    tree = read_tree(repo, merged.commit)
    assert tree["a.txt"] == b"1\n2\n3\n"
    # A rename carries the other's edit along.
    assert tree["moved.txt"] == b"y\n" + b"x\n" * 39
    assert "b.txt" not in tree
    assert merged.owners["a.txt"] == ("u1", "u2", "u3")
    assert merged.conflicts == ()


def test_modes_are_merged_and_what_is_no_file_is_not_asked_about(
    units: Units, repo: Repository, read_tree: ReadTree
) -> None:
    asked = _Asked()
    merged = units.merge(
        settle=asked.settle,
        u1={"a.txt": (_EXECUTABLE, b"1\n"), "b.txt": (_LINK, b"1"), "old.txt": None, "m": (PLAIN, b"1\n")},
        u2={"a.txt": (PLAIN, b"2\n"), "b.txt": (_LINK, b"2"), "old.txt": "y\n", "m": (_EXECUTABLE, b"2\n")},
    )
    assert [path for path, *_ in asked.about] == ["a.txt"]
    assert read_tree(repo, merged.commit)["a.txt"] == b"755:1\n2\n"
    assert [conflict.paths for conflict in merged.conflicts] == [("b.txt", "m", "old.txt")]


@pytest.mark.parametrize(("attribute", "is_asked"), [("-merge", False), ("merge=own", False), ("merge", True)])
def test_attributes_have_their_say(
    units: Units, repo: Repository, checkout: Path, attribute: str, *, is_asked: bool
) -> None:
    (checkout / ".gitattributes").write_text(f"a.txt {attribute}\n")
    asked = _Asked()
    merged = units.merge(settle=asked.settle, u1={"a.txt": "1\n"}, u2={"a.txt": "2\n"})
    assert bool(asked.about) is is_asked
    assert bool(merged.conflicts) is not is_asked


def test_a_merge_driver_of_the_user_is_run_by_git_itself(
    units: Units, repo: Repository, checkout: Path, git: GitCommand, read_tree: ReadTree
) -> None:
    """What the repository's files say only names it: which program that is the user's configuration says."""
    (checkout / ".gitattributes").write_text("a.txt merge=own\nb.txt merge=unknown\n")
    program = "import sys; open(sys.argv[1], 'a').write('driven\\n')"
    git(checkout, "config", "merge.own.driver", f'{sys.executable} -c "{program}" %A')
    asked = _Asked()
    merged = units.merge(settle=asked.settle, u1={"a.txt": "1\n", "b.txt": "1\n"}, u2={"a.txt": "2\n", "b.txt": "2\n"})
    assert read_tree(repo, merged.commit)["a.txt"] == b"1\ndriven\n"
    assert asked.about == []
    assert [conflict.paths for conflict in merged.conflicts] == [("b.txt",)]


def test_a_merge_driver_that_a_result_brings_along_is_not_run(
    units: Units, repo: Repository, read_tree: ReadTree
) -> None:
    asked = _Asked()
    merged = units.merge(
        settle=asked.settle,
        u1={"a.txt": "1\n", ".gitattributes": "a.txt merge=union\n"},
        u2={"a.txt": "2\n", ".gitattributes": "a.txt merge=union\n"},
    )
    assert [path for path, *_ in asked.about] == ["a.txt"]
    assert read_tree(repo, merged.commit)["a.txt"] == b"1\n2\n"
