"""Deletes what lies in trash folders, at the lowest priority, and ends.

Run as a file by a bare interpreter (``python -I -S emptying.py TRASH...``), so it imports nothing of ours. A folder may
have been an agent's: read-only and closed to us, with links out of it, which are unlinked and never followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import stat
import struct
import sys
import time
from collections.abc import Iterator

_TRIES = 3
_BY_EFFECTIVE_USER = os.access in os.supports_effective_ids

# Characters of up to four bytes each, where a path holds some four thousand bytes.
_LONGEST = 700

_LOCK = ".lock"
TRY = "try-"
_TRY_SECONDS = 600.0

# Of those before us each deletes what may be many gigabytes, at the lowest priority.
_TURN_SECONDS = 24 * 3600

# struct btrfs_ioctl_vol_args: a descriptor, a name. All subvolumes' top folders have this inode number.
VOLUME = struct.Struct("@q4088s")
_SNAP_DESTROY = 0x5000940F
_TOP_OF_SUBVOLUME = 256


def empty(trash: str, seconds: float = float("inf"), *, wait: bool = False) -> bool:
    """Deletes for about so long; whether all is gone that this process may delete.

    Another may be at it: then True, for whoever has been at it looks again afterwards. With ``wait`` its turn is waited
    for instead, as it may stop before all is gone; that is for a process that does nothing else.
    """
    end = time.monotonic() + seconds
    failed: set[str] = set()
    while _names(trash, failed):
        try:
            with _locked(trash, wait=wait):
                if not _empty(trash, end, failed):
                    return False
        except (BlockingIOError, FileNotFoundError):
            # The latter: thrown away itself, with all that is in it.
            return True
    return True


@contextlib.contextmanager
def _locked(trash: str, *, wait: bool) -> Iterator[None]:
    """Raises BlockingIOError, FileNotFoundError. Without a lock where there is no room for one."""
    with contextlib.ExitStack() as stack:
        try:
            lock = os.open(os.path.join(trash, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            # Room is what this is to make, and two at it only do each other's work.
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
        else:
            stack.callback(os.close, lock)
            if wait:
                # Ends the process, if nothing else does; the next start takes over what is left.
                signal.alarm(_TURN_SECONDS)
                fcntl.flock(lock, fcntl.LOCK_EX)
                signal.alarm(0)
            else:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _empty(trash: str, end: float, failed: set[str]) -> bool:
    """Whether it got through in time; adds to ``failed`` what is not ours to delete."""
    while names := _names(trash, failed):
        for name in names:
            try:
                if not _delete(os.path.join(trash, name), end):
                    return False
            except OSError:
                # Not ours to delete, or a mount: the next start tries again.
                failed.add(name)
    return True


def _names(trash: str, failed: set[str]) -> list[str]:
    passed = {_LOCK, *failed}
    try:
        return [name for name in os.listdir(trash) if name not in passed and not _is_tried(os.path.join(trash, name))]
    except FileNotFoundError:
        # Thrown away itself, with all that is in it.
        return []


def _is_tried(path: str) -> bool:
    """Whether somebody may just now find out in this folder what works here; they remove it themselves."""
    if not os.path.basename(path).startswith(TRY):
        return False
    with contextlib.suppress(FileNotFoundError):
        return time.time() - os.lstat(path).st_mtime < _TRY_SECONDS
    return True


def _delete(path: str, end: float) -> bool:
    """Whether it could be finished in time. Raises OSError."""
    if os.path.islink(path) or not os.path.isdir(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return True
    if _drop_subvolume(path):
        return True
    if not _clear(path, end):
        return False
    delete_tree(path)
    return True


def _drop_subvolume(path: str) -> bool:
    """A subvolume of btrfs is deleted in one step, where we may and no other is in it. Else it is a folder like any."""
    if os.lstat(path).st_ino != _TOP_OF_SUBVOLUME:
        return False
    parent = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(parent, _SNAP_DESTROY, bytearray(VOLUME.pack(0, os.fsencode(os.path.basename(path)))))
    except OSError:
        return False
    finally:
        os.close(parent)
    return True


def delete_tree(path: str) -> None:
    """All of a folder, closed ones below it included. What is not there is fine. Raises OSError."""
    for attempt in range(_TRIES):
        try:
            _clear(path, float("inf"))
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError:
            # Something still writes there.
            if attempt == _TRIES - 1:
                raise
        else:
            return


def _clear(path: str, end: float) -> bool:
    """Deletes what can be deleted of a folder; whether it got through in time.

    An agent may have made folders in each other beyond what any path can name: they are moved up on the way.
    """
    waiting = [path]
    for folder in waiting:
        if time.monotonic() > end:
            return False
        for one in _opened(folder):
            if not one.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    os.unlink(one.path)
            elif len(one.path) - len(path) < _LONGEST:
                waiting.append(one.path)
            else:
                higher = f"{path}/{os.urandom(12).hex()}"
                with contextlib.suppress(OSError):
                    # What is closed cannot be moved either.
                    os.chmod(one.path, stat.S_IRWXU)
                    os.rename(one.path, higher)
                    waiting.append(higher)
    for folder in reversed(waiting[1:]):
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return True


def _opened(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, which is made readable and writable for us where it is not."""
    try:
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=_BY_EFFECTIVE_USER):
            os.chmod(folder, stat.S_IRWXU)
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        # Gone, or not ours: whoever deletes the folder above says so.
        return []


def main() -> None:
    if os.fork() != 0:
        # Whoever began this need not wait for it.
        os._exit(0)
    if hasattr(os, "SCHED_IDLE"):
        # The disk's time is shared out by the same class.
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
    for trash in sys.argv[1:]:
        empty(trash, wait=True)


if __name__ == "__main__":
    main()
