"""The way back of an apply, after an error or a crash. Each step may be done again by the next who tries."""

from __future__ import annotations

import logging
import stat
from enum import Enum
from itertools import chain, count
from pathlib import Path

from fanout_server.apply import paths
from fanout_server.apply.content import Disk, Unreadable
from fanout_server.apply.durable import keep, remove_if_empty
from fanout_server.apply.intent import Entry, Intent, Mark, Store
from fanout_server.apply.paths import shown

_log = logging.getLogger(__name__)


def root_of(intent: Intent, root: Path) -> Path | None:
    """Where the apply was: linked worktrees share one store, and a checkout may have been moved since."""
    status = root.stat()
    if (status.st_dev, status.st_ino) == (intent.device, intent.inode):
        return root
    recorded = Path(intent.root)
    return recorded if recorded.is_dir() else None


def put_back(root: Path, store: Store, intent: Intent) -> tuple[str, ...]:
    """Everything is as it was before the apply, but for what somebody changed since; returns the paths put back."""
    disk = Disk(root)
    back = [entry.path for entry in intent.entries if entry.before is None and _take_away(root, disk, entry)]
    for made in reversed(intent.made):
        if paths.blocker(root, made) is None:
            remove_if_empty(root / made)
    for folder in intent.leaving:
        if paths.blocker(root, folder.path) is None:
            _make_again(root / folder.path, folder.mode)
    back += [entry.path for entry in intent.entries if entry.before is not None and _restore(root, disk, store, entry)]
    return tuple(sorted(back))


def _take_away(root: Path, disk: Disk, entry: Entry) -> bool:
    """A file that was not there before goes, if it is the one that the apply made."""
    now = _look(disk, entry.path)
    if now is None or now is _Other.IN_THE_WAY:
        return False
    if now != entry.after:
        _log.warning("%s has changed since an apply that was broken off had made it, so it stays.", shown(entry.path))
        return False
    (root / entry.path).unlink()
    return True


def _make_again(folder: Path, mode: int) -> None:
    status = paths.status_of(folder)
    if status is None:
        folder.mkdir(parents=True)
        status = folder.lstat()
    if stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) != mode:
        folder.chmod(mode)


def _restore(root: Path, disk: Disk, store: Store, entry: Entry) -> bool:
    if entry.kept is None or entry.back is None:
        raise AssertionError("what was there is kept")
    now = _look(disk, entry.path)
    if now == entry.before:
        return False
    kept = store.path / entry.kept
    if now not in (None, entry.after) or not (root / entry.path).parent.is_dir():
        _set_aside(store, entry.path, kept)
        return False
    back = root / entry.back
    back.unlink(missing_ok=True)
    keep(kept, back)
    back.rename(root / entry.path)
    return True


class _Other(Enum):
    """Neither a file nor nothing."""

    IN_THE_WAY = "in the way"


def _look(disk: Disk, path: str) -> Mark | _Other | None:
    try:
        now = disk.read(path)
    except Unreadable as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from error
        return _Other.IN_THE_WAY
    return None if now is None else Mark.of(now)


def _set_aside(store: Store, path: str, kept: Path) -> None:
    """Somebody went on working at the path: that stays, and what it held before does not get lost either."""
    if paths.status_of(kept) is None:
        return
    folder = store.path.with_name(store.path.name + "-left")
    folder.mkdir(mode=0o700, exist_ok=True)
    aside = free_name(folder / path.rpartition("/")[2])
    kept.rename(aside)
    _log.warning(
        "%s has changed since an apply that was broken off, so it stays; what it held before lies in %s.",
        shown(path),
        aside,
    )


def free_name(path: Path) -> Path:
    """The path, or the first of ``path-2``, ``path-3``, ... that is not there yet."""
    candidates = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(one for one in chain([path], candidates) if paths.status_of(one) is None)


def remove_staged(root: Path, intent: Intent) -> None:
    """What was laid beside the user's files goes, where it is still there."""
    for entry in intent.entries:
        for name in (entry.staged, entry.back):
            if name is not None and paths.blocker(root, name) is None:
                (root / name).unlink(missing_ok=True)
