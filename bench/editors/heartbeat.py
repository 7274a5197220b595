"""How long a server's event loop stood still, told through a file of eight bytes: no message of the protocol is needed
for it, and none could get through while it stands still.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import time
from pathlib import Path

ENV = "FANOUT_BENCH_HEARTBEAT"
_EVERY_SECONDS = 0.001
_DOUBLE = struct.Struct("d")


class Longest:
    """The longest time between two beats since ``reset``, beyond what the pause between them should take."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_DOUBLE.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _DOUBLE.size)

    @property
    def seconds(self) -> float:
        (value,) = _DOUBLE.unpack_from(self._memory)
        return float(value)

    @seconds.setter
    def seconds(self, value: float) -> None:
        _DOUBLE.pack_into(self._memory, 0, value)

    def reset(self) -> None:
        self.seconds = 0.0


async def beat() -> None:
    """On the server's loop, until it is cancelled; at once over where nobody asked for it."""
    path = os.environ.get(ENV)
    if path is None:
        return
    longest = Longest(Path(path))
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_EVERY_SECONDS)
        gap = time.perf_counter() - began - _EVERY_SECONDS
        longest.seconds = max(longest.seconds, gap)
