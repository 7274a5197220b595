"""Working in a worktree as an agent does: in its space, where it has one, and with nothing but what is seen there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fanout_server.mounting import spaces
from fanout_server.mounting.overlay import Space
from fanout_server.repo.worktrees import Worktree

_PATIENCE = 60


def run(worktree: Worktree, *argv: str, check: bool = True) -> bytes:
    """Runs a program in the worktree from its start to its end; returns what it printed."""
    with spaces.handed_over(worktree.space) as (prefix, descriptors):
        done = subprocess.run(
            [*prefix, *argv],
            cwd=worktree.path,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    assert done.returncode == 0 or not check, f"{argv}: {done.stderr.decode(errors='replace')}"
    return done.stdout


def shell(worktree: Worktree, script: str, *args: str) -> bytes:
    """The script fails where one of its commands does; ``args`` are its $1, $2 ..."""
    return run(worktree, "sh", "-euc", script, "agent", *args)


class Inside:
    """Somebody who stays in a worktree while a test looks at it and changes it piece by piece.

    ``at`` is the worktree's folder as it is seen there: by way of a process in its space, where it has one.
    """

    def __init__(self, worktree: Worktree) -> None:
        self.worktree = worktree
        self.at = worktree.path
        self._prefix: list[str] = []
        self._holder: subprocess.Popen[bytes] | None = None
        if worktree.space is not None:
            self._holder = self._enter(worktree.space)
            pid = self._holder.pid
            self.at = Path(f"/proc/{pid}/root{worktree.path}")
            self._prefix = ["nsenter", f"--target={pid}", "--mount"]
            if Path("/proc/self/ns/user").readlink() != Path(f"/proc/{pid}/ns/user").readlink():
                self._prefix += ["--user", "--preserve-credentials"]

    @staticmethod
    def _enter(space: Space) -> subprocess.Popen[bytes]:
        with spaces.handed_over(space) as (prefix, descriptors):
            holder = subprocess.Popen(
                [*prefix, "sh", "-c", "echo; read end"],
                cwd="/",
                pass_fds=descriptors,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"\n", "the space was refused"
        return holder

    def git(self, *args: str) -> str:
        """Runs git in the worktree. Its output, stripped."""
        return self.git_in(".", *args)

    def git_in(self, folder: str, *args: str) -> str:
        argv = ["sh", "-c", 'cd "$0" && exec "$@"', str(self.worktree.path / folder), "git", *args]
        done = subprocess.run([*self._prefix, *argv], capture_output=True, check=False, timeout=_PATIENCE)
        assert done.returncode == 0, f"git {args}: {done.stderr.decode(errors='replace')}"
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def close(self) -> None:
        if self._holder is not None:
            with self._holder as holder:
                holder.communicate(timeout=_PATIENCE)
            self._holder = None
