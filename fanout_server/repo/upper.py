"""What was written in an overlay worktree, read off its upper layer: nothing else of it is looked at.

How the kernel notes things there is said in ``mounting/overlay.py``. A renamed folder keeps, as an attribute, where it
came from: a path from the top, or another name in the same place.
"""

from __future__ import annotations

import errno
import functools
import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from attrs import define, field, frozen

from fanout_server.mounting import spaces
from fanout_server.mounting.overlay import marks
from fanout_server.repo import nested, trees
from fanout_server.repo.errors import UnreadableFile
from fanout_server.repo.objects import Objects
from fanout_server.repo.trees import FOLDER, GITLINK, Entry

_RULES = {".gitignore", ".gitattributes"}

# So many new paths are gathered before it is asked which of them are ignored: an ignored folder may hold a million.
_ROUND = 1000

# What we may not look into, as an agent may have made it: closed to us, or too far down for any path.
_CLOSED = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}

AskIgnored = Callable[["Written", Collection[str]], Collection[str]]
"""Which of these paths, folders with a slash at the end, are ignored by the rules as they now are in the worktree."""

AskHidden = Callable[[], Collection[str]]
"""The paths of the base that a sparse checkout leaves away, so that nobody can have touched them."""


@define
class Written:
    """Compared with the tree ``base``. ``removed`` are files and whole folders that are gone, ``files`` those that lie
    in the upper layer, ``brought`` those that came along with a renamed folder. ``kept`` lie in removed folders, but
    stay: submodules, and what was never there to be removed.

    ``folders`` are those that were looked into, each with the tree of the base that shows through there (``None`` for
    nothing), and ``rules`` the plain files in them that say what is ignored or converted.

    ``covers`` are all paths where the upper layer says what there is, in place of what would show through; ``renamed``
    are those of them where a folder of the base does, by its path there.

    Left out are ``ignored`` files and folders, ``nested`` repositories, ``moved`` submodules, files that became
    ``special`` (no file, folder or link), and what is new in ``closed`` folders, which may not be read.
    """

    base: str
    removed: set[str] = field(factory=set)
    files: dict[str, os.stat_result] = field(factory=dict)
    brought: dict[str, Entry] = field(factory=dict)
    kept: dict[str, Entry] = field(factory=dict)
    folders: dict[str, str | None] = field(factory=dict)
    rules: set[str] = field(factory=set)
    covers: set[str] = field(factory=set)
    renamed: dict[str, str] = field(factory=dict)
    ignored: list[str] = field(factory=list)
    nested: list[str] = field(factory=list)
    moved: list[str] = field(factory=list)
    special: list[str] = field(factory=list)
    closed: list[str] = field(factory=list)

    def origin(self, path: str) -> str | None:
        """Where the base has what shows through at a path that is not in the upper layer."""
        at = len(path)
        while at != -1 and (self.covers or self.renamed):
            folder = path[:at]
            if folder in self.renamed:
                return self.renamed[folder] + path[at:]
            if folder in self.covers:
                return None
            at = path.rfind("/", 0, at)
        return path


@frozen
class Upper:
    """An upper layer in ``folder``, of a worktree that was seen at ``seen_at``."""

    folder: Path
    seen_at: Path


@frozen
class _Place:
    """A folder of the upper layer at ``path``. ``origin`` is where the base has what shows through from below, and
    ``below`` the tree of that; ``None`` for nothing.
    """

    path: str
    origin: str | None
    below: str | None


def read(objects: Objects, base: str, upper: Upper, ask_ignored: AskIgnored, ask_hidden: AskHidden) -> Written:
    """``base`` is a tree. Raises OSError, GitFailed."""
    reader = _Reader(objects, base, upper)
    waiting = [_Place("", "", base)]
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
    hidden = reader.keep(ask_hidden)
    # Only now are all the rules known that lie in renamed folders.
    reader.leave_ignored(reader.bring(hidden), ask_ignored)
    return reader.found


class _Reader:
    def __init__(self, objects: Objects, base: str, upper: Upper) -> None:
        self.found = Written(base)
        self._objects = objects
        self._upper = os.fspath(upper.folder)
        self._seen_at = upper.seen_at
        kind = _marks_of(os.getpid(), os.geteuid())
        self._redirect, self._opaque = f"{kind}.overlay.redirect", f"{kind}.overlay.opaque"
        self._left: set[str] = set()

    def look(self, place: _Place, new: list[str]) -> list[_Place]:
        """Takes down what is in a folder; returns the folders in it. ``new`` gets the paths that the base lacks."""
        inner: list[_Place] = []
        below = self.found.folders[place.path] = place.below
        shown_at = base_at = trees.finder(self._objects, below)
        if place.origin != place.path:
            base_at = trees.finder(self._objects, self._folder_at(place.path))
        try:
            listed = list(os.scandir(f"{self._upper}/{place.path}"))
        except OSError as error:
            if error.errno not in _CLOSED:
                raise
            self.found.closed.append(place.path)
            return inner
        for one in listed:
            if one.name == ".git":
                continue
            path = f"{place.path}/{one.name}" if place.path else one.name
            shown = shown_at(one.name)
            base = shown if base_at is shown_at else base_at(one.name)
            if not one.is_dir(follow_symlinks=False):
                self._file(one, path, base, new)
            elif base is None or base.mode != GITLINK:
                inner += self._folder(place, one, path, shown, new, is_new=base is None or base.mode != FOLDER)
            elif self._is_moved(path):
                self.found.moved.append(path)
        return inner

    def _file(self, one: os.DirEntry[str], path: str, base: Entry | None, new: list[str]) -> None:
        status = self._status(one, path)
        if status is None:
            return
        if _is_file(status):
            self.found.covers.add(path)
            self.found.files[path] = status
            if one.name in _RULES and stat.S_ISREG(status.st_mode):
                self.found.rules.add(path)
            if base is None or base.mode in {FOLDER, GITLINK}:
                new.append(path)
        elif base is not None and base.mode == GITLINK:
            if spaces.is_whiteout(status) or self._is_moved(path):
                self.found.moved.append(path)
        else:
            self._gone(path)
            if not spaces.is_whiteout(status) and base is not None and base.mode != FOLDER:
                self.found.special.append(path)

    def _folder(
        self, place: _Place, one: os.DirEntry[str], path: str, shown: Entry | None, new: list[str], *, is_new: bool
    ) -> Iterator[_Place]:
        try:
            marked = os.listxattr(one.path, follow_symlinks=False)
            redirect = _mark(one.path, self._redirect) if self._redirect in marked else None
            opaque = self._opaque in marked and _mark(one.path, self._opaque) == b"y"
        except OSError as error:
            if error.errno not in _CLOSED:
                raise
            self.found.closed.append(path)
            return
        origin: str | None = None
        below: str | None = None
        if redirect is not None:
            origin = _origin(place.origin, redirect)
            below = self._folder_at(origin)
        elif not opaque and shown is not None and shown.mode == FOLDER:
            origin = f"{place.origin}/{one.name}" if place.origin else one.name
            below = shown.oid
        if shown is not None and (origin is None or redirect is not None):
            self._gone(path)
        if is_new:
            new.append(f"{path}/")
            if nested.is_repository(Path(one.path), self._seen_at / path):
                self._gone(path)
                self.found.nested.append(path)
                return
        if redirect is not None and origin is not None and below is not None:
            self.found.renamed[path] = origin
        yield _Place(path, origin, below)

    def _status(self, one: os.DirEntry[str], path: str) -> os.stat_result | None:
        try:
            return one.stat(follow_symlinks=False)
        except PermissionError as error:
            raise UnreadableFile(f"{path} cannot be read: its folder was closed ({error.strerror}).") from error
        except OSError as error:
            if error.errno not in _CLOSED:
                raise
            self.found.closed.append(path)
            return None

    def _gone(self, path: str) -> None:
        self.found.removed.add(path)
        self.found.covers.add(path)

    def _is_moved(self, path: str) -> bool:
        """Whether a submodule stands on another commit than the base has recorded, as far as can be seen here."""
        return os.path.lexists(f"{self._upper}/{path}/.git")

    def keep(self, ask_hidden: AskHidden) -> Collection[str]:
        """Looks into the removed folders for what is not to go with them. Returns what is hidden, if that matters."""
        hidden: Collection[str] | None = None
        for path in sorted(self.found.removed):
            folder = trees.lookup(self._objects, self.found.base, path)
            if folder is None or folder.mode != FOLDER:
                continue
            hidden = ask_hidden() if hidden is None else hidden
            for name, entry in trees.walk(self._objects, folder.oid, path):
                if entry.mode == GITLINK and name not in self.found.kept:
                    self.found.moved.append(name)
                if entry.mode == GITLINK or name in hidden:
                    self.found.kept[name] = entry
        return hidden or ()

    def bring(self, hidden: Collection[str]) -> list[str]:
        """Takes down what came along with renamed folders, but for what is ``hidden`` where it came from. Returns what
        of that is where the base has nothing, with the folders that it is in.
        """
        new: dict[str, None] = {}
        for folder, origin in self.found.renamed.items():
            came = trees.lookup(self._objects, self.found.base, origin)
            if came is None or self.is_left(folder):
                continue
            for path, entry in trees.walk(self._objects, came.oid, folder):
                source = self.found.origin(path)
                if source != origin + path.removeprefix(folder) or source in hidden or entry.mode == GITLINK:
                    continue
                self.found.brought[path] = entry
                if self._is_untracked(path):
                    new |= {f"{one}/": None for one in above(path) if self._is_untracked(one, FOLDER)}
                    new[path] = None
        return list(new)

    def _is_untracked(self, path: str, kind: int | None = None) -> bool:
        base = trees.lookup(self._objects, self.found.base, path)
        return base is None or ((base.mode == FOLDER) != (kind == FOLDER))

    def leave_ignored(self, new: list[str], ask_ignored: AskIgnored) -> None:
        """Also takes out what lies in an ignored folder; of all that only the folder is named."""
        if not new:
            return
        ignored = set(ask_ignored(self.found, new))
        self._left |= {path.rstrip("/") for path in ignored}
        self.found.ignored += [path for path in sorted(ignored) if not _is_inside(path.rstrip("/"), self._left)]
        for files in (self.found.files, self.found.brought):
            for path in [path for path in files if self.is_left(path)]:
                del files[path]
        for names in (self.found.nested, self.found.closed):
            names[:] = [path for path in names if not self.is_left(path)]

    def is_left(self, path: str) -> bool:
        return path in self._left or _is_inside(path, self._left)

    def _folder_at(self, origin: str | None) -> str | None:
        """The tree that the base has there."""
        folder = None if origin is None else trees.lookup(self._objects, self.found.base, origin)
        return folder.oid if folder is not None and folder.mode == FOLDER else None


def _mark(path: str, name: str) -> bytes:
    return os.getxattr(path, name, follow_symlinks=False)


@functools.lru_cache(maxsize=1)
def _marks_of(process: int, user: int) -> str:
    """They take reading two files; what a process may do as a user stays as it is."""
    del process, user
    return marks()


def _is_inside(path: str, folders: Collection[str]) -> bool:
    return bool(folders) and any(folder in folders for folder in above(path))


def above(path: str) -> Iterator[str]:
    """All folders above a path. Never all of them at a time: an agent may have made thousands in each other."""
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)


def _is_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)


def _origin(parent: str | None, redirect: bytes) -> str | None:
    target = os.fsdecode(redirect)
    if target.startswith("/"):
        return target.removeprefix("/")
    if parent is None:
        return None
    return f"{parent}/{target}" if parent else target
