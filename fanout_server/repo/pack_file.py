"""Packs and their indexes as bytes (gitformat-pack(5)): version 2 of both, no deltas."""

from __future__ import annotations

import hashlib
import itertools
import struct
import zlib
from collections.abc import Mapping, Sequence

from attrs import frozen

from fanout_server.repo import streams

_KINDS = {"commit": 1, "tree": 2, "blob": 3}
_HASHES = {40: hashlib.sha1, 64: hashlib.sha256}
_PACK, _INDEX, _VERSION = b"PACK", b"\377tOc", 2
_HEAD = struct.Struct(">4sII")
# From this size on it is worth compressing: less would not take a block less of most disks as a file of its own, and
# here it stays about as small.
_COMPRESSED_BYTES = 4000


@frozen
class Built:
    """``name`` is that of the files, without their ends. ``places`` has of each object where it begins and ends."""

    name: str
    pack: bytes
    index: bytes
    places: Sequence[tuple[str, int, int]]


def entry(kind: str, data: bytes) -> bytes:
    """An object as it is in a pack."""
    size = len(data)
    head = bytearray((_KINDS[kind] << 4 | size & 0xF,))
    size >>= 4
    while size:
        head[-1] |= 0x80
        head.append(size & 0x7F)
        size >>= 7
    as_it_is = kind == "tree" or len(data) < _COMPRESSED_BYTES
    return bytes(head) + (streams.stored(data) if as_it_is else streams.compressed(data))


def build(entries: Mapping[str, bytes]) -> Built:
    """A pack of these: oid -> entry, at least one and below 2 GB in all."""
    new_hash = _HASHES[len(next(iter(entries)))]
    parts = [_HEAD.pack(_PACK, _VERSION, len(entries)), *entries.values()]
    ends = list(itertools.accumulate(len(part) for part in parts))
    pack = b"".join(parts)
    name = new_hash(pack, usedforsecurity=False).digest()
    places = list(zip(entries, ends, ends[1:], strict=False))
    index = _index(entries, places, name)
    check = new_hash(index, usedforsecurity=False).digest()
    return Built(f"pack-{name.hex()}", pack + name, index + check, places)


def _index(entries: Mapping[str, bytes], places: Sequence[tuple[str, int, int]], check: bytes) -> bytes:
    """All but its own checksum."""
    in_order = sorted(places)
    oids = [bytes.fromhex(oid) for oid, _, _ in in_order]
    counts = [0] * 256
    for oid in oids:
        counts[oid[0]] += 1
    count = len(in_order)
    return b"".join(
        (
            _INDEX,
            struct.pack(">I256I", _VERSION, *itertools.accumulate(counts)),
            *oids,
            struct.pack(f">{count}I", *(zlib.crc32(entries[oid]) for oid, _, _ in in_order)),
            struct.pack(f">{count}I", *(begin for _, begin, _ in in_order)),
            check,
        )
    )
