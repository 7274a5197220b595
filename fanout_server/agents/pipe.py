"""A program's standard input, while it runs: for programs that are talked to."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import anyio.lowlevel

from fanout_server.model import FanoutError

# For how long a program may take nothing in before it is taken for deaf.
PATIENCE = 30.0


class Unheard(FanoutError):
    """The program does not read what it is told: it is gone, or deaf."""


class Pipe:
    """The end that is written to.

    ``root`` is the program's own root folder, by a way that we can go: it may see mounts that we do not.
    """

    def __init__(self, fd: int, *, patience: float = PATIENCE) -> None:
        self.root = Path("/")
        self._fd: int | None = fd
        self._patience = patience
        self._turn = anyio.Lock()
        self._torn = False
        os.set_blocking(fd, False)

    async def write(self, data: bytes) -> None:
        """All of it, before anybody else's. Cancelled half-way it leaves a torn message, and a pipe of no more use.

        Raises:
            Unheard: nobody reads.
        """
        await anyio.lowlevel.checkpoint()
        async with self._turn:
            if self._fd is None or self._torn:
                raise Unheard("its standard input is closed")
            left = memoryview(data)
            try:
                while left:
                    left = left[await self._some(self._fd, left) :]
            finally:
                self._torn = 0 < len(left) < len(data)

    async def close(self) -> None:
        """The end of the input, after what is being written. May be called again."""
        async with self._turn:
            self.shut()

    def shut(self) -> None:
        """As ``close``, for when nobody writes any more."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    async def _some(self, fd: int, data: memoryview) -> int:
        while True:
            try:
                return os.write(fd, data)
            except BlockingIOError:
                with anyio.move_on_after(self._patience) as waiting:
                    await anyio.wait_writable(fd)
                if waiting.cancelled_caught:
                    raise Unheard(f"it has not read its standard input for {self._patience:g} s") from None
            except OSError as error:
                raise Unheard(f"it reads its standard input no more ({error.strerror})") from None
