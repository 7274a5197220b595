"""Paths inside the user's checkout: which ones may be touched, what stands on the way to them, how to print them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from fanout_server.model import FanoutError


class UnsafePath(FanoutError):
    """A path that leads out of the checkout, or into git's own folder."""


@frozen
class Blocker:
    """Something that is no folder stands where a folder on the way should be."""

    path: str
    is_link: bool


def shown(path: str) -> str:
    """The path on one line, for a message: control characters and bytes that are not UTF-8 are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in path)


def check(path: str) -> str:
    """The path itself. Raises UnsafePath for an absolute one and for parts ``..``, ``.git`` and empty."""
    for part in path.split("/"):
        if part in {"", ".", ".."} or "\0" in part or part.casefold() == ".git":
            raise UnsafePath(
                f"'{shown(path)}' is no path that fanout writes: it leads out of the checkout or into git's own "
                "folder. Leave the unit that made it out."
            )
    return path


def parents(path: str) -> Iterator[str]:
    """``a/b/c`` -> ``a``, ``a/b``."""
    parts = path.split("/")[:-1]
    for end in range(1, len(parts) + 1):
        yield "/".join(parts[:end])


def blocker(root: Path, path: str) -> Blocker | None:
    """The first thing on the way to ``path`` that is no real folder. What does not exist is not in the way."""
    for parent in parents(path):
        status = status_of(root / parent)
        if status is None:
            return None
        if not stat.S_ISDIR(status.st_mode):
            return Blocker(parent, is_link=stat.S_ISLNK(status.st_mode))
    return None


def status_of(path: Path) -> os.stat_result | None:
    """What is there itself, links not followed; ``None`` where there is nothing."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
