"""The few things done to files on disk, each of them complete and safe on the disk when it returns."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})
_NO_HARD_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})


def write_new(path: Path, data: bytes, mode: int, exact_mode: int | None = None) -> None:
    """Makes a file that is not there yet, safe on the disk. ``mode`` is subject to the umask, ``exact_mode`` is not."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if exact_mode is not None:
            os.fchmod(descriptor, exact_mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep(source: Path, kept: Path) -> None:
    """A second name for the same file where the file system can, else a copy with its permission bits and time.

    A link is kept as a link. ``kept`` must not be there yet.
    """
    status = source.lstat()
    if stat.S_ISLNK(status.st_mode):
        kept.symlink_to(os.readlink(source))  # noqa: PTH115 - Path.readlink would tidy the text up
        return
    try:
        kept.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _copy(source, status, kept)


def _copy(source: Path, status: os.stat_result, target: Path) -> None:
    write_new(target, source.read_bytes(), 0o600, stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        if error.errno not in _NOT_EMPTY:
            raise
