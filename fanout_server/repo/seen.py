"""What the user sees in their checkout, as differences from HEAD: what is staged, edited, deleted, new, in the way.

By git, on the user's own index: its time tells git which entries it must compare.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
from attrs import frozen

from fanout_server.repo import objects, overlooked, staging, status, trees
from fanout_server.repo.index import View, temporary_folder
from fanout_server.repo.index_file import Entry
from fanout_server.repo.overlooked import Overlooked
from fanout_server.repo.repository import Repository
from fanout_server.repo.status import Status
from fanout_server.repo.trees import GITLINK


class Index:
    """The user's index, of which only what differs from HEAD is in hand; the rest is HEAD's."""

    def __init__(self, repo: Repository, told: Status) -> None:
        self._objects = objects.of(repo)
        self.tree = self._objects.tree_of(told.head) if told.head else self._objects.write("tree", b"")
        """HEAD's tree, or the empty one before the first commit."""
        self._known = {one.path: one.index for one in told.tracked}
        self._known |= {one.path: one.ours for one in told.unmerged}
        self._meant = {one.path for one in told.tracked if one.unstaged} | {one.path for one in told.unmerged}

    def entry(self, path: str) -> Entry | None:
        """What is stored for ``path``; of an unfinished merge our side."""
        if path in self._known:
            return self._known[path]
        found = trees.lookup(self._objects, self.tree, path)
        return None if found is None or found.mode == trees.FOLDER else (found.mode, found.oid)

    def tracks(self, path: str) -> bool:
        """Also what is only meant to be added, and what a merge left without our side."""
        return path in self._meant or self.entry(path) is not None


@frozen
class Seen:
    """``staged`` is how the index differs from HEAD, ``None`` for what was removed from it.

    ``edited`` and ``untracked`` are files that lie in the folder, ``gone`` are entries of which no file does.
    ``unmerged`` lie there with conflict marks. ``nested`` are other repositories, ``moved`` submodules that stand on
    another commit or are gone, ``special`` is what is no file, folder or link, ``closed`` are folders that we may not
    read. ``rules`` are attribute files that are only in the index, by a sparse checkout.
    """

    head: str | None
    index: Index
    staged: Mapping[str, Entry | None]
    edited: frozenset[str]
    untracked: frozenset[str]
    gone: frozenset[str]
    unmerged: tuple[str, ...]
    nested: tuple[str, ...]
    moved: tuple[str, ...]
    special: tuple[str, ...]
    closed: tuple[str, ...]
    rules: frozenset[str]


def look(repo: Repository) -> Seen:
    """Raises GitFailed."""
    with _index(repo) as index:
        before = _stamp(index)
        told, flagged = _read(repo, index)
        if _stamp(index) != before:
            # A file that was added meanwhile may be untracked no more for the one, and not yet tracked for the other.
            told, flagged = status.read(repo, index), overlooked.read(repo, index)
        return sort(repo.root, Index(repo, told), told, flagged)


def _read(repo: Repository, index: Path) -> tuple[Status, Overlooked]:
    """What one ``git status`` would tell, and what it would not, in two thirds of its time on two processors."""
    with ThreadPoolExecutor(1) as beside:
        later = beside.submit(lambda: (status.read_untracked(repo, index), overlooked.read(repo, index)))
        told = status.read_tracked(repo, index)
        others, flagged = later.result()
    return attrs.evolve(told, untracked=others.untracked, closed=others.closed), flagged


def _stamp(index: Path) -> tuple[int, ...] | None:
    try:
        found = index.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def sort(root: Path, index: Index, told: Status, flagged: Overlooked) -> Seen:
    """Puts each path where it belongs, by what lies in the folder now."""
    assumed = {path for path in flagged.there | flagged.gone if not _is_link(index.entry(path))}
    moved = {one.path for one in told.tracked if one.unstaged and _is_link(one.index) and one.folder_mode in _NO_FILE}
    moved |= {one.path for one in told.unmerged if _is_link(one.ours)}
    moved |= {path for path in flagged.gone if _is_link(index.entry(path))}
    differ = {one.path for one in told.tracked if one.unstaged} | {one.path for one in told.unmerged} | assumed
    edited = {path for path in differ - moved if staging.is_file(root, path)}
    gone = differ - moved - edited
    return Seen(
        head=told.head,
        index=index,
        staged={one.path: one.index for one in told.tracked if one.staged},
        edited=frozenset(edited),
        untracked=frozenset(path for path in told.untracked if not path.endswith("/")),
        gone=frozenset(gone),
        unmerged=tuple(sorted(one.path for one in told.unmerged)),
        nested=tuple(sorted({*_nested(told), *(path for path in gone if os.path.lexists(root / path / ".git"))})),
        moved=tuple(sorted(moved)),
        special=tuple(sorted(path for path in gone if staging.is_special(root / path))),
        closed=told.closed,
        rules=flagged.rules,
    )


_NO_FILE = {0, GITLINK}


def _is_link(entry: Entry | None) -> bool:
    return entry is not None and entry[0] == GITLINK


def _nested(told: Status) -> Iterator[str]:
    return (path.rstrip("/") for path in told.untracked if path.endswith("/"))


@contextlib.contextmanager
def _index(repo: Repository) -> Iterator[Path]:
    """The user's index, to be read only; one of ours that is HEAD's where there is none.

    Without an index git would know neither submodules nor files that are tracked though ignored.
    """
    own = repo.git_dir / "index"
    head = None if own.exists() else repo.head()
    if head is None:
        yield own
        return
    with temporary_folder(repo) as place:
        View(repo, repo.root, place / "index").git("read-tree", head)
        yield place / "index"
