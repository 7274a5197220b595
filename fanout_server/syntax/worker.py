"""Parsing, and what is worked out of it, in a process of its own.

A parser holds Python's lock as long as it works, 0.2 s for a megabyte, and the server would stand still meanwhile; with
some garbage it takes minutes. So the process gets a few seconds for each call. It is started when it is first needed,
and ends by itself when nothing was asked for some time, or when this process ends, however that comes about.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fanout_server
from fanout_server.syntax.errors import TooHard, Unreadable

LIMIT = 3.0
"""Seconds for one call, and for the process to start."""

_TURNS = 4
_READ = 1 << 16
_LAUNCH = "import sys; sys.path[:0] = sys.argv[1:]; from fanout_server.syntax.worker_program import main; main()"


class Worker:
    """One process, one call at a time, for any thread. Blocking."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._prepared: set[tuple[int, str]] = set()

    def call(self, function: str, *values: Any, limit: float | None = None) -> Any:
        """What ``MODULE:FUNCTION`` of ours gives for these values; they and the answer go as JSON.

        ``limit`` is in seconds. Raises Unreadable where the function does, and TooHard where it takes longer or breaks.
        """
        request = json.dumps([function, values]).encode("ascii") + b"\n"
        seconds = self._limit if limit is None else limit
        if not self._turn.acquire(timeout=_TURNS * seconds):
            raise TooHard("was not parsed, as other files keep the parser busy")
        try:
            # It may have ended just now, with nothing to do.
            answer = self._ask(request, seconds) or self._ask(request, seconds)
        finally:
            self._turn.release()
        if answer is None:
            raise TooHard("cannot be parsed: the parser breaks on it")
        value, refused = json.loads(answer)
        if refused is not None:
            raise Unreadable(refused)
        return value

    def prepare(self, function: str, *values: Any) -> None:
        """As ``call``, for what need be done only once in the life of a process."""
        process = self._process
        if process is not None and process.poll() is None and (process.pid, function) in self._prepared:
            return
        self.call(function, *values)
        process = self._process
        if process is not None:
            self._prepared = {one for one in self._prepared if one[0] == process.pid} | {(process.pid, function)}

    def close(self) -> None:
        """Ends the process; another one is started when it is needed."""
        process, self._process = self._process, None
        if process is not None:
            # What it was not told any more is left in the pipe's buffer, and cannot be written.
            with contextlib.suppress(BrokenPipeError), process:
                process.kill()

    def _ask(self, request: bytes, seconds: float) -> bytes | None:
        """The answer; ``None`` where the process has ended without one."""
        process = self._running()
        assert process.stdin is not None  # noqa: S101 - it was started with pipes
        try:
            process.stdin.write(request)
            process.stdin.flush()
        except BrokenPipeError:
            self.close()
            return None
        return self._answer(process, seconds)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-S", "-c", _LAUNCH, *_paths()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], seconds: float) -> bytes | None:
        assert process.stdout is not None  # noqa: S101 - as above
        parts: list[bytes] = []
        deadline = time.monotonic() + seconds
        while not parts or not parts[-1].endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self.close()
                raise TooHard(f"cannot be parsed within {seconds:.0f} seconds")
            read = process.stdout.read1(_READ)  # type: ignore[attr-defined]  # it is buffered
            if not read:
                self.close()
                return None
            parts.append(read)
        return b"".join(parts)


SHARED = Worker()
atexit.register(SHARED.close)


def _paths() -> Iterable[str]:
    """Where the program finds us and what we need: it starts without the site's folders, which takes half the time."""
    yield str(Path(fanout_server.__file__).parent.parent)
    for name in ("ast_grep_py", "attrs", "pygit2", "yaml", "detect_secrets", "requests"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            yield str(Path(spec.origin).parent.parent)
