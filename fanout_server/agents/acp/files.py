"""A worktree's files, read and written on behalf of a program that may try to get out of it.

Paths are walked folder by folder with descriptors, and no link is ever followed by the system: what is checked is what
is opened, whatever happens to the folders meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

_GIT = ".git"
_MOST_LINKS = 40
_LONGEST_PATH = 4096
_MOST_BYTES = 16 * 1024 * 1024
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOCTTY", 0)


class Outside(Exception):
    """A path out of the worktree, or to what is none of a program's business. The text is for the program."""


@define
class Place:
    """Where a path leads: ``name`` in the open folder ``parent``. ``path`` is relative to the worktree, links resolved.

    ``missing``: it is a folder on the way that is not there.
    """

    parent: int
    name: str
    path: str
    missing: bool


@define
class _Walk:
    """The folders from the worktree down to where we are, open, and the way that is left."""

    top: int
    way: list[str]
    create: bool
    folders: list[tuple[int, str]] = field(factory=list)
    links: int = 0

    @property
    def here(self) -> int:
        return self.folders[-1][0] if self.folders else self.top

    def up(self) -> None:
        if not self.folders:
            raise Outside("it leads out of the worktree")
        os.close(self.folders.pop()[0])

    def close(self) -> None:
        for fd, _ in self.folders:
            os.close(fd)


class Worktree:
    """The files in ``cwd``, as the program calls it; ``root`` is its root folder as we reach it. All of it blocks."""

    def __init__(self, cwd: Path, root: Path) -> None:
        self._names = [name.rstrip("/") for name in dict.fromkeys([str(cwd), os.path.realpath(cwd)])]
        self._at = Path(f"{root}{cwd}") if str(root) != "/" else cwd

    def locate(self, path: str) -> str:
        """Where in the worktree that is, links resolved. Raises ``Outside`` and ``OSError``."""
        with self._walk(path, create=False) as place:
            return place.path

    def read(self, path: str) -> str:
        """Raises ``Outside`` and ``OSError``."""
        with self._walk(path, create=False) as place, _opened(place, os.O_RDONLY) as fd:
            if os.fstat(fd).st_size > _MOST_BYTES:
                raise Outside(f"it is larger than {_MOST_BYTES:,} bytes")
            with open(fd, "rb", closefd=False) as file:
                data = file.read(_MOST_BYTES)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise Outside("it is no UTF-8 text") from None

    def write(self, path: str, text: str, may: Callable[[str], bool]) -> None:
        """Makes the file and its folders where they are missing; a file that is there keeps its mode.

        ``may`` is asked first, with the path that ``locate`` tells. Raises ``Outside`` and ``OSError``.
        """
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError:
            raise Outside("what is to be written is no text: it holds half of a surrogate pair") from None
        located = self.locate(path)
        if not may(located):
            raise Outside("it is not among the files that this task may write")
        with self._walk(located, create=True) as place:
            if place.path != located:
                raise Outside("it became a link meanwhile")
            self._fill(place, data)

    @staticmethod
    def _fill(place: Place, data: bytes) -> None:
        with _opened(place, os.O_WRONLY | os.O_CREAT) as fd:
            os.ftruncate(fd, 0)
            with open(fd, "wb", closefd=False) as file:
                file.write(data)

    def _open(self) -> int:
        return os.open(self._at, os.O_RDONLY | _FOLDER)

    @contextmanager
    def _walk(self, path: str, *, create: bool) -> Iterator[Place]:
        way = self._inside(path)
        top = self._open()
        walk = _Walk(top, way, create)
        try:
            while True:
                if not walk.way:
                    raise Outside("it is a folder")
                place = self._step(walk)
                if place is not None:
                    break
            yield place
        finally:
            walk.close()
            os.close(top)

    def _inside(self, path: str) -> list[str]:
        """The parts of a path below the worktree, the next one last."""
        if not path or "\0" in path or len(path) > _LONGEST_PATH:
            raise Outside("it is no path")
        if path.startswith("/"):
            for name in self._names:
                if path.startswith(name + "/"):
                    path = path[len(name) + 1 :]
                    break
            else:
                raise Outside("it lies outside the worktree")
        parts = path.split("/")
        # Looked for before anything is made on the way there.
        if any(part.lower() == _GIT for part in parts):
            raise Outside("it is git's own")
        return [part for part in reversed(parts) if part not in {"", "."}]

    def _step(self, walk: _Walk) -> Place | None:
        """One part of the way; the place where it ends."""
        name = walk.way.pop()
        if name == "..":
            walk.up()
            return None
        if name.lower() == _GIT:
            raise Outside("it is git's own")
        mode = _mode(walk.here, name)
        if mode is not None and stat.S_ISLNK(mode):
            self._follow(walk, name)
            return None
        if mode is not None and stat.S_ISDIR(mode):
            walk.folders.append((os.open(name, os.O_RDONLY | _FOLDER, dir_fd=walk.here), name))
            return None
        if walk.way and mode is None and walk.create:
            os.mkdir(name, dir_fd=walk.here)
            walk.folders.append((os.open(name, os.O_RDONLY | _FOLDER, dir_fd=walk.here), name))
            return None
        parts = [folder for _, folder in walk.folders] + [name] + walk.way[::-1]
        if walk.way and (mode is not None or ".." in walk.way):
            raise Outside("a part of it is no folder")
        return Place(walk.here, name, "/".join(parts), missing=bool(walk.way))

    def _follow(self, walk: _Walk, name: str) -> None:
        walk.links += 1
        if walk.links > _MOST_LINKS:
            raise Outside("its links lead in a circle")
        target = os.readlink(name, dir_fd=walk.here)
        if target.startswith("/"):
            way = self._inside(target)
            while walk.folders:
                walk.up()
        else:
            way = [part for part in reversed(target.split("/")) if part not in {"", "."}]
        walk.way += way


def _mode(folder: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


@contextmanager
def _opened(place: Place, flags: int) -> Iterator[int]:
    if place.missing:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    fd = os.open(place.name, flags | _FILE, 0o666, dir_fd=place.parent)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Outside("it is no file")
        yield fd
    finally:
        os.close(fd)
