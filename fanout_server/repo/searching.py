"""Where a word stands in a commit."""

from __future__ import annotations

import os

from fanout_server.repo import git
from fanout_server.repo.repository import Repository

_SECONDS = 30.0


def naming(repo: Repository, commit: str, word: str) -> tuple[str, ...]:
    """The files of text in which the word stands as a whole. Raises GitFailed, also where that takes too long."""
    args = ("grep", "-z", "-l", "-w", "-F", "-I", "--full-name", "--no-color", "-e", word, commit)
    told = repo.git(*args, check=False, timeout=_SECONDS)
    if told.code > 1 or (told.code == 1 and told.err):
        raise git.failure(args, told)
    head = os.fsencode(f"{commit}:")
    return tuple(os.fsdecode(one.removeprefix(head)) for one in told.out.split(b"\0") if one)
