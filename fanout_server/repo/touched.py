"""Which files were changed together, by the newest commits."""

from __future__ import annotations

import os

from fanout_server.repo.repository import Repository

MOST_COMMITS = 1000
_SECONDS = 3.0
_MARK = b"\x01"
# Nothing of the user's configuration may start a program or fetch what a partial clone has not.
_QUIET = {"GIT_NO_LAZY_FETCH": "1"}


def touched(repo: Repository, head: str) -> tuple[tuple[str, ...], ...]:
    """The paths that each of the newest commits up to ``head`` changed, merges left out, the newest first.

    Raises GitFailed where that takes too long, or a part of the history is not here.
    """
    told = repo.git(
        *("log", f"--max-count={MOST_COMMITS}", "--no-merges", "--no-renames", "--no-show-signature", "--no-ext-diff"),
        *("--format=%x01", "--name-only", "-z", "--end-of-options", head, "--"),
        env=_QUIET,
        timeout=_SECONDS,
    ).out
    found: list[list[str]] = []
    after_mark = False
    for one in told.split(b"\0"):
        if one == _MARK:
            found.append([])
        elif one and found:
            found[-1].append(os.fsdecode(one.removeprefix(b"\n") if after_mark else one))
        after_mark = one == _MARK
    return tuple(tuple(paths) for paths in found)
