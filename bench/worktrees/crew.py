"""Processes that work in worktrees: see ``bare.py``."""

from __future__ import annotations

import marshal
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from bench.worktrees import bare
from fanout_server.mounting import overlay
from fanout_server.repo.worktrees import Worktree

Step = tuple[Any, ...]

_LIMIT_SECONDS = 300.0


class WrongError(Exception):
    """What was measured did not do the work, so its time says nothing."""


class Crew:
    """Its interpreter has started by the time this is made. Each of the crew works in the space of one worktree."""

    def __init__(self) -> None:
        self._results, told = os.pipe()
        hold, self._holding = os.pipe()
        mounting = Path(overlay.__file__).parent
        argv = [sys.executable, "-I", "-S", bare.__file__, str(mounting), str(told), str(hold)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, pass_fds=(told, hold))
        os.close(told)
        os.close(hold)
        self._unread = b""
        self._sending = threading.Lock()
        self._receive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def send(self, name: str, worktree: Worktree | Path, steps: Iterable[Step]) -> None:
        """Somebody works there from now on."""
        if isinstance(worktree, Path):
            folder, space = worktree, None
        else:
            folder, space = worktree.path, worktree.space
        order = marshal.dumps((name, space.to_bytes() if space else b"", os.fspath(folder), tuple(steps)))
        stream = self._process.stdin
        if stream is None or stream.closed:
            raise WrongError("the crew has been let go")
        with self._sending:
            stream.write(len(order).to_bytes(4, "big") + order)
            stream.flush()

    def take(self, count: int) -> dict[str, list[Any]]:
        """What so many have to tell, by name. Raises WrongError where one could not work."""
        found: dict[str, list[Any]] = {}
        for _ in range(count):
            name, error, told = self._receive()
            if error is not None:
                raise WrongError(f"{name}: {error} (after {told})")
            found[name] = told
        return found

    def let_go(self) -> float:
        """All of them end, and with them their mounts. The seconds that took."""
        if self._holding < 0:
            return 0.0
        began = time.perf_counter()
        os.close(self._holding)
        self._holding = -1
        if self._process.stdin is not None:
            self._process.stdin.close()
        # Nobody writes there any more once the last of them is gone.
        while self._read():
            pass
        seconds = time.perf_counter() - began
        os.close(self._results)
        if self._process.wait(_LIMIT_SECONDS) != 0:
            raise WrongError(f"the crew ended with {self._process.returncode}")
        return seconds

    def _receive(self) -> tuple[str, str | None, list[Any]]:
        while len(self._unread) < 4 or len(self._unread) < 4 + int.from_bytes(self._unread[:4], "big"):
            chunk = self._read()
            if not chunk:
                raise WrongError("the crew is gone")
            self._unread += chunk
        end = 4 + int.from_bytes(self._unread[:4], "big")
        frame, self._unread = self._unread[4:end], self._unread[end:]
        name, error, told = marshal.loads(frame)  # noqa: S302 - what bare.py told
        return name, error, told

    def _read(self) -> bytes:
        if not select.select([self._results], (), (), _LIMIT_SECONDS)[0]:
            raise WrongError(f"the crew told nothing for {_LIMIT_SECONDS:g} s")
        return os.read(self._results, 1 << 16)


def work(orders: Iterable[tuple[str, Worktree | Path, Iterable[Step]]]) -> dict[str, list[Any]]:
    """All of them by a crew that is let go afterwards."""
    with Crew() as crew:
        names = []
        for name, worktree, steps in orders:
            crew.send(name, worktree, steps)
            names.append(name)
        return crew.take(len(names))
