"""Which process has a run: a lock on a file, which the system takes back when the process dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread

from fanout_server.model import FanoutError

_POLL_SECONDS = 0.02


class RunBusy(FanoutError):
    """Another process has the run."""


class FileLock:
    """An exclusive ``flock`` on ``path``. Not inherited by child processes: Python opens files close-on-exec."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """At once, ``False`` where somebody else has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever lets go removes the file: a lock on a file that is no longer there guards nothing, so try again.
        while self._descriptor is None:
            descriptor = self._lock_file()
            if descriptor is None:
                return False
            if _is_at(descriptor, self.path):
                self._descriptor = descriptor
            else:
                os.close(descriptor)
        return True

    def _lock_file(self) -> int | None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @property
    def held(self) -> bool:
        return self._descriptor is not None

    def release(self) -> None:
        if self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def is_held(path: Path) -> bool:
    """Whether some process, this one included, holds the lock. The file stays as it is."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


@contextlib.asynccontextmanager
async def waiting_for(path: Path, limit: float, what: str) -> AsyncIterator[None]:
    """Holds the lock inside the block. Raises RunBusy, naming ``what``, when ``limit`` seconds did not bring it."""
    lock = FileLock(path)
    with anyio.move_on_after(limit):
        while not await anyio.to_thread.run_sync(lock.acquire):  # noqa: ASYNC110  no event tells of an unlock
            await anyio.sleep(_POLL_SECONDS)
    if not lock.held:
        raise RunBusy(f"Another fanout process is busy with {what}. Wait for it to finish, then try again.")
    try:
        yield
    finally:
        lock.release()
