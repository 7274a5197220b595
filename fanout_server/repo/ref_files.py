"""All refs of a repository without a process, where they are kept as files: one each, or packed into one for many.

Facts from git's own documentation (gitrepository-layout): what has a file of its own counts, whatever is packed; refs
below ``refs/bisect``, ``refs/worktree`` and ``refs/rewritten`` are the work tree's own; no name ends in ``.lock``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from fanout_server.repo.repository import Repository

_OURS = "refs/fanout/"

# So many files are quicker read by git.
_MOST_FILES = 2_000

_Stamp = tuple[int, int, int, int]


@frozen
class _Packed:
    stamp: _Stamp | None
    refs: Mapping[str, str]


_packed: dict[Path, _Packed] = {}


def others(repo: Repository) -> Mapping[str, str]:
    """Each ref that is not ours: what it points to, an object's name or ``ref: `` and another ref. Raises GitFailed."""
    found = None if (repo.common_dir / "reftable").exists() else _loose(repo)
    if found is None:
        return dict(_told(repo))
    # In this order: what is packed meanwhile is found in one of the two.
    return {**_of_packed(repo.common_dir / "packed-refs"), **found}


def _told(repo: Repository) -> Iterator[tuple[str, str]]:
    told = repo.git("for-each-ref", "--format=%(refname) %(objectname) %(symref)").out.decode("utf-8", "replace")
    for line in told.splitlines():
        name, oid, symref = line.split(" ", 2)
        if not name.startswith(_OURS):
            yield name, f"ref: {symref}" if symref else oid


def _loose(repo: Repository) -> dict[str, str] | None:
    """``None`` where there are very many."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys((repo.common_dir, repo.git_dir)):
        queue = ["refs"]
        while queue:
            for entry in _entries(folder, queue.pop()):
                name = os.fsencode(os.path.relpath(entry.path, folder)).decode("utf-8", "replace")
                if entry.is_dir(follow_symlinks=False):
                    if f"{name}/" != _OURS:
                        queue.append(os.path.relpath(entry.path, folder))
                elif entry.is_file() and not name.endswith(".lock"):
                    text = _text(Path(entry.path))
                    if text is not None:
                        found[name] = text
                if len(found) > _MOST_FILES:
                    return None
    return found


def _entries(folder: Path, name: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder / name) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []  # Deleted since, with the last ref in it.


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace").strip()
    except (FileNotFoundError, IsADirectoryError):
        return None  # Deleted or packed since.


def _of_packed(path: Path) -> Mapping[str, str]:
    """Read again only where another file is there: git always replaces it as a whole."""
    stamp = _stamp(path)
    kept = _packed.get(path)
    if kept is None or kept.stamp != stamp:
        _packed[path] = kept = _Packed(stamp, dict(_parsed(_text(path) or "")))
    return kept.refs


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _parsed(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        # The rest are remarks, and what the tag before points to.
        if line[:1] not in {"#", "^", ""}:
            oid, _, name = line.partition(" ")
            if not name.startswith(_OURS):
                yield name, oid
