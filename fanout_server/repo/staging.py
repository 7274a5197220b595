"""What lies in a worktree of ours, taken into an index of ours; and what may lie at a path.

Not ``git add -A``: that fails as a whole on one nested repository without commits, follows submodules, and overlooks
entries that are marked as not to be looked at. Here git says what differs, we choose, and git stores it (with filters).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable
from pathlib import Path

from attrs import frozen

from fanout_server.repo import git, nested, room
from fanout_server.repo.changes import GITLINK, Change, parse_raw
from fanout_server.repo.errors import GitFailed, UnreadableFile
from fanout_server.repo.index import View

# An entry in `ls-files -v` that is not plainly "H": skipped (S, s), assumed unchanged (h) or unmerged (M).
_FLAGGED = re.compile(rb"(?:\A|(?<=\0))([a-zS]) ([^\0]+)\0")
_CLOSED = re.compile(rb"could not open directory '(.*?)': ", re.DOTALL)


@frozen
class Staged:
    """What could not, or should not, be taken as it lies there.

    ``nested`` are other repositories, ``moved`` submodules that stand on another commit or are gone, ``special`` is
    what is no file, folder or link, ``refused`` are names git forbids, ``closed`` are folders that we may not read.
    """

    nested: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    special: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


def stage(view: View, leave: Collection[str] = ()) -> Staged:
    """Brings the view's index to what lies in its folder; untracked paths in or below ``leave`` stay out.

    Raises UnreadableFile, which names the file, and GitFailed.
    """
    _look_at_all(view)
    tracked = _tracked_changes(view)
    untracked, closed = _untracked(view, leave)
    files = {path for path in untracked if not path.endswith("/")}
    moved = {path for path, change in tracked.items() if change.old_mode == GITLINK and change.new_mode in {0, GITLINK}}
    there = {path for path in tracked.keys() - moved if is_file(view.folder, path)}
    gone = tracked.keys() - moved - there
    repositories = {path.rstrip("/") for path in untracked if path.endswith("/")}
    repositories |= {path for path in gone if nested.is_repository(view.folder / path)}
    special = {path for path in gone if is_special(view.folder / path)}
    _remove(view, gone)
    refused = add(view, files | there)
    return Staged(*(tuple(sorted(paths)) for paths in (repositories, moved, special, refused, closed)))


def _tracked_changes(view: View) -> dict[str, Change]:
    """Entries that may differ from what lies there. Of an unmerged path its state U, which comes first."""
    told = view.git("diff-files", "-z", "--raw", "--no-abbrev", "--ignore-submodules=dirty").out
    found: dict[str, Change] = {}
    for change in parse_raw(told):
        found.setdefault(change.path, change)
    return found


def add(view: View, paths: Iterable[str]) -> tuple[str, ...]:
    """Takes in files as they lie in the view's folder; returns the names that git forbids in a tree."""
    wanted = sorted(set(paths))
    done = view.update("--add", "--remove", "--replace", paths=wanted)
    if done.code != 0:
        raise unreadable(view.folder, wanted, git.failure(("update-index",), done))
    if b"Ignoring path " not in done.err:
        return ()
    taken = {os.fsdecode(name) for name in view.git("ls-files", "-z", "--cached").out.split(b"\0")}
    return tuple(path for path in wanted if path not in taken and os.path.lexists(view.folder / path))


def _look_at_all(view: View) -> None:
    """Entries marked "assume unchanged" or "skip worktree" are looked at like all others, if their file is there.

    A file that a sparse checkout leaves away stays as the index has it. One that is only assumed unchanged and is gone
    counts as deleted: that is what the user sees.
    """
    flagged = [(tag, os.fsdecode(name)) for tag, name in _FLAGGED.findall(view.git("ls-files", "-v", "-z").out)]
    present = [path for tag, path in flagged if tag in b"Ss" and os.path.lexists(view.folder / path)]
    assumed = [path for tag, path in flagged if tag.islower() and (tag != b"s" or path in set(present))]
    _unmark(view, "--no-skip-worktree", present)
    _unmark(view, "--no-assume-unchanged", assumed)


def _unmark(view: View, option: str, paths: list[str]) -> None:
    done = view.update(option, paths=paths)
    if done.code != 0:
        raise git.failure(("update-index",), done)


def _untracked(view: View, leave: Collection[str]) -> tuple[list[str], list[str]]:
    """Untracked paths, other repositories with a slash at the end; and the folders that git could not look into."""
    told = view.git("ls-files", "-z", "--others", "--exclude-standard")
    names = [os.fsdecode(name) for name in told.out.split(b"\0") if name]
    closed = [os.fsdecode(name).rstrip("/") for name in _CLOSED.findall(told.err)]
    return [name for name in names if not is_below(name, leave)] if leave else names, closed


def is_below(path: str, folders: Collection[str]) -> bool:
    """Whether ``path`` is one of these paths or lies below one."""
    parts = path.rstrip("/").split("/")
    return any("/".join(parts[:count]) in folders for count in range(1, len(parts) + 1))


def _remove(view: View, paths: Collection[str]) -> None:
    done = view.update("--force-remove", paths=paths)
    if done.code != 0:
        raise git.failure(("update-index",), done)


def is_file(folder: Path, path: str) -> bool:
    """A file or link that lies at this very path, not behind a link."""
    parts = path.split("/")
    if any(os.path.islink(folder.joinpath(*parts[:count])) for count in range(1, len(parts))):  # noqa: PTH114 - shorter
        return False
    mode = _mode(folder / path)
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def is_special(path: Path) -> bool:
    mode = _mode(path)
    return bool(mode) and not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def unreadable(folder: Path, paths: list[str], error: GitFailed) -> UnreadableFile | GitFailed:
    """Finds the file at fault: git's message names it, but not in a form that can be read back for sure.

    Where a disk is full no file is, and the error stays what it is.
    """
    if room.is_full(error):
        return error
    told = error.stderr.decode("utf-8", "replace")
    named = [path for path in paths if path in told]
    where = max(named, key=len) if named else "a file"
    filtered = "filter" in told
    help_ = "Install the program of that filter (for Git LFS: 'git lfs install')" if filtered else "Mend that"
    return UnreadableFile(
        f"git cannot take in {where} in {folder}: {error}. {help_}, or have git ignore the file, and try again."
    )
