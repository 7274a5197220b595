"""What files and folders hold, as short texts to compare: of a commit, and of what a snapshot of the checkout would be.

Blocking.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from fanout_server.repo import objects, trees
from fanout_server.repo.repository import Repository
from fanout_server.repo.seen import Seen
from fanout_server.repo.trees import FOLDER, NOTHING, State

_HASHES = {40: hashlib.sha1, 64: hashlib.sha256}
_LARGEST = 50_000_000
_LINK, _EXECUTABLE, _FILE = 0o120000, 0o100755, 0o100644


class Contents(Protocol):
    def at(self, path: str) -> State:
        """What lies there; of a folder the mode alone counts."""

    def digest(self, path: str) -> str:
        """Another one whenever the file, or anything in the folder ("" for all), is another."""


class OfCommit:
    """``name`` is a commit or a tree. Folders are read once. Raises GitFailed, as its methods do."""

    def __init__(self, repo: Repository, name: str) -> None:
        self._store = objects.of(repo)
        self._tree = self._store.tree_of(name)
        self._digests: dict[str, str] = {}

    def at(self, path: str) -> State:
        entry = trees.lookup(self._store, self._tree, path)
        return NOTHING if entry is None else (entry.mode, entry.oid)

    def digest(self, path: str) -> str:
        mode, oid = self.at(path)
        if mode != FOLDER or oid is None:
            return _of_state((mode, oid))
        if oid not in self._digests:
            self._digests[oid] = _of_files(
                (name, (entry.mode, entry.oid)) for name, entry in trees.walk(self._store, oid)
            )
        return self._digests[oid]


class OfCheckout:
    """As a snapshot would have it now: ``seen`` says what differs from HEAD, ``shown`` what an editor has of a file.

    No object is written, and no filter of git's is run: what one would change looks like another content here.
    """

    def __init__(self, repo: Repository, seen: Seen, shown: Callable[[str], bytes | None]) -> None:
        self._root = os.fspath(repo.root)
        self._store = objects.of(repo)
        self._hash = _HASHES[len(seen.index.tree)]
        self._seen = seen
        self._shown = shown
        self._present = {*seen.edited, *seen.untracked}
        self._digests: dict[str, str] = {}

    def at(self, path: str) -> State:
        typed = self._shown(path)
        if typed is not None:
            return self._mode(path), self._oid(typed)
        if path in self._present:
            return self._read(path)
        if path in self._seen.gone:
            return (FOLDER, None) if self._is_folder(path) else NOTHING
        entry = self._seen.index.entry(path)
        if entry is not None:
            return entry
        return (FOLDER, None) if self._is_folder(path) else NOTHING

    def digest(self, path: str) -> str:
        if path and self.at(path)[0] != FOLDER:
            return _of_state(self.at(path))
        if path not in self._digests:
            self._digests[path] = _of_files(sorted(self._below(path), key=lambda one: os.fsencode(one[0])))
        return self._digests[path]

    def _below(self, folder: str) -> Iterator[tuple[str, State]]:
        start = f"{folder}/" if folder else ""
        found: set[str] = set()
        below = trees.lookup(self._store, self._seen.index.tree, folder)
        if below is not None and below.mode == FOLDER:
            found = {name for name, _ in trees.walk(self._store, below.oid, folder)}
        differ = {*self._seen.staged, *self._present}
        found |= {path for path in differ if path.startswith(start)}
        for path in found:
            state = self.at(path)
            if state[0] not in {NOTHING[0], FOLDER}:
                yield path[len(start) :], state

    def _is_folder(self, path: str) -> bool:
        return os.path.isdir(f"{self._root}/{path}") and not os.path.islink(f"{self._root}/{path}")  # noqa: PTH112, PTH114 - one of many

    def _mode(self, path: str) -> int:
        try:
            seen = os.lstat(f"{self._root}/{path}")
        except OSError:
            entry = self._seen.index.entry(path)
            return _FILE if entry is None else entry[0]
        return _EXECUTABLE if seen.st_mode & 0o100 else _FILE

    def _read(self, path: str) -> State:
        place = f"{self._root}/{path}"
        try:
            seen = os.lstat(place)
            if stat.S_ISLNK(seen.st_mode):
                return _LINK, self._oid(os.fsencode(os.readlink(place)))  # noqa: PTH115 - no path is needed
            if seen.st_size > _LARGEST:
                # Nobody waits for that; it counts as something that nobody has seen yet.
                return _FILE, f"{seen.st_size} {seen.st_mtime_ns}"
            with open(place, "rb") as file:  # noqa: PTH123 - as above
                return self._mode(path), self._oid(file.read())
        except OSError:
            return NOTHING

    def _oid(self, data: bytes) -> str:
        return self._hash(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def _of_state(state: State) -> str:
    return f"{state[0]:o} {state[1]}" if state[1] is not None else "nothing"


def _of_files(files: Iterable[tuple[str, State]]) -> str:
    """``files`` in the order of git's: by the bytes of their paths."""
    digest = hashlib.sha256()
    for path, state in files:
        digest.update(b"%b\0%b\0" % (os.fsencode(path), _of_state(state).encode()))
    return digest.hexdigest()
