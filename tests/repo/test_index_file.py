from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo import index_file
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand
from tests.strategies import NAMES

_FORMATS = pytest.mark.parametrize("digits", [40, 64])
# As os.fsdecode gives them: NAMES has halves of characters side by side, too.
_NAMES = NAMES.map(lambda name: os.fsdecode(os.fsencode(name)))
_MODES = st.sampled_from([0o100644, 0o100755, 0o120000, 0o160000])


@_FORMATS
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, digits: int, data: st.DataObject) -> None:
    oids = st.text("0123456789abcdef", min_size=digits, max_size=digits)
    entries = data.draw(st.dictionaries(_NAMES, st.tuples(_MODES, oids), max_size=5))
    path = tmp_path_factory.mktemp("index") / "index"
    index_file.write(path, entries, digits)
    assert index_file.read(path, digits) == entries
    assert index_file.is_plain(path, digits)


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(_NAMES.filter(lambda name: not name.lower().startswith((".git", "git~"))), max_size=5))
def test_git_reads_it_and_leaves_what_we_read(
    tmp_path_factory: pytest.TempPathFactory, git: GitCommand, kind: str, names: set[str]
) -> None:
    root = tmp_path_factory.mktemp("repo")
    git(root, "init", "-q", f"--object-format={kind}")
    oid = git(root, "hash-object", "-w", "--stdin", stdin=b"x")
    entries = dict.fromkeys(names, (33188, oid))
    index_file.write(root / ".git" / "index", entries, len(oid))
    told = git(root, "ls-files", "-z", "--stage").split("\0")[:-1]
    assert sorted(told) == sorted(f"100644 {oid} 0\t{name}" for name in names)
    (root / "more").write_text("x")
    git(root, "update-index", "--add", "more")
    git(root, "fsck", "--strict")
    assert index_file.read(root / ".git" / "index", len(oid)) == entries | {"more": (0o100644, oid)}


def test_a_plain_index_is_known_as_such(checkout: Path, repo: Repository, git: GitCommand) -> None:
    index = checkout / ".git" / "index"
    long = "/".join(["x" * 250] * 3 + ["y" * 200])
    assert index_file.is_plain(index, 40)
    git(checkout, "update-index", "--untracked-cache")
    assert index_file.is_plain(index, 40)
    git(checkout, "update-index", "--assume-unchanged", "b.txt")
    assert not index_file.is_plain(index, 40)
    git(checkout, "update-index", "--no-assume-unchanged", "b.txt")
    assert index_file.is_plain(index, 40)
    git(checkout, "update-index", "--skip-worktree", "b.txt")
    assert not index_file.is_plain(index, 40)
    git(checkout, "update-index", "--no-skip-worktree", "b.txt")
    (checkout / long).parent.mkdir(parents=True)
    (checkout / long).write_text("x")
    git(checkout, "add", long)
    assert index_file.is_plain(index, 40)


@pytest.mark.parametrize("made", [("--index-version=4",), ("--split-index",)])
def test_what_one_file_of_version_2_cannot_tell(made: tuple[str, ...], checkout: Path, git: GitCommand) -> None:
    git(checkout, "update-index", *made)
    assert not index_file.is_plain(checkout / ".git" / "index", 40)


def test_of_a_damaged_index_nothing_is_claimed(checkout: Path) -> None:
    data = (checkout / ".git" / "index").read_bytes()
    (checkout / "index").write_bytes(data[:300])
    assert not index_file.is_plain(checkout / "index", 40)
    for length in range(0, len(data), 7):
        (checkout / "index").write_bytes(data[:length])
        # What is cut at an extension is git's to complain of; here it must only not go astray.
        index_file.is_plain(checkout / "index", 40)
