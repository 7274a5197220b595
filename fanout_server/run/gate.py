"""The gate that no unit passes any more once a disk is full. What has begun goes on to its end."""

from __future__ import annotations

import logging
import sqlite3
import threading

from fanout_server.repo import room, usage
from fanout_server.repo.room import DiskFull
from fanout_server.repo.usage import Usage
from fanout_server.run.journal import JournalError
from fanout_server.run.services import Services

_log = logging.getLogger(__name__)

# Less than that is free: whatever fails now fails for want of room.
_HARDLY_ANY = Usage(2_000_000, 20)


class Gate:
    """``reason`` says why it is closed, ``None`` while it is open. For any number of threads."""

    def __init__(self, services: Services) -> None:
        self._folders = (services.state_root, services.repository.state_dir)
        self._lock = threading.Lock()
        self.reason: str | None = None

    def check(self, needed: Usage, what: str) -> None:
        """Before ``what`` takes ``needed`` of the state folder. Raises DiskFull, also if it was closed before."""
        self.pass_through()
        try:
            for folder, amount in zip(self._folders, (needed, usage.NOTHING), strict=True):
                room.check(folder, amount, what)
        except DiskFull as error:
            self._close(str(error))
            raise

    def pass_through(self) -> None:
        """Raises DiskFull where it was closed meanwhile."""
        if self.reason is not None:
            raise DiskFull(self.reason)

    def met(self, error: BaseException) -> DiskFull | None:
        """Closes the gate where ``error`` came about because a disk is full."""
        known = next((one for one in room.leaves(error) if isinstance(one, DiskFull)), None)
        if known is not None:
            self._close(str(known))
            return known
        if not room.is_full(error) and not (_is_unclear(error) and self.is_full()):
            return None
        there = "; ".join(f"{folder}: {room.free(folder)}" for folder in self._folders)
        told = next(room.leaves(error), error)
        full = DiskFull(f"A disk is full ({str(told).rstrip('.')}). {there}.")
        self._close(str(full))
        return full

    def is_full(self) -> bool:
        """Whether hardly anything can be written any more."""
        return any(not room.free(folder).covers(_HARDLY_ANY) for folder in self._folders)

    def why(self) -> DiskFull:
        """Closes it for what failed while ``is_full``, if it is not closed yet."""
        if self.reason is not None:
            return DiskFull(self.reason)
        there = "; ".join(f"{folder}: {room.free(folder)}" for folder in self._folders)
        full = DiskFull(f"A disk is full. {there}.")
        self._close(str(full))
        return full

    def _close(self, reason: str) -> None:
        with self._lock:
            if self.reason is None:
                self.reason = reason
                _log.warning("no unit is started any more: %s", reason)


def _is_unclear(error: BaseException) -> bool:
    """SQLite has no better word for some of what a full disk does to it."""
    cause = error.__cause__ if isinstance(error, JournalError) else None
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR
