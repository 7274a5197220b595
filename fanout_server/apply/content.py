"""What a file holds, what a run made of it, and what the user has now."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Protocol

from attrs import frozen

from fanout_server.apply import paths
from fanout_server.model import FanoutError

REGULAR = 0o100644
EXECUTABLE = 0o100755
SYMLINK = 0o120000


@frozen
class Content:
    """``mode`` is one of git's: 0o100644, 0o100755 or 0o120000. The ``data`` of a symlink is where it points."""

    mode: int
    data: bytes

    @property
    def is_link(self) -> bool:
        return self.mode == SYMLINK


@frozen
class FileChange:
    """What the change set did to one file. ``None`` is no file. Of a rename ``old`` is what ``renamed_from`` held."""

    path: str
    old: Content | None
    new: Content | None
    units: tuple[str, ...]
    renamed_from: str | None = None


class Unreadable(FanoutError):
    """What the user has at ``path`` is no file that can be compared; ``reason`` is a clause without a full stop."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"'{paths.shown(path)}' cannot be read: {reason}.")
        self.path = path
        self.reason = reason


class ParentInTheWay(Unreadable):
    """``blocker`` is a file or symlink where ``path`` needs a folder."""

    def __init__(self, path: str, blocker: str, reason: str) -> None:
        super().__init__(path, reason)
        self.blocker = blocker


class FolderInTheWay(Unreadable):
    """A folder stands at ``path``; ``files`` are all files below it, as paths in the checkout."""

    def __init__(self, path: str, files: tuple[str, ...]) -> None:
        super().__init__(path, f"'{paths.shown(path)}' is a folder")
        self.files = files


class Present(Protocol):
    """What the user has NOW: the bytes of an open buffer as they would be saved, or what is on disk."""

    def read(self, path: str) -> Content | None:
        """``None`` where there is no file. Raises Unreadable."""
        ...


@frozen
class Disk:
    """The files below ``root``. Never follows a symlink; opens nothing but regular files."""

    root: Path

    def read(self, path: str) -> Content | None:
        try:
            paths.check(path)
        except paths.UnsafePath as error:
            raise Unreadable(path, "it leads out of the checkout or into git's own folder") from error
        try:
            return self._read(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unreadable(path, (error.strerror or str(error)).lower()) from error

    def _read(self, path: str) -> Content | None:
        found = paths.blocker(self.root, path)
        if found is not None:
            kind = "a symbolic link" if found.is_link else "a file"
            raise ParentInTheWay(path, found.path, f"'{paths.shown(found.path)}' is {kind}, not a folder")
        target = self.root / path
        status = paths.status_of(target)
        if status is None:
            return None
        if stat.S_ISLNK(status.st_mode):
            # Path.readlink would tidy the text up.
            return Content(SYMLINK, os.readlink(os.fsencode(target)))  # noqa: PTH115
        if stat.S_ISDIR(status.st_mode):
            raise FolderInTheWay(path, self._files_below(path))
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable(path, "it is no regular file")
        return self._read_regular(target)

    def _read_regular(self, target: Path) -> Content:
        # Between lstat and here it may have become a link or a pipe: the one is refused, the other does not block.
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            return Content(EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR, file.read())

    def _files_below(self, path: str) -> tuple[str, ...]:
        found: list[str] = []

        def fail(error: OSError) -> None:
            raise error

        for folder, folders, files in os.walk(self.root / path, onerror=fail):
            # A link to a folder is listed as a folder, but is something of the user's that can get lost.
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            found += [(Path(folder) / name).relative_to(self.root).as_posix() for name in (*files, *links)]
        return tuple(sorted(found))
