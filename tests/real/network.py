"""A network namespace with nothing in it but the loopback, and the stand-in there. Linux, and no root needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
from attrs import frozen

from tests.lacking import lacking
from tests.standin import script
from tests.standin.record import Recorded, recorded

KEY = "a-key-for-tests"

_ROOT = Path(__file__).parents[2]
_USER = Path("/proc/self/ns/user")
_LIMIT = 20

# Processes in namespaces below this one are found by this in their environment.
MARK = "FANOUT_TEST"


@frozen
class Network:
    """``log`` is where the stand-in, of the process ``pid``, writes what it was asked."""

    pid: int
    port: int
    log: Path

    def inside(self, *argv: str) -> list[str]:
        """The command line that runs a program in it."""
        enter = ["nsenter", f"--target={self.pid}", "--net"]
        if _USER.readlink() != Path(f"/proc/{self.pid}/ns/user").readlink():
            enter += ["--user", "--preserve-credentials"]
        return [*enter, "--", *argv]

    def asked(self) -> tuple[Recorded, ...]:
        """What units asked; others do not speak to the stand-in by lines of their prompts."""
        return tuple(one for one in recorded(self.log) if script.lines(one.prompt))

    def other_questions(self) -> tuple[Recorded, ...]:
        return tuple(one for one in recorded(self.log) if not script.lines(one.prompt))

    def running(self) -> dict[int, str]:
        """The command lines of all that runs in it or came out of it, but for the stand-in."""
        found = {}
        own = _network(self.pid)
        for process in psutil.process_iter():
            try:
                inside = _network(process.pid) == own
                marked = process.environ().get(MARK) == str(self.log)
                if (inside or marked) and process.status() != psutil.STATUS_ZOMBIE and process.pid != self.pid:
                    found[process.pid] = " ".join(process.cmdline())
            except (psutil.Error, OSError):
                # It ended meanwhile, or is somebody else's.
                continue
        return found


@contextlib.contextmanager
def opened(log: Path) -> Iterator[Network]:
    """Skips the test where the system has no namespaces for us; fails it in CI."""
    process = _started(log)
    with process:
        try:
            assert process.stdout is not None
            yield Network(process.pid, int(process.stdout.readline()), log)
        finally:
            process.communicate(timeout=_LIMIT)


def _network(pid: int) -> Path:
    return Path(f"/proc/{pid}/ns/net").readlink()


def _started(log: Path) -> subprocess.Popen[bytes]:
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        lacking("network namespaces need Linux, and unshare and nsenter of util-linux")
    # Everybody stays who they are: codex has a folder in /tmp for each user, and refuses one that is not the user's.
    ways = (["unshare", "--net"], ["unshare", "--net", "--map-current-user", "--keep-caps"])
    for way in ways if os.geteuid() == 0 else ways[1:]:
        if subprocess.run([*way, "true"], check=False, capture_output=True, timeout=_LIMIT).returncode == 0:
            argv = [*way, sys.executable, "-m", "tests.standin", "--loopback", "--log", str(log), "--key", KEY]
            return subprocess.Popen(argv, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return lacking("this system makes no network namespace for us: 'unshare --net --map-current-user true' fails")
