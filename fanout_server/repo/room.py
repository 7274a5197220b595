"""Whether there is room on a disk: what is free, what something takes, and what tells that it ran out."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from fanout_server.model import FanoutError
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.usage import Usage, in_words

RESERVE = Usage(100_000_000, 1_000)
"""Stays free for what comes of work that has begun: results, the journal, logs."""

# A letter for its state, the name, and indented lines of what the index knows of it.
_ENTRY = re.compile(rb"^(\S) .*\n(?:  .*\n)*?  size: (\d+)", re.MULTILINE)
_LEFT_AWAY = b"S"
_BLOCK = 4096
# Folders, for each file of a checkout, on top of it.
_FOLDERS = 0.25

_ERRORS = {errno.ENOSPC, errno.EDQUOT}
# What fails while writing and not while creating has hardly another reason, and git does not always name it.
_IN_WORDS = re.compile(
    b"|".join(
        (os.strerror(errno.ENOSPC).encode(), os.strerror(errno.EDQUOT).encode(), b"unable to write (new index )?file")
    )
)


class DiskFull(FanoutError):
    """There is no room for what was to be done."""


@frozen
class Free:
    """``files`` is how many more inodes there may be, ``None`` where the file system has no limit to them."""

    bytes: int
    files: int | None

    def covers(self, needed: Usage) -> bool:
        return self.bytes >= needed.bytes and (self.files is None or self.files >= needed.files)

    def __str__(self) -> str:
        room = f"{in_words(self.bytes)} free"
        return room if self.files is None else f"{room}, {self.files:,} more files possible"


def free(folder: Path) -> Free:
    """For an ordinary user, on the file system that ``folder`` lies on or would lie on. Raises OSError."""
    while not folder.exists():
        folder = folder.parent
    status = os.statvfs(folder)
    return Free(status.f_bavail * status.f_frsize, status.f_favail if status.f_files else None)


def check(folder: Path, needed: Usage, what: str) -> None:
    """Raises DiskFull where ``what`` would not leave the reserve free, OSError."""
    there = free(folder)
    if not there.covers(needed + RESERVE):
        wanted = needed + RESERVE
        raise DiskFull(
            f"The disk of {folder} has too little room: {there}. {what} needs {in_words(wanted.bytes)} and"
            f" {wanted.files:,} files, of which {in_words(RESERVE.bytes)} and {RESERVE.files:,} files are kept free for"
            " results and logs."
        )


def checkout(repo: Repository) -> Usage:
    """About what another checkout like the user's takes: what is left away by a sparse one counts for nothing."""
    told = repo.git("ls-files", "--cached", "-t", "--debug").out
    sizes = [int(size) for state, size in _ENTRY.findall(told) if state != _LEFT_AWAY]
    return Usage(sum(-(-size // _BLOCK) * _BLOCK for size in sizes), int(len(sizes) * (1 + _FOLDERS)))


def says_full(text: str) -> bool:
    """Whether a message, of git or of the system, tells of a full disk."""
    return _IN_WORDS.search(os.fsencode(text)) is not None


def is_full(error: BaseException) -> bool:
    """Whether it came about because a disk is full, or its user's quota."""
    return any(_says_full(one) for one in _all(error))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors of a group, or the one that it is."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error


def _says_full(error: BaseException) -> bool:
    match error:
        case DiskFull():
            return True
        case OSError():
            return error.errno in _ERRORS
        case GitFailed():
            return _IN_WORDS.search(error.stderr) is not None
        case sqlite3.Error():
            return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        case _:
            return False


def _all(error: BaseException) -> Iterator[BaseException]:
    """The error, those it groups, and those it came from."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
