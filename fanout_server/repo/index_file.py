"""Index files, in so far as we write and read them ourselves: those of version 2, as git makes them.

https://git-scm.com/docs/index-format says how they are made.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path

Entry = tuple[int, str]
"""What an index holds for a path: mode and object id."""

_HEADER = struct.Struct(">4sLL")
_SIGNATURE = b"DIRC"
_VERSION = 2
# Times, device, inode, mode, owner, group and size. Git compares an entry with its file where they do not fit.
_STATUS = struct.Struct(">6LL3L")
_FLAGS = struct.Struct(">H")
_ASSUMED = 0x80
_LONGEST = 0xFFF
_EXTENSION = struct.Struct(">4sL")
# Of a split index, which has most entries in a file beside it.
_OTHER_FILE = b"link"
_SHA1_BYTES = 20


def is_plain(path: Path, digits: int) -> bool:
    """Whether git looks at every entry; ``False`` also where that cannot be told from this file alone.

    In version 2 no entry can be left away, only be assumed unchanged. Later ones are git's business, and so are files
    that lean on a second one.
    """
    data = path.read_bytes()
    try:
        signature, version, count = _HEADER.unpack_from(data)
        if (signature, version) != (_SIGNATURE, _VERSION):
            return False
        flags = _STATUS.size + digits // 2
        at = _HEADER.size
        # Once for each file of the checkout, so nothing is called in here.
        for _ in range(count):
            high = data[at + flags]
            if high & _ASSUMED:
                return False
            length = (high & 0xF) << 8 | data[at + flags + 1]
            if length == _LONGEST:
                return False
            at += (flags + 2 + length + 8) & ~7
        return at <= len(data) - digits // 2 and _OTHER_FILE not in _extensions(data, at, digits // 2)
    except (struct.error, IndexError):
        # Damaged: git says it in words.
        return False


def _extensions(data: bytes, at: int, size: int) -> set[bytes]:
    found: set[bytes] = set()
    while at < len(data) - size:
        name, length = _EXTENSION.unpack_from(data, at)
        found.add(name)
        at += _EXTENSION.size + length
    return found


def write(path: Path, entries: Mapping[str, Entry], digits: int) -> None:
    """``digits`` is the length of an object id. Git knows nothing of the files, so it will read them all."""
    rows = sorted((os.fsencode(name), mode, bytes.fromhex(oid)) for name, (mode, oid) in entries.items())
    data = _HEADER.pack(_SIGNATURE, _VERSION, len(rows))
    data += b"".join(_row(name, mode, oid) for name, mode, oid in rows)
    path.write_bytes(data + _digest(data, digits // 2))


def read(path: Path, digits: int) -> dict[str, Entry]:
    """What git left of a file of ours; it may add what is no entry, which is skipped."""
    data = path.read_bytes()
    signature, version, count = _HEADER.unpack_from(data)
    if (signature, version) != (_SIGNATURE, _VERSION):
        raise ValueError(f"{path} is no index of version {_VERSION}")
    size = digits // 2
    fixed = _STATUS.size + size + _FLAGS.size
    found: dict[str, Entry] = {}
    at = _HEADER.size
    for _ in range(count):
        mode = _STATUS.unpack_from(data, at)[6]
        start = at + fixed
        end = data.index(b"\0", start)
        found[os.fsdecode(data[start:end])] = (mode, data[at + _STATUS.size : start - _FLAGS.size].hex())
        at += _padded(fixed + end - start)
    return found


def _row(name: bytes, mode: int, oid: bytes) -> bytes:
    row = _STATUS.pack(0, 0, 0, 0, 0, 0, mode, 0, 0, 0) + oid + _FLAGS.pack(min(len(name), _LONGEST)) + name
    return row.ljust(_padded(len(row)), b"\0")


def _padded(length: int) -> int:
    """At least one NUL ends a name, and each row is a multiple of eight bytes."""
    return (length + 8) & ~7


def _digest(data: bytes, size: int) -> bytes:
    return (hashlib.sha1(data, usedforsecurity=False) if size == _SHA1_BYTES else hashlib.sha256(data)).digest()
