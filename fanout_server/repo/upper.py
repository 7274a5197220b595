"""What was written in an overlay worktree, read off its upper layer: nothing else of it is looked at.

How the kernel notes things there is said in ``mounting/overlay.py``. A renamed folder keeps, as an attribute, where it
came from: a path from the top, or another name in the same place.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from attrs import define, field, frozen

from fanout_server.mounting import spaces
from fanout_server.repo import trees
from fanout_server.repo.objects import Objects
from fanout_server.repo.trees import FOLDER, GITLINK, Entry

# So many new paths are gathered before it is asked which of them are ignored: an ignored folder may hold a million.
_ROUND = 1000

AskIgnored = Callable[["Written", Collection[str]], Collection[str]]
"""Which of these paths, folders with a slash at the end, are ignored by the rules as they now are in the worktree."""


@define
class Written:
    """Compared with the tree ``base``. ``removed`` are files and whole folders that are gone, ``files`` those that lie
    in the upper layer, ``brought`` those that came along with a renamed folder.

    Left out are ``ignored`` files and folders, ``nested`` repositories, ``moved`` submodules, what is ``special`` (no
    file, folder or link), and what is new in ``closed`` folders, which may not be read.
    """

    base: str
    removed: set[str] = field(factory=set)
    files: dict[str, os.stat_result] = field(factory=dict)
    brought: dict[str, Entry] = field(factory=dict)
    ignored: list[str] = field(factory=list)
    nested: list[str] = field(factory=list)
    moved: list[str] = field(factory=list)
    special: list[str] = field(factory=list)
    closed: list[str] = field(factory=list)

    def drop_below(self, folder: str) -> None:
        """Forgets what was found at and below a path."""
        prefix = f"{folder}/"
        for found in (self.files, self.brought):
            for path in [path for path in found if path == folder or path.startswith(prefix)]:
                del found[path]


@frozen
class _Place:
    """A folder of the upper layer at ``path``. ``origin`` is where the base has what shows through from below, ``None``
    for nothing.
    """

    path: str
    origin: str | None


def read(objects: Objects, base: str, upper: Path, ask_ignored: AskIgnored) -> Written:
    """``base`` is a tree. Raises OSError, GitFailed."""
    reader = _Reader(objects, base, upper)
    waiting = [_Place("", "")]
    while waiting:
        new: list[str] = []
        later: list[_Place] = []
        for place in waiting:
            if len(new) > _ROUND:
                later.append(place)
            else:
                waiting += reader.look(place, new)
        reader.leave_ignored(new, ask_ignored)
        waiting = [place for place in later if not reader.is_left(place.path)]
    return reader.found


class _Reader:
    def __init__(self, objects: Objects, base: str, upper: Path) -> None:
        self.found = Written(base)
        self._objects = objects
        self._upper = os.fspath(upper)
        self._left: set[str] = set()

    def look(self, place: _Place, new: list[str]) -> list[_Place]:
        """Takes down what is in a folder; returns the folders in it. ``new`` gets the paths that the base lacks."""
        inner: list[_Place] = []
        below = self._folder_at(place.origin)
        at_path = below if place.origin == place.path else self._folder_at(place.path)
        try:
            listed = list(os.scandir(f"{self._upper}/{place.path}"))
        except PermissionError:
            self.found.closed.append(place.path)
            return inner
        for one in listed:
            path = f"{place.path}/{one.name}" if place.path else one.name
            if one.name == ".git":
                continue
            status = one.stat(follow_symlinks=False)
            shown = self._child(below, one.name)
            base = shown if at_path == below else self._child(at_path, one.name)
            if base is not None and base.mode == GITLINK and not _is_file(status):
                if spaces.is_whiteout(status) or os.path.lexists(f"{one.path}/.git"):
                    self.found.moved.append(path)
            elif spaces.is_whiteout(status):
                self._gone(path)
            elif stat.S_ISDIR(status.st_mode):
                inner += self._folder(place, one, path, shown, new, is_new=base is None or base.mode != FOLDER)
            elif _is_file(status):
                self.found.drop_below(path)
                self.found.files[path] = status
                if base is None or base.mode in {FOLDER, GITLINK}:
                    new.append(path)
            else:
                self._gone(path)
                self.found.special.append(path)
        return inner

    def _folder(
        self, place: _Place, one: os.DirEntry[str], path: str, shown: Entry | None, new: list[str], *, is_new: bool
    ) -> Iterator[_Place]:
        redirect = _attribute(one.path, "redirect")
        opaque = _attribute(one.path, "opaque") == b"y"
        origin: str | None = None
        if redirect is not None:
            origin = _origin(place.origin, redirect)
        elif not opaque and shown is not None and shown.mode == FOLDER:
            origin = f"{place.origin}/{one.name}" if place.origin else one.name
        if shown is not None and (origin is None or redirect is not None):
            self._gone(path)
        if is_new and os.path.lexists(f"{one.path}/.git"):
            self._gone(path)
            self.found.nested.append(path)
            return
        if redirect is not None and origin is not None:
            came = trees.lookup(self._objects, self.found.base, origin)
            if came is not None and came.mode == FOLDER:
                self.found.brought |= trees.walk(self._objects, came.oid, path)
                new += [moved for moved in self.found.brought if moved.startswith(f"{path}/")]
        if is_new:
            new.append(f"{path}/")
        yield _Place(path, origin)

    def _gone(self, path: str) -> None:
        self.found.removed.add(path)
        self.found.drop_below(path)

    def leave_ignored(self, new: list[str], ask_ignored: AskIgnored) -> None:
        """Also takes out what lies in an ignored folder; of all that only the folder is named."""
        if not new:
            return
        ignored = set(ask_ignored(self.found, new))
        folders = {path.rstrip("/") for path in ignored if path.endswith("/")}
        self._left |= folders
        for path in sorted(ignored):
            bare = path.rstrip("/")
            if not _is_inside(bare, folders):
                self.found.ignored.append(path)
            if path.endswith("/"):
                self.found.drop_below(bare)
            else:
                self.found.files.pop(bare, None)
                self.found.brought.pop(bare, None)

    def is_left(self, path: str) -> bool:
        return path in self._left or _is_inside(path, self._left)

    def _child(self, tree: str | None, name: str) -> Entry | None:
        return None if tree is None else trees.child(self._objects, tree, name)

    def _folder_at(self, origin: str | None) -> str | None:
        """The tree that the base has there."""
        folder = None if origin is None else trees.lookup(self._objects, self.found.base, origin)
        return folder.oid if folder is not None and folder.mode == FOLDER else None


def _is_inside(path: str, folders: Collection[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:count]) in folders for count in range(1, len(parts)))


def _is_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)


def _origin(parent: str | None, redirect: bytes) -> str | None:
    target = os.fsdecode(redirect)
    if target.startswith("/"):
        return target.removeprefix("/")
    if parent is None:
        return None
    return f"{parent}/{target}" if parent else target


def _attribute(path: str, name: str) -> bytes | None:
    for space in ("trusted", "user"):
        try:
            return os.getxattr(path, f"{space}.overlay.{name}", follow_symlinks=False)
        except OSError as error:
            if error.errno not in {errno.ENODATA, errno.EPERM, errno.ENOTSUP}:
                raise
    return None
