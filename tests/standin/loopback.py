"""The loopback of a network namespace, which is down when the namespace is new. Linux only; see netdevice(7)."""

from __future__ import annotations

import fcntl
import socket
import struct

_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914
_UP = 1
_NAME = b"lo"


def bring_up() -> None:
    """Raises OSError where this process may not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        found = fcntl.ioctl(any_socket, _GET_FLAGS, struct.pack("16sh22x", _NAME, 0))
        _, flags = struct.unpack("16sh22x", found)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", _NAME, flags | _UP))
