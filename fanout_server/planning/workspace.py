"""What planning knows of the user's files: which there are, and what a written path means among them."""

from __future__ import annotations

import bisect
import copy
import functools
import os
import posixpath
import stat
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from fanout_server.planning.texts import Opened, Texts, nothing_open

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanout_server.model import Changes

_CUT_OFF = ".../"


class Files(Protocol):
    """The files of a repository; ``repo.repository.Repository`` is one."""

    def list_files(self) -> tuple[str, ...]:
        """Tracked and untracked-not-ignored files that exist, relative to the top folder."""

    def ignored(self, paths: Iterable[str], /) -> frozenset[str]:
        """Those of ``paths`` that the repository ignores."""

    def changed(self, written: str) -> Changes:
        """What changed in a range of revisions like ``main..HEAD``. Raises FanoutError where it is none."""


class Status(Enum):
    FILE = "file"
    FOLDER = "folder"
    # On disk, but not among the files of the repository: ignored, empty, or a repository of its own.
    UNLISTED = "unlisted"
    OUTSIDE = "outside"
    MISSING = "missing"


@frozen
class Located:
    """``path`` is relative to the top folder, but as it was written where it is outside or missing."""

    path: str
    status: Status


class Workspace:
    """The files as they are when it is made. ``cwd`` is what relative paths are relative to, then the top folder.

    ``opened`` knows the texts of open documents; ``texts`` reads those, and the disk for the rest.
    """

    def __init__(self, files: Files, root: Path, cwd: Path, opened: Opened = nothing_open) -> None:
        self._source = files
        self.texts = Texts(root, opened)
        self._root = os.path.normpath(root.absolute())
        self._real_root = os.path.realpath(root)
        self._cwd = self._inside(os.path.normpath(cwd.absolute()))
        self.files = tuple(sorted(files.list_files()))
        self._files = frozenset(self.files)
        self.folders = _folders(self.files)
        self.locate = functools.lru_cache(maxsize=65536)(self._locate)

    def seeing(self, opened: Opened) -> Workspace:
        """The same files, with the texts of the documents that are open by now."""
        made = copy.copy(self)
        made.texts = Texts(Path(self._root), opened)
        return made

    def exists(self, written: str) -> bool:
        """Whether there is something of that name, inside or outside."""
        located = self.locate(written)
        return located.status is not Status.MISSING and (located.status is not Status.OUTSIDE or _on_disk(written))

    def ignored(self, paths: Iterable[str]) -> frozenset[str]:
        wanted = tuple(paths)
        return self._source.ignored(wanted) if wanted else frozenset()

    def changed(self, written: str) -> Changes:
        """See ``Files``."""
        return self._source.changed(written)

    def resolve_link(self, path: str) -> Located:
        """A listed file as it is worked on: what a link points to, where that is a file of the repository too."""
        full = f"{self._root}/{path}"
        try:
            mode = os.lstat(full).st_mode
        except (OSError, ValueError):
            return Located(path, Status.FILE)
        if stat.S_ISDIR(mode):
            # git lists the folder of a submodule like a file.
            return Located(path, Status.UNLISTED)
        return self._through_links(path, full) if stat.S_ISLNK(mode) else Located(path, Status.FILE)

    def below(self, folder: str) -> tuple[str, ...]:
        """The listed files in ``folder`` and in all folders below it."""
        if folder == ".":
            return self.files
        # "0" comes right after "/".
        first, last = (bisect.bisect_left(self.files, folder + end) for end in "/0")
        return self.files[first:last]

    def from_top(self, path: str) -> str:
        """A path relative to the top folder as ``locate`` reads it right, wherever ``cwd`` is."""
        return f"{self._root.rstrip('/')}/{path}"

    def bases(self) -> tuple[str, ...]:
        """The folders that a relative path may start from, as prefixes, the first that fits to be taken."""
        return ("",) if self._cwd in {None, "."} else (f"{self._cwd}/", "")

    def is_outside(self, written: str) -> bool:
        """Whether the words of a path or glob alone lead out of the workspace."""
        return not self._readings(written)

    def relative(self, written: str) -> tuple[str, ...]:
        """``written`` relative to the top folder, in the ways that it may be meant; none where all are outside."""
        return tuple(self._readings(written))

    def _locate(self, written: str) -> Located:
        if not written or "\0" in written:
            return Located(written, Status.MISSING)
        if written.startswith(_CUT_OFF):
            return self._cut_off(written)
        readings = self._readings(written)
        for path in readings:
            if path in self._files:
                return self.resolve_link(path)
            if path == "." or path in self.folders:
                return Located(path, Status.FOLDER)
        for path in readings:
            full = f"{self._root}/{path}"
            if os.path.lexists(full):
                return self._through_links(path, full)
        return Located(written, Status.MISSING if readings else Status.OUTSIDE)

    def _cut_off(self, written: str) -> Located:
        """``.../api/users.ts``, as ``git diff --stat`` shortens long names: the one file that ends like this."""
        ending = written.removeprefix("...")
        matches = [path for path in self.files if path.endswith(ending) or path == ending[1:]]
        return Located(matches[0], Status.FILE) if len(matches) == 1 else Located(written, Status.MISSING)

    def _readings(self, written: str) -> list[str]:
        written = _expanded(written)
        if written.startswith("/"):
            inside = self._inside(posixpath.normpath(written))
            return [] if inside is None else [inside]
        starts = dict.fromkeys(posixpath.normpath(base + written) for base in self.bases())
        return [path for path in starts if path != ".." and not path.startswith("../")]

    def _inside(self, full: str) -> str | None:
        for root in (self._root, self._real_root):
            if full == root:
                return "."
            if full.startswith(root.rstrip("/") + "/"):
                return full[len(root.rstrip("/")) + 1 :]
        return None

    def _through_links(self, path: str, full: str) -> Located:
        real = self._inside(os.path.realpath(full))
        if real is None:
            return Located(path, Status.OUTSIDE)
        if real in self._files:
            return Located(real, Status.FILE)
        if real in self.folders:
            return Located(real, Status.FOLDER)
        return Located(path, Status.FILE if path in self._files else Status.UNLISTED)

    def describe_unlisted(self, path: str) -> str | None:
        """Why a path that is not ignored is none of the repository's files; ``None`` for an empty folder."""
        full = Path(self._root, path)
        if ".git" in path.split("/"):
            return "belongs to git itself"
        if (full / ".git").exists() or self._within_nested(full):
            return "is in a repository of its own"
        return None if full.is_dir() else "is not a file that a repository can hold"

    def _within_nested(self, full: Path) -> bool:
        return any((parent / ".git").exists() for parent in full.parents if self._is_below_root(parent))

    def _is_below_root(self, folder: Path) -> bool:
        return str(folder).startswith(self._root.rstrip("/") + "/")


def _on_disk(written: str) -> bool:
    path = _expanded(written)
    return path.startswith("/") and os.path.lexists(path)


def _expanded(written: str) -> str:
    return str(Path.home()) + written[1:] if written.startswith("~/") else written


def _folders(files: tuple[str, ...]) -> frozenset[str]:
    folders: set[str] = set()
    for path in files:
        folder = posixpath.dirname(path)
        while folder and folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return frozenset(folders)
