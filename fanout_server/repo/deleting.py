"""Getting rid of folders, at once for whoever waits: they are renamed into a trash folder, and deleted when there is
time.
"""

from __future__ import annotations

import errno
import itertools
import os
import secrets
import select
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import attrs

from fanout_server.repo import emptying

# So much is deleted where it is thrown away; more is left to a process of the lowest priority.
_AT_ONCE_SECONDS = 0.05

_START_SECONDS = 30.0

_NO_WAY_THERE = {errno.EXDEV, errno.ENOSPC, errno.EDQUOT}


@attrs.frozen
class _AtWork:
    """A process that empties a trash folder. The other end of ``pipe`` is its own, and closed at its end."""

    trash: Path
    # It deletes all that was in the folder before it was started in this turn.
    turn: int
    pipe: int


_lock = threading.Lock()
_at_work: list[_AtWork] = []
_turns = itertools.count()


def discard(path: Path, trash: Path) -> None:
    """Out of sight in one step. What is not there is fine; a link goes, never what it leads to. Raises OSError.

    ``trash`` should lie on the file system of ``path``; else it is deleted here and now, as where a disk is so full
    that there is no room for a trash folder.
    """
    try:
        trash.mkdir(mode=0o700, parents=True, exist_ok=True)
        _rename(path, trash / f"{secrets.token_hex(12)}")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        if error.errno not in _NO_WAY_THERE:
            raise
        delete(path)


def _rename(path: Path, goal: Path) -> None:
    try:
        path.rename(goal)
    except PermissionError:
        # To move a folder, one must be able to write to it.
        if path.is_symlink() or not path.is_dir():
            raise
        path.chmod(stat.S_IRWXU)
        path.rename(goal)


def delete(path: Path) -> None:
    """Deletes a file, link or folder now. What is not there is fine. Raises OSError."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        emptying.delete_tree(str(path))


def empty(*trashes: Path) -> None:
    """Deletes what is quickly deleted, and has the rest deleted in the background, also beyond this process's end."""
    left = [trash for trash in trashes if not emptying.empty(str(trash), _AT_ONCE_SECONDS)]
    if left:
        _in_background(left)


def wait_for_background(limit: float) -> bool:
    """Whether all background deletions that this process began have ended within ``limit`` seconds."""
    end = time.monotonic() + limit
    with _lock:
        while _at_work and (left := end - time.monotonic()) > 0:
            _bury(left)
        return not _at_work


def _in_background(trashes: list[Path]) -> None:
    asked = next(_turns)
    with _lock:
        _bury(0)
        for trash in trashes:
            # One that was started before may already have looked for the last time.
            if not any(one.trash == trash and one.turn > asked for one in _at_work):
                turn = next(_turns)
                _at_work.append(_AtWork(trash, turn, _start(trash)))


def _bury(limit: float) -> None:
    """Only with ``_lock``: forgets those that have ended, and waits for the first for so many seconds."""
    waiting = select.poll()
    for one in _at_work:
        waiting.register(one.pipe, select.POLLIN)
    ended = {pipe for pipe, _ in waiting.poll(limit * 1000)}
    for one in [one for one in _at_work if one.pipe in ended]:
        _at_work.remove(one)
        os.close(one.pipe)


def _start(trash: Path) -> int:
    """A process that has its end: an empty folder. Whoever starts next takes over what a crash leaves.

    It is nobody's child, as it may outlive us, and the children that we look after are agents.
    """
    reading, writing = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", emptying.__file__, os.fspath(trash)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[writing],
            start_new_session=True,
            timeout=_START_SECONDS,
            check=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return reading
