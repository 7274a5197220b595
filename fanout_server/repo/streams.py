"""Streams of zlib, as git's objects are stored in: ready soon rather than small."""

from __future__ import annotations

import struct
import zlib

# For so little data a stream needs less memory than the library would take, and to get more from the system takes
# longer than to compress.
_SMALL_BYTES, _SMALL_WINDOW, _SMALL_MEMORY = 16_000, 13, 7
# The longest piece that a stream of zlib can hold as it is (RFC 1951, 3.2.4).
_STORED_BYTES = 0xFFFF
_PIECE = struct.Struct("<BHH")


def stored(data: bytes) -> bytes:
    """A stream of zlib that is not compressed. A tree is mostly oids, which cannot be made smaller. The library could
    write this, too, but takes longer to get ready for it than all else here.
    """
    parts = [b"\x78\x01"]
    for at in range(0, max(len(data), 1), _STORED_BYTES):
        piece = data[at : at + _STORED_BYTES]
        is_last = at + _STORED_BYTES >= len(data)
        parts += (_PIECE.pack(is_last, len(piece), len(piece) ^ 0xFFFF), piece)
    return b"".join((*parts, zlib.adler32(data).to_bytes(4, "big")))


def compressed(data: bytes) -> bytes:
    if len(data) > _SMALL_BYTES:
        return zlib.compress(data, 1)
    packer = zlib.compressobj(1, zlib.DEFLATED, _SMALL_WINDOW, _SMALL_MEMORY)
    return packer.compress(data) + packer.flush()
