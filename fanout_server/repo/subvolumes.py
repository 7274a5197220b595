"""Subvolumes of btrfs: folders of which a copy-on-write copy of all that is in them is made in one step.

Through the system calls themselves; no program of btrfs is needed, nor root. Their numbers are those of most
processors; where they are others, as on any other file system, the kernel refuses, and the answer is no.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

from fanout_server.repo.emptying import VOLUME

_SUBVOL_CREATE = 0x5000940E
_SNAP_CREATE_V2 = 0x50009417
_SUBVOL_GETFLAGS = 0x80089419

# struct btrfs_ioctl_vol_args_v2: a descriptor, a number, flags, room for later, a name.
_SNAPSHOT = struct.Struct("@qQQ32x4040s")


def make(path: Path) -> None:
    """A new, empty subvolume. Raises OSError, also where it cannot be one."""
    with _Folder(path.parent) as parent:
        fcntl.ioctl(parent, _SUBVOL_CREATE, bytearray(VOLUME.pack(0, os.fsencode(path.name))))


def is_one(path: Path) -> bool:
    try:
        with _Folder(path) as folder:
            fcntl.ioctl(folder, _SUBVOL_GETFLAGS, bytearray(8))
    except OSError:
        return False
    return True


def snapshot(source: Path, path: Path) -> None:
    """A subvolume at ``path`` (not there yet) with all that is in ``source``: times and inode numbers too.

    Raises OSError.
    """
    with _Folder(source) as origin, _Folder(path.parent) as parent:
        fcntl.ioctl(parent, _SNAP_CREATE_V2, bytearray(_SNAPSHOT.pack(origin, 0, 0, os.fsencode(path.name))))


class _Folder:
    """A folder's descriptor, for the time of the block."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        self._descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
