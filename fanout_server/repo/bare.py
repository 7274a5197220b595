"""Programs of ours for work on many files: run by a bare interpreter, which is there in a few milliseconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fanout_server.repo.errors import WorktreeFailed

_LIMIT_SECONDS = 900.0


def run(program: str, number: int, *paths: Path) -> None:
    """``program`` is the file of a module that imports nothing of ours. Raises WorktreeFailed in its own words."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", program, str(number), *(os.fspath(path) for path in paths)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            timeout=_LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise WorktreeFailed(f"{Path(program).stem} took longer than {_LIMIT_SECONDS:g} s.") from error
    if done.returncode != 0:
        told = os.fsdecode(done.stderr).strip().replace("\n", "; ") or f"exit status {done.returncode}"
        raise WorktreeFailed(f"{Path(program).stem.capitalize()} failed: {told}. 'worktrees: plain' does without it.")
