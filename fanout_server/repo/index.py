"""Indexes of our own: the user's and the agents' are never written."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

from fanout_server.repo import git as git_command
from fanout_server.repo.repository import Repository

_STALE_SECONDS = 24 * 3600.0

# An agent may have been told, or a user may like, to have git look less closely; a snapshot must not.
# core.safecrlf=true would refuse files whose line ends do not round-trip.
_LOOK_CLOSELY = (
    *("-c", "core.trustctime=true"),
    *("-c", "core.checkStat=default"),
    *("-c", "core.ignoreStat=false"),
    *("-c", "core.safecrlf=false"),
    *("-c", "core.sparseCheckout=false"),
    *("-c", "core.untrackedCache=false"),
)


@frozen
class View:
    """A folder seen through an index file of ours, with the objects, settings and rules of the user's repository.

    git gets the repository, the folder and the index by name, so nothing that lies in the folder can lead it away.
    """

    repo: Repository
    folder: Path
    index: Path

    def git(
        self,
        *args: str | bytes,
        input: bytes | None = None,  # noqa: A002 - as git.run
        check: bool = True,
    ) -> git_command.Completed:
        env = {
            "GIT_DIR": str(self.repo.git_dir),
            "GIT_WORK_TREE": str(self.folder),
            "GIT_INDEX_FILE": str(self.index),
        }
        return git_command.run(self.folder, *_LOOK_CLOSELY, *args, input=input, env=env, check=check)

    def write_tree(self) -> str:
        return self.git("write-tree").out.decode().strip()

    def update(self, *options: str, paths: Iterable[str]) -> git_command.Completed:
        """``git update-index`` on these paths; returns also where git failed."""
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        if not names:
            return git_command.Completed(0, b"", b"")
        return self.git("update-index", *options, "-z", "--stdin", input=names, check=False)


@contextlib.contextmanager
def temporary_folder(repo: Repository) -> Iterator[Path]:
    """An empty folder of ours; what processes that died left of theirs goes after a day."""
    parent = repo.state_dir / "tmp"
    parent.mkdir(mode=0o700, exist_ok=True)
    _sweep(parent)
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def view(repo: Repository, folder: Path, start: Path | None = None) -> Iterator[View]:
    """A view of ``folder`` through a copy of the index ``start``, or through an empty index."""
    with temporary_folder(repo) as place:
        index = place / "index"
        if start is not None:
            copy_index(start, index)
        yield View(repo, folder, index)


def copy_index(source: Path, target: Path) -> None:
    """A copy with the time of the original, both taken from one open file.

    The time matters: git trusts an entry's size and times unless the file changed in the same tick in which the index
    was written. A copy that looks younger than it is would make git trust entries it must compare.
    """
    with source.open("rb") as stream:
        status = os.fstat(stream.fileno())
        data = stream.read()
    target.write_bytes(data)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def _sweep(parent: Path) -> None:
    limit = time.time() - _STALE_SECONDS
    for folder in parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)
