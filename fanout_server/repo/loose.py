"""Objects written as files of their own, the way git writes them: beside, then renamed, so that none is ever half."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import zlib

# Trees are mostly oids, which cannot be made smaller; trying takes longer than all else here.
_COMPRESSION = {"blob": 1, "commit": 1, "tree": 0}
_HASHES = {40: "sha1", 64: "sha256"}


def write(folder: str, kind: str, data: bytes, digits: int) -> str:
    """Stores an object in git's folder for them; returns its oid, which has so many digits. Raises OSError.

    Other than git, this does not look whether a pack has it: git does not mind an object that is there twice.
    """
    whole = b"%b %d\0" % (kind.encode(), len(data)) + data
    oid = hashlib.new(_HASHES[digits], whole, usedforsecurity=False).hexdigest()
    place = f"{folder}/{oid[:2]}/{oid[2:]}"
    try:
        # Young again, or "git gc" might delete it before a ref holds it.
        os.utime(place)
    except FileNotFoundError:
        _make(place, zlib.compress(whole, _COMPRESSION[kind]))
    return oid


def _make(place: str, packed: bytes) -> None:
    folder = place.rpartition("/")[0]
    # Of a name that git knows to sweep up should we die meanwhile.
    beside = f"{folder}/tmp_obj_{secrets.token_hex(8)}"  # noqa: S108 - in git's own folder
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        file = os.open(beside, flags, 0o444)
    except FileNotFoundError:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)  # noqa: PTH102 - as the names are
        file = os.open(beside, flags, 0o444)
    try:
        with open(file, "wb") as stream:  # noqa: PTH123 - a file that is open
            stream.write(packed)
        os.rename(beside, place)  # noqa: PTH104 - as above
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)  # noqa: PTH108 - as above
        raise
