"""What changed between two revisions, as a user names them: ``main..HEAD``, ``main...topic``, ``main..``. Blocking."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fanout_server.model import Changes, FanoutError

if TYPE_CHECKING:
    from fanout_server.repo.repository import Repository


class BadRange(FanoutError):
    """It names nothing that can be compared; the text says what."""


def read(repo: Repository, written: str) -> Changes:
    """The paths that differ, sorted; a rename has two. Without a second revision: up to what is there now, saved and
    not ignored. With three dots: since both parted. Raises BadRange, GitFailed.
    """
    first, dots, second = written.partition("..")
    parted = second.startswith(".")
    second = second.removeprefix(".")
    if not first or not dots:
        raise BadRange(f"{written} is no range of revisions. Write it like main..HEAD, or main.. for up to now.")
    since = _commit(repo, first, written)
    until = _commit(repo, second, written) if second else None
    if parted:
        since = _parted(repo, since, until or _commit(repo, "HEAD", written), written)
    told = repo.git(*_DIFF, since, *([] if until is None else [until]), "--").out
    if until is None:
        told += repo.git("ls-files", "-z", "--others", "--exclude-standard").out
    paths = {os.fsdecode(path) for path in told.split(b"\0") if path}
    return Changes(written, since, until, tuple(sorted(paths)))


_DIFF = ("diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules", "--end-of-options")


def _commit(repo: Repository, name: str, written: str) -> str:
    asked = f"{name}^{{commit}}"
    found = repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", asked, check=False)
    if found.code != 0:
        raise BadRange(f"There is no revision {name}, of {written}. 'git branch' lists those that have a name.")
    return found.out.decode().split()[-1]


def _parted(repo: Repository, one: str, other: str, written: str) -> str:
    found = repo.git("merge-base", one, other, check=False)
    if found.code != 0:
        raise BadRange(f"The revisions of {written} have no commit in common. Write it with two dots.")
    return found.out.decode().split()[0]
