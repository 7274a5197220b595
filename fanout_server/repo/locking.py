"""Locks between processes and threads, on files that stay: the system takes them back when their holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from fanout_server.repo.errors import WorktreeFailed

_POLL_SECONDS = 0.02


class Lock:
    """A ``flock`` on ``path``, shared or exclusive. Two of them exclude each other in one process, too."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def try_to(self, *, exclusive: bool) -> bool:
        """At once; also turns a lock that is held into one of the other kind, which may lose it."""
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait(self, *, exclusive: bool, limit: float, what: str) -> None:
        """Raises WorktreeFailed, which says ``what`` another process does for too long, after ``limit`` seconds."""
        end = time.monotonic() + limit
        while not self.try_to(exclusive=exclusive):
            if time.monotonic() > end:
                raise WorktreeFailed(f"Another fanout process {what} for too long (it holds {self.path}). End it.")
            time.sleep(_POLL_SECONDS)

    @property
    def is_in_place(self) -> bool:
        """Whether the file is still there under its name: a lock on one that was moved away keeps nobody out."""
        if self._descriptor < 0:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Lets go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@contextlib.contextmanager
def exclusive(path: Path, limit: float, what: str) -> Iterator[None]:
    """Holds the lock inside the block. Raises WorktreeFailed as ``Lock.wait``."""
    lock = Lock(path)
    try:
        lock.wait(exclusive=True, limit=limit, what=what)
        yield
    finally:
        lock.close()
