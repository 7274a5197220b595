"""Supervisors, each forked by a fork server that one process has for all of its programs (``fork_server.py``)."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence

import anyio
import anyio.to_thread

from fanout_server.agents import supervisor
from fanout_server.mounting import overlay

_log = logging.getLogger(__name__)

# For its start, an answer, its end: each takes milliseconds, or the machine is far beyond busy.
_PATIENCE = 20.0

# Two numbers of four bytes.
_ANSWER = 8


class _ForkServer:
    """One such program. Used by one thread at a time."""

    def __init__(self) -> None:
        self._control, far = socket.socketpair()
        self._control.settimeout(_PATIENCE)
        with far:
            argv = [sys.executable, "-I", "-S", "-c", _start(), str(far.fileno())]
            self._process = subprocess.Popen(
                argv,
                # Below no folder that somebody may want to take away.
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[far.fileno()],
                start_new_session=True,
            )

    def ask(self, descriptors: Sequence[int]) -> None:
        """Raises OSError: it is gone, and has not heard this."""
        socket.send_fds(self._control, [b"\0"], descriptors)

    def answer(self) -> tuple[int, int]:
        """The id of a new process, or why the system would not make one. Raises OSError: it is gone, or stuck."""
        data = b""
        while len(data) < _ANSWER:
            try:
                piece = self._control.recv(_ANSWER - len(data))
            except TimeoutError as error:
                raise TimeoutError(errno.ETIMEDOUT, "what starts programs does not answer") from error
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise ConnectionResetError(errno.ECONNRESET, "what starts programs was killed")
            data += piece
        return int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big")

    def end(self, patience: float = _PATIENCE) -> None:
        self._control.close()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_PATIENCE)


class Forks:
    """The fork server while somebody has a use for it; it is started for the first program. ``fork`` and ``end_unused``
    block.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._users = 0
        self._server: _ForkServer | None = None

    def enter(self) -> None:
        with self._counting:
            self._users += 1

    def leave(self) -> bool:
        """Whether it was the last; ``end_unused`` is to be called then."""
        with self._counting:
            self._users -= 1
            return not self._users

    def end_unused(self) -> None:
        with self._lock:
            if not self._users:
                self._end()

    def fork(self, descriptors: Sequence[int]) -> int:
        """The id of a new supervisor, to which ``descriptors`` go, in the order that ``fork_server.py`` says.

        Raises OSError: there is none, and none will use them.
        """
        with self._lock:
            server = self._asked(descriptors)
            try:
                pid, error = server.answer()
            except OSError:
                # What it makes of this later finds its life line cut, and must not be taken for the next.
                self._end(patience=0)
                raise
        if error:
            raise OSError(error, os.strerror(error))
        return pid

    def _asked(self, descriptors: Sequence[int]) -> _ForkServer:
        if self._server is not None:
            try:
                self._server.ask(descriptors)
            except OSError:
                _log.warning("what starts programs was killed; it is started again")
                self._end(patience=0)
            else:
                return self._server
        self._server = _ForkServer()
        self._server.ask(descriptors)
        return self._server

    def _end(self, patience: float = _PATIENCE) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.end(patience)


FORKS = Forks()


@contextlib.asynccontextmanager
async def kept() -> AsyncIterator[Forks]:
    """Within this, supervisors come from one and the same fork server. It ends with the last such block."""
    FORKS.enter()
    try:
        yield FORKS
    finally:
        if FORKS.leave():
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(FORKS.end_unused)


def _start() -> str:
    """What the bare interpreter does. An import reads what was compiled before; a program's own file never is."""
    folders = [os.path.dirname(file) for file in (supervisor.__file__, __file__, overlay.__file__)]  # noqa: PTH120
    return f"import sys; sys.path += {folders!a}; import fork_server; fork_server.main()"
