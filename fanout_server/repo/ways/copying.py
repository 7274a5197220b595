"""Copies of the pristine checkout that share its data with it until one of them is written to (btrfs, XFS, APFS).

btrfs copies all of it in one step (a snapshot). Else file by file, by a program of our own. Where files cannot share
data they can still be copied, which no one gets unless they ask for it by name: then it takes the disk, and the time.
"""

from __future__ import annotations

import functools
import math
import os
import secrets
import sys
import threading
import time
from pathlib import Path

from fanout_server.repo import (
    bare,
    checkout,
    deleting,
    entries,
    git,
    index,
    objects,
    pristine,
    room,
    subvolumes,
    trees,
    worktrees,
)
from fanout_server.repo.pristine import Pristine
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import Wanted
from fanout_server.repo.usage import Usage
from fanout_server.repo.ways import cloning, plain
from fanout_server.repo.ways.plain import PlainSource
from fanout_server.repo.worktrees import Worktree

# Some thousand files.
_LARGE_INDEX_BYTES = 300_000
_SIDE_BY_SIDE = 3


def why_not(repo: Repository, state: Path) -> str | None:
    """Tries to make copies that share data, where worktrees lie; what speaks against it."""
    del repo
    home = pristine.trash(state) / f"try-{secrets.token_hex(8)}"
    home.mkdir(mode=0o700, parents=True)
    try:
        if _can_snapshot(home) or _can_share(home):
            return None
    except OSError as error:
        return str(error)
    finally:
        deleting.delete(home)
    return f"files in {state} cannot share their data, so each worktree would be a full copy"


def _can_snapshot(home: Path) -> bool:
    """Of a subvolume, as an ordinary user."""
    origin, copy = home / "origin", home / "snapshot"
    try:
        subvolumes.make(origin)
        (origin / "file").write_bytes(b"old")
        subvolumes.snapshot(origin, copy)
    except OSError:
        return False
    (copy / "file").write_bytes(b"new")
    return (origin / "file").read_bytes() == b"old"


def _can_share(home: Path) -> bool:
    origin, copy = home / "one", home / "other"
    origin.write_bytes(b"old" * 10_000)
    if sys.platform == "darwin":
        return cloning.clone_file(bytes(origin), bytes(copy))
    with origin.open("rb") as source, copy.open("wb") as target:
        if not cloning.share(source.fileno(), target.fileno(), os.fstat(source.fileno()).st_size):
            return False
    with copy.open("r+b") as target:
        target.write(b"new")
    return origin.read_bytes() == b"old" * 10_000 and copy.stat().st_nlink == 1


class CopySource(PlainSource):
    """Worktrees of one base, as copies of the pristine checkout of it."""

    def __init__(self, repo: Repository, state: Path, base: str, wanted: Wanted) -> None:
        """Makes or renews the pristine checkout, which takes as long as a checkout the first time.

        Raises GitFailed, WorktreeFailed, OSError.
        """
        super().__init__(repo, state, base, wanted)
        self._pristine = Pristine(repo, state)
        try:
            self._ground = self._pristine.whole(objects.of(repo).tree_of(base))
        except BaseException:
            self._pristine.close()
            raise
        # One keeps all cores at work, but for its beginning and its end.
        self._turn = threading.BoundedSemaphore(_SIDE_BY_SIDE)
        self._shares = why_not(repo, state) is None

    @functools.cached_property
    def needs(self) -> Usage:
        """See ``Source.needs``."""
        whole = room.checkout(self._repo)
        return Usage(0, whole.files) if self._shares else whole

    def close(self) -> None:
        """See ``Source.close``."""
        self._pristine.close()

    def _make(self, start: str, path: Path, reason: str) -> Worktree:
        repo, store = self._repo, objects.of(self._repo)
        tree = store.tree_of(start)
        if tree != self._ground.tree and checkout.turns_others(trees.diff(store, self._ground.tree, tree)):
            return plain.create(repo, start, path, reason)
        place = worktrees.free_place(path)
        record = worktrees.note(repo, place)
        admin = entries.make(repo, place, store.commit_of(start), reason)
        worktree = Worktree(place, admin, start)
        try:
            self._copy(place, admin)
            entries.link(place, admin)
            entries.share_sparse(repo, admin)
            if tree != self._ground.tree:
                arguments = ("read-tree", "-m", "-u", self._ground.tree, tree)
                git.run(place, *checkout.SETTINGS, *arguments, env=checkout.ENVIRONMENT)
            index.copy_index(admin / "index", record / "index")
        except BaseException:
            worktrees.remove(repo, worktree)
            raise
        return worktree

    def _copy(self, place: Path, admin: Path) -> None:
        (source,), known = self._ground.lowers, self._ground.entry / "index"
        if subvolumes.is_one(source):
            if place.is_dir():
                # A submodule's: a snapshot makes its folder itself.
                place.rmdir()
            subvolumes.snapshot(source, place)
            # A change within the second of the checkout, with its time put back, would look like none.
            _let_its_second_pass(known)
            # All is as it was, the times too: so what git takes on trust there it may take on trust here.
            index.copy_index(known, admin / "index")
            return
        place.mkdir(exist_ok=True)
        with self._turn:
            bare.run(cloning.__file__, objects.of(self._repo).digits // 2, source, place, known, admin / "index")
        _spare_the_comparing(admin / "index")


def _spare_the_comparing(index: Path) -> None:
    """Git reads all files of an index's own second, for they might have changed within it. Where that is many, it takes
    longer than to let the second pass: then the index may be of the next one.
    """
    if index.stat().st_size > _LARGE_INDEX_BYTES:
        os.utime(index, (_let_its_second_pass(index),) * 2)


def _let_its_second_pass(index: Path) -> int:
    """Returns the next one."""
    following = math.floor(index.stat().st_mtime) + 1
    # A clock that jumps must not keep anybody waiting.
    time.sleep(min(1.0, max(0.0, following - time.time())))
    return following
