"""Doing an agent's work in a worktree, whatever way it was made."""

from __future__ import annotations

import subprocess

from fanout_server.mounting import spaces
from fanout_server.repo.worktrees import Worktree


def work_in(worktree: Worktree, script: str, *arguments: str) -> str:
    """Runs a shell script there, as an agent would be; ``$0`` and on are the arguments. Returns what it printed."""
    with spaces.handed_over(worktree.space) as (prefix, descriptors):
        done = subprocess.run(
            [*prefix, "/bin/sh", "-c", script, *arguments],
            cwd=worktree.path,
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, f"{script}: {done.returncode} {done.stderr.decode(errors='replace')}"
    return done.stdout.decode("utf-8", "surrogateescape")
