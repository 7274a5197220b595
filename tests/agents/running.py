"""Running programs under a test, and looking for what they left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from attrs import field, frozen

from fanout_server.agents.process import Ended, Program, run_program

PATIENCE = 20.0


@frozen
class Bench:
    """Runs Python code as an agent would be run, in ``folder``, under a mark of its own."""

    folder: Path
    mark: str
    heard: list[bytes] = field(factory=list)

    @property
    def log(self) -> Path:
        return self.folder / "agent.log"

    def program(
        self, code: str, *args: str, env: Mapping[str, str] | None = None, stdin: Path | None = None
    ) -> Program:
        argv = (sys.executable, "-I", "-S", "-c", code, *args)
        return Program(argv, self.folder, os.environ if env is None else env, stdin, self.mark)

    async def run(
        self,
        program: Program,
        *,
        timeout: float = PATIENCE,
        stall: float = PATIENCE,
        grace: float = 2.0,
        on_output: Callable[[bytes], None] | None = None,
    ) -> Ended:
        return await run_program(
            program, timeout=timeout, stall=stall, grace=grace, log=self.log, on_output=on_output or self.heard.append
        )

    async def python(self, code: str, *args: str, timeout: float = PATIENCE, stall: float = PATIENCE) -> Ended:
        return await self.run(self.program(code, *args), timeout=timeout, stall=stall)

    def alive(self) -> list[str]:
        """The command lines of what runs under the mark."""
        return marked(self.mark)


def marked(mark: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("FANOUT_ATTEMPT") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def a_sleep() -> str:
    """An argument for ``sleep`` by which one that carries no mark is known, whatever else this machine has asleep."""
    return f"3{uuid.uuid4().int % 10**9:09}.25"


def sleeping(seconds: str) -> set[int]:
    """The processes that sleep for just that long."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.cmdline() == ["sleep", seconds] and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        except psutil.Error:
            continue
    return found


def wait_until(happened: Callable[[], bool], limit: float = PATIENCE) -> None:
    end = time.monotonic() + limit
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


# Forks twice with a session of its own, so that neither a process group nor a parent ties it to who started it;
# says its process id, and stays, deaf to SIGTERM.
DAEMON = """
import os, signal, sys, time
def daemon():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(write, b"up")
            time.sleep(300)
        os._exit(0)
    os.wait()
    os.read(read, 2)
"""


def open_descriptors() -> int:
    return psutil.Process().num_fds()


SERVER = """
import os, signal, sys
from pathlib import Path
import anyio
import anyio.to_thread
from fanout_server.agents.process import Program, run_program

async def main():
    folder, mark, code = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    program = Program((sys.executable, "-I", "-S", "-c", code), folder, os.environ, None, mark, int(sys.argv[5]))
    say = lambda data: os.write(1, data)
    await run_program(program, timeout=300, stall=300, on_output=say, log=folder / "log", grace=float(sys.argv[4]))

# Whoever runs the tests may ignore it, as shells do for what they put into the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
anyio.run(main)
"""


def server(tmp_path: Path, mark: str, code: str, grace: float, stop: int = signal.SIGTERM) -> subprocess.Popen[bytes]:
    """A server of its own with one agent, that is up."""
    script = tmp_path / "server.py"
    script.write_text(textwrap.dedent(SERVER))
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), mark, code, str(grace), str(int(stop))],
        stdout=subprocess.PIPE,
        env=env,
    )
    assert process.stdout is not None
    assert process.stdout.read(2) == b"up"
    assert marked(mark)
    return process
