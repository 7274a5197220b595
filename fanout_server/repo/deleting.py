"""Getting rid of folders, at once for whoever waits: they are renamed into a trash folder, and deleted when there is
time.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import subprocess
import sys
import threading
from pathlib import Path

from fanout_server.repo import emptying

# So much is deleted where it is thrown away; more is left to a process of the lowest priority.
_AT_ONCE_SECONDS = 0.05

_lock = threading.Lock()
_at_work: dict[Path, subprocess.Popen[bytes]] = {}


def discard(path: Path, trash: Path) -> None:
    """Out of sight in one step. What is not there is fine; a link goes, never what it leads to. Raises OSError.

    ``trash`` should lie on the file system of ``path``; else it is deleted here and now, as on a full disk.
    """
    try:
        trash.mkdir(mode=0o700, parents=True, exist_ok=True)
        _rename(path, trash / f"{secrets.token_hex(12)}")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        # A full disk has no room for a trash folder, nor maybe for one more name in it.
        if error.errno not in {errno.EXDEV, errno.ENOSPC, errno.EDQUOT}:
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
    with _lock:
        processes = list(_at_work.values())
    try:
        for process in processes:
            process.wait(limit)
    except subprocess.TimeoutExpired:
        return False
    return True


def _in_background(trashes: list[Path]) -> None:
    with _lock:
        for trash in [trash for trash, process in _at_work.items() if process.poll() is not None]:
            del _at_work[trash]
        for trash in trashes:
            if trash not in _at_work:
                # It has its end: an empty folder. Whoever starts next takes over what a crash leaves.
                _at_work[trash] = subprocess.Popen(
                    [sys.executable, "-I", "-S", emptying.__file__, os.fspath(trash)],
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
