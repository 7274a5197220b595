"""Fixtures for tests of what touches git."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fanout_server.repo import changes, snapshot, source
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import Source, Wanted
from fanout_server.repo.worktrees import Worktree
from tests.conftest import GitCommand
from tests.repo.inside import Inside

Files = dict[str, bytes]
ReadTree = Callable[[Repository, str], Files]
OpenSource = Callable[..., Source]
Enter = Callable[[Worktree], Inside]

Look = Callable[[Path], dict[str, str]]
Take = Callable[..., tuple[Files, snapshot.Snapshot]]


@pytest.fixture
def repo(checkout: Path) -> Repository:
    return Repository.discover(checkout)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Our state folder, with a folder for the worktrees of a run."""
    folder = tmp_path / "state"
    (folder / "worktrees" / "run").mkdir(parents=True)
    return folder


@pytest.fixture(params=[way.name for way in source.WAYS])
def way(request: pytest.FixtureRequest) -> str:
    """Each way to make worktrees in turn. One that does not work here fails its tests: that is worth knowing."""
    name: str = request.param
    return name


@pytest.fixture
def open_source(repo: Repository, state: Path, way: str) -> Iterator[OpenSource]:
    """``open_source(base)`` or ``open_source(base, Wanted(...))``: by the way in turn, and closed after the test."""
    opened: list[Source] = []

    def make(base: str, wanted: Wanted | None = None, *, by: str = way, of: Repository = repo) -> Source:
        opened.append(source.open_source(of, state, base, wanted or Wanted(), by))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def enter() -> Iterator[Enter]:
    """Somebody who works in a worktree until the test ends."""
    entered: list[Inside] = []

    def make(worktree: Worktree) -> Inside:
        entered.append(Inside(worktree))
        return entered[-1]

    yield make
    for one in entered:
        one.close()


@pytest.fixture
def everything(git: GitCommand) -> Look:
    """All that is the user's in a checkout, in a form that can be compared: files, index, HEAD, refs, settings."""

    def look(root: Path) -> dict[str, str]:
        found: dict[str, str] = {}
        for parent, folders, names in os.walk(root):
            # Objects may be added, and the folder of ours and that of worktrees may appear; refs are compared below.
            folders[:] = [name for name in folders if Path(parent, name).relative_to(root).as_posix() not in _OURS]
            for name in names + [name for name in folders if Path(parent, name).is_symlink()]:
                path = Path(parent, name)
                status = path.lstat()
                data = (
                    os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
                )
                digest = hashlib.sha256(data).hexdigest()
                # Every git that reads a split index, even "git status", marks its shared part as in use.
                time = 0 if name.startswith("sharedindex.") else status.st_mtime_ns
                found[str(path)] = f"{status.st_mode:o} {time} {digest}"
        refs = git(root, "for-each-ref")
        found["refs"] = "\n".join(line for line in refs.splitlines() if "refs/fanout/" not in line)
        return found

    return look


_OURS = {".git/objects", ".git/fanout", ".git/worktrees", ".git/refs"}


@pytest.fixture
def read_tree() -> ReadTree:
    """The files of a commit: path -> bytes, with the mode before it where it is no plain file."""

    def read(repo: Repository, commit: str) -> Files:
        empty = repo.git("hash-object", "-t", "tree", "-w", "--stdin", input=b"").out.decode().strip()
        marks = {0o100644: b"", 0o100755: b"755:", 0o120000: b"link:"}
        found: Files = {}
        for change in changes.diff(repo, empty, commit):
            if change.new_mode == changes.GITLINK:
                found[change.path] = f"commit:{change.new_oid}".encode()
            else:
                assert change.new_oid is not None
                found[change.path] = marks[change.new_mode] + repo.git("cat-file", "blob", change.new_oid).out
        return found

    return read


@pytest.fixture
def take(checkout: Path, everything: Look, read_tree: ReadTree) -> Take:
    """Takes a snapshot of the checkout (or of another), with proof that nothing of the user's was changed."""

    def run(root: Path | None = None, buffers: dict[str, bytes] | None = None) -> tuple[Files, snapshot.Snapshot]:
        where = root or checkout
        before = everything(where)
        repo = Repository.discover(where)
        taken = snapshot.take(repo, buffers or {}, "base")
        assert everything(where) == before
        assert list((repo.state_dir / "tmp").glob("*")) == []
        assert repo.git("rev-parse", f"{taken.commit}^{{tree}}").out.decode().strip() == taken.tree
        return read_tree(repo, taken.commit), taken

    return run
