from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fanout_server.repo import git as git_command
from fanout_server.repo import objects, trees
from fanout_server.repo.changes import parse_raw
from fanout_server.repo.errors import ForbiddenName, GitFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.trees import FOLDER, GITLINK, Entry
from tests.conftest import GitCommand

Files = Mapping[str, tuple[int, int]]
"""Path -> mode and the number of a content."""

_NAMES = [b"a", b"a.b", b"a-", b"ab", b"a\n", b"\xff", b"B", b" ", b'"', b"\xc3\xa9", b"a0", b"-"]
_PATHS = st.lists(st.sampled_from(_NAMES[:8]), min_size=1, max_size=3).map(lambda parts: os.fsdecode(b"/".join(parts)))
_MANY_PATHS = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4).map(lambda parts: os.fsdecode(b"/".join(parts)))
_STATES = st.tuples(st.sampled_from([0o100644, 0o100755, 0o120000, GITLINK]), st.integers(0, 2))


def _possible(files: Files) -> Files:
    """Without files that another stands in the way of."""
    above = {"/".join(path.split("/")[:count]) for path in files for count in range(1, path.count("/") + 1)}
    return {path: state for path, state in files.items() if path not in above}


_FILES = st.dictionaries(_PATHS | _MANY_PATHS, _STATES, max_size=14).map(_possible)

_settings = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


class _Git:
    """What git itself makes of trees, through an index: the measure for all here."""

    def __init__(self, repo: Repository, index: Path) -> None:
        self.repo = repo
        self._env = {"GIT_INDEX_FILE": str(index)}
        self._zero = repo.blank_oid
        self.contents = [self._blob(f"{number}\n".encode()) for number in range(3)]

    def _blob(self, data: bytes) -> str:
        return self.repo.git("hash-object", "-w", "--stdin", input=data).out.decode().strip()

    def states(self, files: Files) -> dict[str, tuple[int, str]]:
        return {path: (mode, self.contents[number]) for path, (mode, number) in files.items()}

    def tree(self, files: Files) -> str:
        return self.edit(None, (), self.states(files))

    def edit(self, root: str | None, removed: Collection[str], put: Mapping[str, tuple[int, str]]) -> str:
        self._git("read-tree", *(("--empty",) if root is None else (root,)))
        there = [os.fsdecode(name) for name in self._git("ls-files", "-z").split(b"\0") if name]
        gone = [path for path in there if any(path == one or path.startswith(f"{one}/") for one in removed)]
        lines = [f"0 {self._zero}\t{path}" for path in gone]
        lines += [f"{mode:o} {oid}\t{path}" for path, (mode, oid) in put.items()]
        self._git("update-index", "-z", "--index-info", given=b"".join(os.fsencode(line) + b"\0" for line in lines))
        return self._git("write-tree").decode().strip()

    def _git(self, *args: str, given: bytes = b"") -> bytes:
        return self.repo.git(*args, input=given, env=self._env).out

    def listed(self, tree: str) -> dict[str, Entry]:
        found = {}
        for line in self.repo.git("ls-tree", "-r", "-z", tree).out.split(b"\0"):
            head, _, name = line.partition(b"\t")
            if head:
                mode, _, oid = head.decode().split()
                found[os.fsdecode(name)] = Entry(int(mode, 8), oid)
        return found

    def diff(self, old: str, new: str) -> tuple[trees.Change, ...]:
        told = self.repo.git("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old, new).out
        return tuple(parse_raw(told))


@pytest.fixture(params=["sha1", "sha256"])
def real(request: pytest.FixtureRequest, tmp_path: Path, git: GitCommand) -> _Git:
    git(tmp_path, "init", "-q", f"--object-format={request.param}", "made")
    return _Git(Repository.discover(tmp_path / "made"), tmp_path / "index")


@given(files=_FILES)
@_settings
def test_walking_is_listing(real: _Git, files: Files) -> None:
    tree = real.tree(files)
    store = objects.of(real.repo)
    assert list(trees.walk(store, tree)) == list(real.listed(tree).items())
    assert [path for path, _ in trees.walk(store, tree, "in/side")] == [f"in/side/{path}" for path in real.listed(tree)]
    assert trees.edit(store, store.write("tree", b""), (), real.states(files)) == tree
    for path, (mode, oid) in real.states(files).items():
        assert trees.lookup(store, tree, path) == Entry(mode, oid)
        assert trees.lookup(store, tree, f"{path}/below") is None
        assert trees.lookup(store, tree, f"{path}-not") is None
        folder = path.rpartition("/")[0]
        found = trees.lookup(store, tree, folder)
        assert found is not None
        assert found.mode == FOLDER
        assert store.tree_of(found.oid) == found.oid


@given(old=_FILES, new=_FILES)
@_settings
def test_differences_are_gits(real: _Git, old: Files, new: Files) -> None:
    store = objects.of(real.repo)
    before, after, both = real.tree(old), real.tree(new), real.tree(_possible({**old, **new}))
    for one, other in [(before, after), (before, both), (both, after), (before, before)]:
        assert trees.diff(store, one, other) == real.diff(one, other)


@given(old=_FILES, put=_FILES, data=st.data())
@_settings
def test_edits_are_gits(real: _Git, old: Files, put: Files, data: st.DataObject) -> None:
    folders = {"/".join(path.split("/")[:count]) for path in old for count in range(1, path.count("/") + 1)}
    removed = data.draw(st.sets(st.sampled_from(sorted({*old, *folders, *put, "none", "no/where"}))))
    store = objects.of(real.repo)
    tree = real.tree(old)
    edited = real.edit(tree, removed, real.states(put))
    assert trees.edit(store, tree, removed, real.states(put)) == edited
    assert trees.edit_and_compare(store, tree, removed, real.states(put)) == edited
    # What was noted on the way.
    assert trees.diff(store, tree, edited) == real.diff(tree, edited)


@given(old=_FILES, new=_FILES)
@_settings
def test_a_difference_put_on_the_old_is_the_new(real: _Git, old: Files, new: Files) -> None:
    store = objects.of(real.repo)
    before, after = real.tree(old), real.tree(new)
    different = trees.diff(store, before, after)
    gone = {change.path for change in different if change.new_oid is None}
    put = {change.path: (change.new_mode, change.new_oid) for change in different if change.new_oid is not None}
    assert trees.edit(store, before, gone, put) == after
    assume(different)
    assert trees.edit(store, before, (), {}) == before


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The oids of all trees that are read."""
    found: list[str] = []
    plain: Callable[[objects.Objects, str], bytes] = objects.Objects.read_tree

    def counted(self: objects.Objects, oid: str) -> bytes:
        found.append(oid)
        return plain(self, oid)

    monkeypatch.setattr(objects.Objects, "read_tree", counted)
    return found


def test_only_what_is_touched_is_read(repo: Repository, started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    store = objects.of(repo)
    blob = store.write("blob", b"x")
    root = store.tree_of("HEAD")
    wide = {f"d{number}/e{number}/f": (0o100644, blob) for number in range(50)}
    tree = trees.edit(store, root, (), wide)
    objects._opened.cache_clear()
    store = objects.of(repo)

    def refuse(*args: object, **_: object) -> None:
        raise AssertionError(f"started git {args}")

    monkeypatch.setattr(git_command, "run", refuse)
    started.clear()
    other = trees.edit(store, tree, ["d1/e1"], {"d2/e2/g": (0o100644, blob)})
    assert len(started) == 4
    assert [change.path for change in trees.diff(store, tree, other)] == ["d1/e1/f", "d2/e2/g"]
    assert len(started) == 4
    assert trees.lookup(store, other, "d1") is None


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "a//b", "/a", "a/", ".", "..", "a/../b", "a/./b", "a\0b"),
        *(".git", "a/.GIT/config", ".git/x", "git~1", "GIT~1/x", ".git ", ".git. .", ".git::$INDEX_ALLOCATION"),
        "a\\.git\\x",
    ],
)
def test_names_that_git_forbids(path: str, repo: Repository) -> None:
    store = objects.of(repo)
    blob = store.write("blob", b"x")
    with pytest.raises(ForbiddenName):
        trees.edit(store, store.tree_of("HEAD"), (), {path: (0o100644, blob)})
    if "\0" not in path:
        told = repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", check=False)
        assert told.code != 0
    assert trees.edit(store, store.tree_of("HEAD"), [path], {}) == store.tree_of("HEAD")


def test_names_that_only_look_forbidden(repo: Repository) -> None:
    store = objects.of(repo)
    blob = store.write("blob", b"x")
    fine = [".gitignore", ".gitmodules", ".gitx", "git~2", "...", ".. ", "a.git", "git", "\\", "a:b", "git~1x"]
    tree = trees.edit(store, store.tree_of("HEAD"), (), dict.fromkeys(fine, (33188, blob)))
    for path in fine:
        assert trees.lookup(store, tree, path) == Entry(0o100644, blob)
        assert repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}").code == 0
    with pytest.raises(ForbiddenName):
        trees.edit(store, tree, (), {"x/.gitmodules": (0o120000, blob)})


def test_modes_of_old_programs(repo: Repository) -> None:
    store = objects.of(repo)
    blob = store.write("blob", b"x")
    raw = bytes.fromhex(blob)
    odd = store.write("tree", b"100664 a\0" + raw + b"100777 b\0" + raw)
    plain = store.write("tree", b"100644 a\0" + raw + b"100755 b\0" + raw)
    assert trees.entries(store, odd) == trees.entries(store, plain)
    assert trees.diff(store, odd, plain) == ()
    assert trees.edit(store, odd, ["c"], {"a": (0o100644, blob)}) == odd


@pytest.mark.parametrize("data", [b"x", b"100644 a", b"100644 a\0short", b"zzz a\0" + b"x" * 20])
def test_a_damaged_tree_is_told(data: bytes, repo: Repository) -> None:
    store = objects.of(repo)
    with pytest.raises(GitFailed, match="damaged"):
        trees.entries(store, store.write("tree", data))


def test_folders_in_folders_without_end(repo: Repository) -> None:
    store = objects.of(repo)
    blob = store.write("blob", b"x")
    path = "/".join("d" * 3000)
    root = store.tree_of("HEAD")
    tree = trees.edit(store, root, (), {path: (0o100644, blob)})
    assert trees.lookup(store, tree, path) == Entry(0o100644, blob)
    assert [change.path for change in trees.diff(store, root, tree)] == [path]
    assert path in dict(trees.walk(store, tree))
    assert trees.edit(store, tree, [path], {}) == root
