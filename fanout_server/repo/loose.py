"""Objects written as files of their own, the way git writes them: beside, then renamed, so that none is ever half."""

from __future__ import annotations

import hashlib
import os

from fanout_server.repo import atomic, streams

# A file takes so much of most disks, however small it is.
_BLOCK_BYTES = 4000
_HASHES = {40: hashlib.sha1, 64: hashlib.sha256}
_REMEMBERED = 100_000


class Loose:
    """A repository's ``folder`` for objects, whose oids have so many ``digits``. For any number of threads."""

    def __init__(self, folder: str, digits: int) -> None:
        self._folder = folder
        self._hash = _HASHES[digits]
        self._written: set[str] = set()

    def oid(self, kind: str, data: bytes) -> str:
        """The name of an object."""
        return self._hash(_whole(kind, data), usedforsecurity=False).hexdigest()

    def write(self, kind: str, data: bytes) -> str:
        """Stores an object; returns its oid. Raises OSError.

        Other than git, this does not look whether it is there already, but for what was written here lately: git does
        not mind an object that is there twice, and most are new.
        """
        whole = _whole(kind, data)
        oid = self._hash(whole, usedforsecurity=False).hexdigest()
        place = f"{self._folder}/{oid[:2]}/{oid[2:]}"
        if not (oid in self._written and _is_young_again(place)):
            as_it_is = kind == "tree" or len(whole) < _BLOCK_BYTES
            atomic.write(place, "tmp_obj", streams.stored(whole) if as_it_is else streams.compressed(whole))
            if len(self._written) >= _REMEMBERED:
                self._written.clear()
            self._written.add(oid)
        return oid


def _whole(kind: str, data: bytes) -> bytes:
    return b"%b %d\0" % (kind.encode(), len(data)) + data


def _is_young_again(place: str) -> bool:
    """Or "git gc" might delete it before a ref holds it. ``False`` where that has happened."""
    try:
        os.utime(place)
    except FileNotFoundError:
        return False
    return True
