"""Untracked files that are too large to be taken in without a word: somebody's data, a build, a disk image."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from fanout_server.repo.errors import TooLarge

_ALL_TOGETHER = 10
_NAMED = 5
_STEP = 1000.0
# From here three digits round up to the next unit.
_LAST = 999.5
_UNITS = ("B", "kB", "MB", "GB", "TB")


def check(root: Path, untracked: Iterable[str], limit: float) -> None:
    """Raises TooLarge where one file is larger than ``limit`` bytes, or all are larger than ten times that.

    Only sizes are looked up; nothing is read.
    """
    sizes = sorted(((_size(f"{root}/{path}"), path) for path in untracked), reverse=True)
    large = [(size, path) for size, path in sizes if size > limit]
    together = sum(size for size, _ in sizes)
    if large:
        raise TooLarge(
            f"{_untracked(len(large))} larger than {in_words(limit)}, and every unit would get them: {_named(large)}."
            f" {_ADVICE}"
        )
    if together > limit * _ALL_TOGETHER:
        raise TooLarge(
            f"{len(sizes)} untracked files are {in_words(together)} together, and every unit would get them:"
            f" {_named(sizes)}."
            f" That is more than ten times the untracked_limit, {in_words(limit)}. {_ADVICE}"
        )


def in_words(size: float) -> str:
    """For people: three digits at most, as in 5.37 GB."""
    unit = 0
    while size >= _LAST and unit < len(_UNITS) - 1:
        size /= _STEP
        unit += 1
    return f"{size:.3g} {_UNITS[unit]}"


_ADVICE = (
    "The run has not begun. Have git ignore what is not meant (.gitignore), 'git add' what is, or raise the option"
    " untracked_limit ('none' for no limit)."
)


def _untracked(count: int) -> str:
    return "1 untracked file is" if count == 1 else f"{count} untracked files are"


def _named(found: Sequence[tuple[int, str]]) -> str:
    names = ", ".join(f"{path} ({in_words(size)})" for size, path in found[:_NAMED])
    return names + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _size(path: str) -> int:
    """What a link or anything else but a file would bring is its name."""
    try:
        found = os.lstat(path)
    except OSError:
        # Gone meanwhile.
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
