"""Objects written as files of their own, the way git writes them: beside, then renamed, so that none is ever half."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import struct
import zlib

# A file takes so much of most disks, however small it is.
_BLOCK_BYTES = 4000
# For so little data a stream needs less memory than the library would take, and to get more from the system takes
# longer than to compress.
_SMALL_BYTES, _SMALL_WINDOW, _SMALL_MEMORY = 16_000, 13, 7
# The longest piece that a stream of zlib can hold as it is (RFC 1951, 3.2.4).
_STORED_BYTES = 0xFFFF
_HASHES = {40: hashlib.sha1, 64: hashlib.sha256}
# Of a name that git knows to sweep up should we die meanwhile.
_BESIDE = f"tmp_obj_{secrets.token_hex(8)}_"
_PIECE = struct.Struct("<BHH")
_REMEMBERED = 100_000

_numbers = itertools.count()


class Loose:
    """A repository's ``folder`` for objects, whose oids have so many ``digits``. For any number of threads."""

    def __init__(self, folder: str, digits: int) -> None:
        self._folder = folder
        self._hash = _HASHES[digits]
        self._written: set[str] = set()

    def write(self, kind: str, data: bytes) -> str:
        """Stores an object; returns its oid. Raises OSError.

        Other than git, this does not look whether it is there already, but for what was written here lately: git does
        not mind an object that is there twice, and most are new.
        """
        whole = b"%b %d\0" % (kind.encode(), len(data)) + data
        oid = self._hash(whole, usedforsecurity=False).hexdigest()
        place = f"{self._folder}/{oid[:2]}/{oid[2:]}"
        if not (oid in self._written and _is_young_again(place)):
            as_it_is = kind == "tree" or len(whole) < _BLOCK_BYTES
            _make(place, _stored(whole) if as_it_is else _compressed(whole))
            if len(self._written) >= _REMEMBERED:
                self._written.clear()
            self._written.add(oid)
        return oid


def _stored(data: bytes) -> bytes:
    """A stream of zlib that is not compressed. A tree is mostly oids, which cannot be made smaller. The library could
    write this, too, but takes longer to get ready for it than all else here.
    """
    parts = [b"\x78\x01"]
    for at in range(0, len(data), _STORED_BYTES):
        piece = data[at : at + _STORED_BYTES]
        is_last = at + _STORED_BYTES >= len(data)
        parts += (_PIECE.pack(is_last, len(piece), len(piece) ^ 0xFFFF), piece)
    return b"".join((*parts, zlib.adler32(data).to_bytes(4, "big")))


def _compressed(data: bytes) -> bytes:
    if len(data) > _SMALL_BYTES:
        return zlib.compress(data, 1)
    packer = zlib.compressobj(1, zlib.DEFLATED, _SMALL_WINDOW, _SMALL_MEMORY)
    return packer.compress(data) + packer.flush()


def _is_young_again(place: str) -> bool:
    """Or "git gc" might delete it before a ref holds it. ``False`` where that has happened."""
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    return True


def _make(place: str, packed: bytes) -> None:
    folder = place.rpartition("/")[0]
    beside = f"{folder}/{_BESIDE}{next(_numbers)}"
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        file = os.open(beside, flags, 0o444)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102 - as the names are
        file = os.open(beside, flags, 0o444)
    try:
        try:
            _write_all(file, packed)
        finally:
            os.close(file)
        os.rename(beside, place)  # noqa: PTH104 - as above
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)  # noqa: PTH108 - as above
        raise


def _write_all(file: int, data: bytes) -> None:
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, memoryview(data)[written:])
