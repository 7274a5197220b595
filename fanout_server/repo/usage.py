"""What folders take on their disk: bytes and inodes, which run out on their own."""

from __future__ import annotations

import math
import os
import stat
import time
from pathlib import Path

from attrs import frozen

_BLOCK = 512


@frozen
class Usage:
    """``files`` counts inodes, folders among them. Not ``complete``: there is more than that."""

    bytes: int = 0
    files: int = 0
    complete: bool = True

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.bytes + other.bytes, self.files + other.files, self.complete and other.complete)

    def __str__(self) -> str:
        more = "" if self.complete else "more than "
        return f"{more}{in_words(self.bytes)} in {self.files:,} file{'' if self.files == 1 else 's'}"


NOTHING = Usage()


def in_words(size: float) -> str:
    """``12.3 MB``, as disks are sold: in powers of ten."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"  # noqa: PLR2004
        size /= 1000
    return f"{size:.1f} TB"


def of(*places: Path, seconds: float = math.inf) -> Usage:
    """All that lies in these folders, which need not be there; links are not followed, hard links count once.

    Counts for about so long.
    """
    end = time.monotonic() + seconds
    size = files = 0
    complete = True
    linked: set[tuple[int, int]] = set()
    waiting = [os.fspath(place) for place in places]
    while waiting:
        if time.monotonic() > end:
            return Usage(size, files, complete=False)
        place = waiting.pop()
        try:
            status = os.lstat(place)
            found = list(os.scandir(place)) if stat.S_ISDIR(status.st_mode) else []
        except (FileNotFoundError, NotADirectoryError):
            # Others work here: it went meanwhile.
            continue
        except PermissionError:
            # An agent closed a folder of its own.
            complete = False
            continue
        size += status.st_blocks * _BLOCK
        files += 1
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if status.st_nlink > 1:
                if (status.st_dev, status.st_ino) in linked:
                    continue
                linked.add((status.st_dev, status.st_ino))
            size += status.st_blocks * _BLOCK
            files += 1
    return Usage(size, files, complete)
