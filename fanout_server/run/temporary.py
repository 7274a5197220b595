"""A folder for the temporary files of one attempt, for programs leave them behind. Gone with the attempt."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread

from fanout_server.repo import deleting

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def folder(run: str) -> AsyncIterator[Path]:
    """In the system's own: some programs make sockets there, whose names must be short. Raises OSError."""
    path = Path(await anyio.to_thread.run_sync(tempfile.mkdtemp, None, _prefix(run)))
    try:
        yield path
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_delete, path)


def reap(run: str) -> None:
    """What a dead process had for the run. Blocking."""
    for path in Path(tempfile.gettempdir()).glob(f"{_prefix(run)}*"):
        # Anybody can make a folder of that name there.
        if path.lstat().st_uid == os.geteuid():
            _delete(path)


def _delete(path: Path) -> None:
    try:
        deleting.delete(path)
    except OSError as error:
        _log.warning("Cannot remove the temporary folder %s: %s. Remove it by hand.", path, error.strerror)


def _prefix(run: str) -> str:
    return f"fanout-{run}-"
