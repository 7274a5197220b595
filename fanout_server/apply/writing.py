"""The way forward of an apply: stage, keep, look once more, move into place."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import frozen

from fanout_server.apply import paths
from fanout_server.apply.content import (
    EXECUTABLE,
    Content,
    Disk,
    FolderInTheWay,
    ParentInTheWay,
    Unreadable,
)
from fanout_server.apply.durable import keep, remove_if_empty, sync_folder, write_new
from fanout_server.apply.edits import FileEdit
from fanout_server.apply.intent import KEPT_PREFIX, Entry, Folder, Intent, Mark, Phase, Store
from fanout_server.model import FanoutError

TEMPORARY_PREFIX = ".fanout-"
_EXECUTE_BITS = 0o111


class ChangedMeanwhile(FanoutError):
    """A file is no longer what the edits were made for. Nothing was written."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"'{paths.shown(path)}' has changed since the edits were worked out, so nothing was written. Apply again."
        )
        self.path = path


@frozen
class Step:
    """One path and what it is to hold. A renamed file is two steps, the new one with the permissions of the old."""

    path: str
    before: Content | None
    after: Content | None
    permissions_from: str | None = None


@frozen
class _Identity:
    device: int
    inode: int
    size: int
    changed: int


@frozen
class Writing:
    root: Path
    steps: tuple[Step, ...]
    intent: Intent
    store: Store

    @classmethod
    def prepare(cls, root: Path, edits: Sequence[FileEdit], store: Store) -> Writing | None:
        """``None`` where there is nothing to write. Changes nothing. Raises ChangedMeanwhile, UnsafePath, OSError."""
        steps = tuple(_steps(edits))
        if not steps:
            return None
        if len({step.path for step in steps}) != len(steps):
            raise ValueError("two edits of one path")
        _look(root, steps)
        return cls(root, steps, _intent(root, steps), store)

    def run(self) -> None:
        """Raises ChangedMeanwhile and OSError half-way: the caller takes back what was done."""
        self.store.begin(self.intent)
        for step, entry in self._pairs():
            if step.after is not None and entry.staged is not None:
                _stage(self.root, step, step.after, self.root / _on_real_folders(self.root, entry.staged))
            if entry.kept is not None:
                keep(self.root / step.path, self.store.path / entry.kept)
        sync_folder(self.store.path)
        seen = _look(self.root, self.steps)
        self.store.advance(Phase.STAGING, Phase.WRITING)
        self._move(seen)
        self._sync()
        self.store.advance(Phase.WRITING, Phase.DONE)

    def _pairs(self) -> Iterator[tuple[Step, Entry]]:
        return zip(self.steps, self.intent.entries, strict=True)

    def _move(self, seen: dict[str, _Identity | None]) -> None:
        for step in self.steps:
            if step.after is None:
                _still(self.root, step.path, seen)
                (self.root / step.path).unlink()
        # Deepest first: an empty folder in the way may hold empty folders.
        targets = {step.path for step in self.steps if step.after is not None}
        for folder in reversed(self.intent.leaving):
            if folder.path in targets or not targets.isdisjoint(paths.parents(folder.path)):
                (self.root / folder.path).rmdir()
        for made in self.intent.made:
            (self.root / _on_real_folders(self.root, made)).mkdir()
        for step, entry in self._pairs():
            if entry.staged is not None:
                _still(self.root, step.path, seen)
                (self.root / entry.staged).rename(self.root / _on_real_folders(self.root, step.path))
        for folder in reversed(self.intent.leaving):
            # Where it stood there may now be a link, to a folder of somebody else's.
            if paths.blocker(self.root, folder.path) is None:
                remove_if_empty(self.root / folder.path)

    def _sync(self) -> None:
        """Folders too are to be safe on the disk before the note says that all is done."""
        changed = (*(step.path for step in self.steps), *self.intent.made, *(one.path for one in self.intent.leaving))
        for folder in sorted({path.rpartition("/")[0] for path in changed}):
            if not folder or _is_folder(self.root, folder):
                sync_folder(self.root / folder)


def _steps(edits: Iterable[FileEdit]) -> Iterator[Step]:
    for edit in edits:
        paths.check(edit.path)
        if edit.renamed_from is not None:
            paths.check(edit.renamed_from)
            yield Step(edit.renamed_from, edit.before, None)
            yield Step(edit.path, None, edit.after, edit.renamed_from)
        elif edit.before != edit.after:
            yield Step(edit.path, edit.before, edit.after, None if edit.before is None else edit.path)


def _look(root: Path, steps: Iterable[Step]) -> dict[str, _Identity | None]:
    """Raises ChangedMeanwhile where a file is not what its step expects, OSError where it cannot be read.

    Returns what to know each one by.
    """
    disk = Disk(root)
    steps = tuple(steps)
    going = {step.path for step in steps if step.after is None}
    seen: dict[str, _Identity | None] = {}
    for step in steps:
        seen[step.path] = _identity(root, step.path)
        if _read(disk, step.path, going) != step.before:
            raise ChangedMeanwhile(step.path)
    return seen


def _read(disk: Disk, path: str, going: set[str]) -> Content | None:
    """What is there, once all that is ``going`` has gone."""
    try:
        return disk.read(path)
    except ParentInTheWay as error:
        if error.blocker in going:
            return None
        raise ChangedMeanwhile(path) from error
    except FolderInTheWay as error:
        if going.issuperset(error.files):
            return None
        raise ChangedMeanwhile(path) from error
    except Unreadable as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        raise ChangedMeanwhile(path) from error


def _identity(root: Path, path: str) -> _Identity | None:
    """``None`` for what is no file or link, or stands behind something that is no folder."""
    status = None if paths.blocker(root, path) else paths.status_of(root / path)
    if status is None or stat.S_ISDIR(status.st_mode):
        return None
    return _Identity(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _still(root: Path, path: str, seen: dict[str, _Identity | None]) -> None:
    """The last look, just before the path is touched."""
    if _identity(root, path) != seen[path]:
        raise ChangedMeanwhile(path)


def _on_real_folders(root: Path, path: str) -> str:
    """The path itself. Raises ChangedMeanwhile where a link or a file has come to stand on the way to it."""
    if paths.blocker(root, path) is not None:
        raise ChangedMeanwhile(path)
    return path


def _intent(root: Path, steps: Sequence[Step]) -> Intent:
    status = root.stat()
    entries = tuple(_entry(root, number, step) for number, step in enumerate(steps))
    made = {
        parent
        for step in steps
        if step.after is not None
        for parent in paths.parents(step.path)
        if not _is_folder(root, parent)
    }
    leaving = {
        folder
        for step in steps
        for folder in (paths.parents(step.path) if step.after is None else _folders_at(root, step.path))
    }
    # Sorted by parts, a folder comes before what it holds.
    return Intent(
        os.path.realpath(root),
        status.st_dev,
        status.st_ino,
        entries,
        tuple(sorted(made, key=_parts)),
        tuple(Folder(one, stat.S_IMODE((root / one).lstat().st_mode)) for one in sorted(leaving, key=_parts)),
    )


def _entry(root: Path, number: int, step: Step) -> Entry:
    return Entry(
        step.path,
        None if step.before is None else Mark.of(step.before),
        None if step.after is None else Mark.of(step.after),
        None if step.after is None else _beside(_nearest_folder(root, step.path)),
        None if step.before is None else _beside(step.path.rpartition("/")[0]),
        None if step.before is None else f"{KEPT_PREFIX}{number}",
    )


def _beside(folder: str) -> str:
    name = TEMPORARY_PREFIX + secrets.token_hex(8)
    return f"{folder}/{name}" if folder else name


def _nearest_folder(root: Path, path: str) -> str:
    """The folder of the path, or the last one on the way to it that is there already."""
    nearest = ""
    for parent in paths.parents(path):
        if not _is_folder(root, parent):
            break
        nearest = parent
    return nearest


def _is_folder(root: Path, path: str) -> bool:
    status = None if paths.blocker(root, path) else paths.status_of(root / path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _folders_at(root: Path, path: str) -> Iterator[str]:
    """The folder that stands where a file is to come, and those in it."""
    if _is_folder(root, path):
        for folder, _, _ in os.walk(root / path):
            yield Path(folder).relative_to(root).as_posix()


def _parts(path: str) -> list[str]:
    return path.split("/")


def _stage(root: Path, step: Step, after: Content, staged: Path) -> None:
    if after.is_link:
        if b"\0" in after.data:
            raise OSError(errno.EINVAL, "no link can point to a name with a NUL in it", str(root / step.path))
        staged.symlink_to(os.fsdecode(after.data))
        return
    default = 0o777 if after.mode == EXECUTABLE else 0o666
    source = step.permissions_from
    write_new(staged, after.data, default, None if source is None else _permissions(root / source, after.mode))


def _permissions(existing: Path, mode: int) -> int | None:
    """The permission bits that the file has, but executable or not as wanted; ``None`` where there is no file yet."""
    status = paths.status_of(existing)
    if status is None or not stat.S_ISREG(status.st_mode):
        return None
    bits = stat.S_IMODE(status.st_mode) & 0o777
    if (mode == EXECUTABLE) == bool(bits & stat.S_IXUSR):
        return bits
    # Whoever may read it may run it.
    return bits | (bits & 0o444) >> 2 if mode == EXECUTABLE else bits & ~_EXECUTE_BITS
