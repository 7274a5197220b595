"""Git's index as bytes: which files it names, and what it remembers of their state on disk (gitformat-index(5)).

Stands alone, for bare interpreters import it by its folder (``cloning.py`` and ``scrubbing.py`` in ``ways/``). It knows
versions 2 and 3; all indexes of ours are written so (``checkout.SETTINGS``). Only the remembered states are ever
changed, in place: no length changes, so what follows the entries stays true.
"""

from __future__ import annotations

import hashlib
import os
import struct

FILE, LINK, GITLINK = 0o100000, 0o120000, 0o160000

_HEADER = struct.Struct(">4sII")
# Times of change and modification (seconds, nanoseconds), device, inode, mode, user, group, size: each cut to 32 bits.
_STATE = struct.Struct(">10I")
_BEFORE_MODE = struct.Struct(">6I")
_AFTER_MODE = struct.Struct(">3I")
_FLAGS = struct.Struct(">H")
_HAS_MORE_FLAGS = 0x4000
_SKIPPED = 0x4000
_CUT = 0xFFFFFFFF
_BILLION = 1_000_000_000


class Unreadable(Exception):
    """The file is no index of a version that is known here."""


class Entry:
    """``at`` is where it begins in the index. A ``skipped`` one has no file: a sparse checkout leaves it away."""

    __slots__ = ("at", "kind", "path", "skipped")

    def __init__(self, at: int, path: bytes, kind: int, *, skipped: bool) -> None:
        self.at = at
        self.path = path
        self.kind = kind
        self.skipped = skipped


def entries(data: bytes, oid_bytes: int) -> list[Entry]:
    """All entries, in git's order: by path, as bytes. Raises Unreadable."""
    try:
        signature, version, count = _HEADER.unpack_from(data)
        if signature != b"DIRC" or version not in {2, 3}:
            raise Unreadable(f"it is no index of version 2 or 3, but begins with {data[:8]!r}")
        found = []
        at = _HEADER.size
        flags_at = _STATE.size + oid_bytes
        for _ in range(count):
            flags = _FLAGS.unpack_from(data, at + flags_at)[0]
            name_at = at + flags_at + _FLAGS.size
            more = 0
            if flags & _HAS_MORE_FLAGS:
                more = _FLAGS.unpack_from(data, name_at)[0]
                name_at += _FLAGS.size
            end = data.index(b"\0", name_at)
            kind = int.from_bytes(data[at + 24 : at + 28], "big") & 0o170000
            found.append(Entry(at, data[name_at:end], kind, skipped=bool(more & _SKIPPED)))
            # One to eight NULs, so that the entry's length is a multiple of eight.
            at += (end - at + 8) & ~7
    except (struct.error, ValueError) as error:
        raise Unreadable("it ends too early") from error
    return found


def remembers(data: bytes, at: int, status: os.stat_result) -> bool:
    """Whether the entry was written for exactly this file, which nobody has touched since.

    A time of change cannot be set by a program, so this sees what git's own look may miss. The device is left out, as
    git does: its number may be another after a restart.
    """
    before, after = _state(status)
    times_and_inode = data[at : at + 16] + data[at + 20 : at + 24]
    return times_and_inode == before[:16] + before[20:] and data[at + 28 : at + 40] == after


def modified(data: bytes | bytearray, at: int) -> int:
    """When the file was last modified, in seconds, as the entry has it."""
    return int.from_bytes(data[at + 8 : at + 12], "big")


def remember(data: memoryview, at: int, status: os.stat_result) -> None:
    """Has the entry stand for this file from now on. Its mode is git's, and stays."""
    data[at : at + 24], data[at + 28 : at + 40] = _state(status)


def _state(status: os.stat_result) -> tuple[bytes, bytes]:
    """As an index has it, but for the mode in the middle."""
    changed_s, changed_ns = divmod(status.st_ctime_ns, _BILLION)
    modified_s, modified_ns = divmod(status.st_mtime_ns, _BILLION)
    return (
        _BEFORE_MODE.pack(
            changed_s & _CUT, changed_ns, modified_s & _CUT, modified_ns, status.st_dev & _CUT, status.st_ino & _CUT
        ),
        _AFTER_MODE.pack(status.st_uid & _CUT, status.st_gid & _CUT, status.st_size & _CUT),
    )


def seal(data: memoryview, oid_bytes: int) -> None:
    """Writes the checksum at the end anew."""
    digest = hashlib.sha256 if oid_bytes == hashlib.sha256().digest_size else hashlib.sha1
    data[-oid_bytes:] = digest(data[:-oid_bytes]).digest()
