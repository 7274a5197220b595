"""The server's hold on one supervised program: the life line, the output pipe, and the grave that its supervisor leaves
open until it is gone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.lowlevel
import anyio.to_thread
from attrs import frozen

from fanout_server.agents import supervisor
from fanout_server.agents.forks import Forks
from fanout_server.agents.pipe import Pipe
from fanout_server.mounting import overlay

# What the supervisor may take beyond the grace before it is taken for dead itself.
_PATIENCE = supervisor.KILL_LIMIT + 3.0
_CHUNK = 64 * 1024

# Where the system can: a folder to be in, which needs no right to list it.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


@frozen
class Program:
    """A program to run.

    ``env`` is its whole environment, to which ``mark`` is added as ``FANOUT_ATTEMPT``; ``mark`` is the attempt's id.
    ``stdin`` is a file, ``None`` the null device. ``stop_signal`` is how it is asked to end. ``space`` is what it and
    its children find mounted, ``cwd`` among it; nobody else sees that.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    stdin: Path | None
    mark: str
    stop_signal: int = signal.SIGTERM
    space: overlay.Space | None = None


@frozen
class Report:
    """What the supervisor said. ``error`` is the errno of a program that did not start, or of a ``step`` before it."""

    exit: int | None = None
    signal: int | None = None
    leftovers: int = 0
    stuck: int = 0
    error: int = 0
    step: str = ""


class Supervised:
    """One supervised program. Once started it must see ``end``; it must see ``close`` in any case. The fork server must
    outlive it.

    ``pipe`` is its standard input where it ``talks``; only the program and its children have the other end of that. Its
    standard error is a stream of its own then: what it says must not be broken by what it complains of.
    """

    def __init__(
        self, forks: Forks, program: Program, environment: bytes, grace: float, *, talks: bool = False
    ) -> None:
        self._forks = forks
        self._program = program
        self._environment = environment
        self._grace = grace
        self._heard = b""
        self._ended = False
        # An await may be torn away from the thread that starts the process; then that thread is alone with it.
        self._lock = threading.Lock()
        self._spawning = False
        self._abandoned = False
        self._pid: int | None = None
        self._line, self._far_line = socket.socketpair()
        self._grave, self._far_grave = os.pipe()
        os.set_blocking(self._grave, False)
        self._output, self._far_output = os.pipe()
        self._far_input: int | None = None
        self.pipe: Pipe | None = None
        self._errors, self._far_errors = self._output, self._far_output
        if talks:
            self._far_input, near = os.pipe()
            self.pipe = Pipe(near)
            self._errors, self._far_errors = os.pipe()
            os.set_blocking(self._errors, False)
        self._line.settimeout(0)
        os.set_blocking(self._output, False)

    async def start(self) -> None:
        """Raises ``OSError`` where the folder or the standard input is missing, or the arguments are too long."""
        try:
            await anyio.to_thread.run_sync(self._spawn)
            await self._send(self._command())
            await self._send(self._environment)
            await self._send(self._program.space.to_bytes() if self._program.space else b"")
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.end()
            raise

    async def _send(self, data: bytes) -> None:
        message = len(data).to_bytes(4, "big") + data
        while message:
            try:
                message = message[self._line.send(message) :]
            except BlockingIOError:
                await anyio.wait_writable(self._line)
            except OSError:
                return  # The supervisor is dead, which its missing report will show.

    def _command(self) -> bytes:
        fields = (str(int(self._program.stop_signal)), str(self._grace), *self._program.argv)
        return b"".join(os.fsencode(field) + b"\0" for field in fields)

    def _spawn(self) -> None:
        with self._lock:
            if self._abandoned:
                return
            self._spawning = True
        try:
            folder = os.open(self._program.cwd, _FOLDER)
            try:
                with self._open_input() as stdin:
                    streams = (stdin.fileno(), self._far_output, self._far_errors)
                    self._pid = self._forks.fork([self._far_line.fileno(), *streams, folder, self._far_grave])
            finally:
                os.close(folder)
        finally:
            # Where nobody waits for it any more its life line is cut: it ends as soon as it has started.
            self._close_far_ends()
        if self.pipe is not None and self._program.space is not None:
            # It enters the namespace itself before it starts the program.
            self.pipe.root = Path(f"/proc/{self._pid}/root")

    def _open_input(self) -> BinaryIO:
        if self._far_input is None:
            return open(self._program.stdin or os.devnull, "rb")  # noqa: PTH123 - a path or the null device
        fd, self._far_input = self._far_input, None
        return open(fd, "rb", buffering=0)  # noqa: PTH123 - a descriptor

    async def read(self) -> bytes:
        """The next piece of output, empty at its end: standard error is part of it, unless the program talks."""
        return await self._read(self._output)

    async def read_errors(self) -> bytes:
        """The same of the standard error of one that talks."""
        return await self._read(self._errors)

    @staticmethod
    async def _read(fd: int) -> bytes:
        await anyio.lowlevel.checkpoint()  # A flood never blocks the pipe; it must not block the loop either.
        while True:
            try:
                return os.read(fd, _CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(fd)

    async def report(self) -> Report | None:
        """Waits for the program's end. ``None`` where the supervisor was killed. May be cancelled and called again."""
        while not self._ended:
            try:
                data = self._line.recv(_CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._line)
                continue
            except OSError:
                data = b""
            self._heard += data
            self._ended = not data
        return Report(**json.loads(self._heard)) if self._heard.endswith(b"\n") else None

    async def end(self) -> Report | None:
        """Stops what still runs, and waits until it is gone. Call it under a shield."""
        report = None
        if self._pid is None:
            return report
        self.hang_up()
        with anyio.move_on_after(self._grace + _PATIENCE):
            report = await self.report()
        if not self._ended:
            # It has not closed its line, so it is there, and the number is still its own.
            os.kill(self._pid, signal.SIGKILL)
        with anyio.move_on_after(_PATIENCE):
            await self._read(self._grave)
        return report

    def hang_up(self) -> None:
        """Asks for a stop: the supervisor sees the end of the stream."""
        try:
            self._line.shutdown(socket.SHUT_WR)
        except OSError:
            return  # It has closed its side: it is at its end already.

    def close(self) -> None:
        """Cuts the life line; the supervisor, where there is one, stops everything and ends."""
        with self._lock:
            self._abandoned = True
            spawning = self._spawning
        if not spawning:
            self._close_far_ends()
        self._line.close()
        os.close(self._grave)
        os.close(self._output)
        if self.pipe is not None:
            self.pipe.shut()
            os.close(self._errors)

    def _close_far_ends(self) -> None:
        self._far_line.close()
        os.close(self._far_grave)
        os.close(self._far_output)
        if self._far_errors != self._far_output:
            os.close(self._far_errors)
        if self._far_input is not None:
            os.close(self._far_input)
            self._far_input = None
