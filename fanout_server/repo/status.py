"""What the user has changed, by ``git status`` on their own index: HEAD, index, folder and untracked files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen

from fanout_server.repo.index_file import Entry
from fanout_server.repo.repository import Repository

LOOK_CLOSELY = (
    *("-c", "core.trustctime=true"),
    *("-c", "core.checkStat=default"),
    *("-c", "core.preloadIndex=true"),
    # Then git looks itself which of the files that a sparse checkout leaves away, or that are marked so, are there.
    *("-c", "core.sparseCheckout=true"),
    *("-c", "sparse.expectFilesOutsideOfPatterns=false"),
)
"""An agent may have been told, or a user may like, to have git look less closely; a snapshot must not."""

_STATUS = (
    "status",
    "--porcelain=v2",
    "-z",
    "--branch",
    "--no-renames",
    "--ignore-submodules=dirty",
    "--no-ahead-behind",
)

_CLOSED = re.compile(rb"could not open directory '(.*?)': ", re.DOTALL)
_HEAD = b"# branch.oid "
_NO_COMMIT = b"(initial)"


@frozen
class Tracked:
    """A path of which HEAD, the index and the folder are not all the same.

    ``index`` is ``None`` where the index has nothing to commit: removed, or only meant to be added. ``folder_mode`` is
    0 where nothing lies there that git could take.
    """

    path: str
    staged: bool
    unstaged: bool
    index: Entry | None
    folder_mode: int


@frozen
class Unmerged:
    """``ours`` is our side of the conflict, ``None`` where we have no such file."""

    path: str
    ours: Entry | None


@frozen
class Status:
    """``untracked`` files are not ignored; of another repository only its folder is there, with a slash at the end.

    ``head`` is ``None`` before the first commit. ``closed`` are folders that we may not read.
    """

    head: str | None = None
    tracked: tuple[Tracked, ...] = ()
    unmerged: tuple[Unmerged, ...] = ()
    untracked: tuple[str, ...] = ()
    closed: tuple[str, ...] = field(default=(), kw_only=True)


def read(repo: Repository, index: Path) -> Status:
    """Nothing is written: not even the times that git found out on the way. Raises GitFailed."""
    done = repo.git(*LOOK_CLOSELY, *_STATUS, "--untracked-files=all", env={"GIT_INDEX_FILE": str(index)})
    return parse(done.out, done.err)


def read_tracked(repo: Repository, index: Path) -> Status:
    """As ``read``, without untracked files: git looks for those on one processor alone, after all the rest."""
    done = repo.git(*LOOK_CLOSELY, *_STATUS, "--untracked-files=no", env={"GIT_INDEX_FILE": str(index)})
    return parse(done.out)


def read_untracked(repo: Repository, index: Path) -> Status:
    """As ``read``, with untracked files alone. Raises GitFailed."""
    asked = ("ls-files", "-z", "--others", "--exclude-standard")
    done = repo.git(*LOOK_CLOSELY, *asked, env={"GIT_INDEX_FILE": str(index)})
    names = (os.fsdecode(name) for name in done.out.split(b"\0") if name)
    return Status(untracked=tuple(names), closed=tuple(_closed(done.err)))


def parse(told: bytes, complaints: bytes = b"") -> Status:
    """What ``git status --porcelain=v2 -z --branch --no-renames`` says."""
    head: str | None = None
    tracked: list[Tracked] = []
    unmerged: list[Unmerged] = []
    untracked: list[str] = []
    for record in told.split(b"\0"):
        match record[:2]:
            case b"1 ":
                tracked.append(_tracked(record))
            case b"u ":
                unmerged.append(_unmerged(record))
            case b"? ":
                untracked.append(os.fsdecode(record[2:]))
            case b"# " if record.startswith(_HEAD) and not record.endswith(_NO_COMMIT):
                head = record.removeprefix(_HEAD).decode()
            case _:
                # Headers about branches and the stash; a setting of the user's may ask for more of them.
                continue
    return Status(head, tuple(tracked), tuple(unmerged), tuple(untracked), closed=tuple(_closed(complaints)))


def _tracked(record: bytes) -> Tracked:
    _, letters, _, _, index_mode, folder_mode, _, index_oid, path = record.split(b" ", 8)
    mode = int(index_mode, 8)
    index = (mode, index_oid.decode()) if mode else None
    staged, unstaged = letters[:1] != b".", letters[1:] != b"."
    return Tracked(os.fsdecode(path), staged, unstaged, index, int(folder_mode, 8))


def _unmerged(record: bytes) -> Unmerged:
    _, _, _, _, mode, _, _, _, oid, _, path = record.split(b" ", 10)
    ours = int(mode, 8)
    return Unmerged(os.fsdecode(path), (ours, oid.decode()) if ours else None)


def _closed(complaints: bytes) -> Iterator[str]:
    for name in _CLOSED.findall(complaints):
        yield os.fsdecode(name).rstrip("/")
