"""The result of an overlay worktree: what its upper layer holds becomes a tree, without a look at the rest."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from attrs import frozen

from fanout_server.repo import index, names, objects, rules, staging, trees, upper
from fanout_server.repo.errors import UnreadableFile
from fanout_server.repo.index import View
from fanout_server.repo.objects import Objects
from fanout_server.repo.repository import Repository
from fanout_server.repo.rules import Rules
from fanout_server.repo.trees import FOLDER, GITLINK
from fanout_server.repo.upper import Written

# Larger files are read by git, piece by piece, and not by us as a whole.
_LARGE_BYTES = 8_000_000


@frozen
class Taken:
    """``tree`` is the base with what was written; ``impossible`` are paths that no commit can hold, and ``ignored``
    what the repository leaves out (folders with a slash at the end).
    """

    tree: str
    impossible: tuple[str, ...]
    ignored: tuple[str, ...]


def take(repo: Repository, base: str, layer: Path, settings: Rules) -> Taken:
    """``base`` is a commit or tree, ``layer`` the upper folder. Raises UnreadableFile, GitFailed, OSError."""
    store = objects.of(repo)
    root = store.tree_of(base)

    def ask_ignored(found: Written, paths: Collection[str]) -> Collection[str]:
        return rules.ignored(repo, settings, paths, _Seen(store, layer, found).read)

    found = upper.read(store, root, layer, ask_ignored)
    seen = _Seen(store, layer, found)
    refused = {path for path, status in found.files.items() if names.forbidden(path, status.st_mode)}
    put = {path: (entry.mode, entry.oid) for path, entry in found.brought.items()}
    for_git: list[str] = []
    for path, status in found.files.items():
        if path not in refused:
            data = _read(layer / path, status)
            if data is None or _is_converted(settings, seen, path, status, data):
                for_git.append(path)
            else:
                put[path] = (_mode(status), store.write("blob", data))
    put |= _through_git(repo, store, root, layer, seen, for_git)
    tree = trees.edit(store, root, found.removed, put)
    impossible = sorted({*found.nested, *found.moved, *found.special, *found.closed, *refused})
    return Taken(tree, tuple(impossible), tuple(sorted(found.ignored)))


@frozen
class _Seen:
    """Single files as they are seen in the worktree now."""

    store: Objects
    upper: Path
    found: Written

    def read(self, path: str) -> bytes | None:
        if path in self.found.files:
            status = self.found.files[path]
            return (self.upper / path).read_bytes() if stat.S_ISREG(status.st_mode) else None
        entry = self.found.brought.get(path)
        if entry is None and not staging.is_below(path, self.found.removed):
            entry = trees.lookup(self.store, self.found.base, path)
        return self.store.read_blob(entry.oid) if entry is not None and stat.S_ISREG(entry.mode) else None


def _read(path: Path, status: os.stat_result) -> bytes | None:
    """``None`` where it is too large for that. Raises UnreadableFile."""
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(path.readlink())
    if status.st_size > _LARGE_BYTES:
        return None
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise UnreadableFile(f"{path.name} cannot be read in {path.parent}: {error.strerror}.") from error


def _is_converted(settings: Rules, seen: _Seen, path: str, status: os.stat_result, data: bytes) -> bool:
    if stat.S_ISLNK(status.st_mode):
        return False
    return settings.may_convert(data, rules.attributes_for(path, seen.read))


def _mode(status: os.stat_result) -> int:
    if stat.S_ISLNK(status.st_mode):
        return 0o120000
    return 0o100755 if status.st_mode & stat.S_IXUSR else 0o100644


def _through_git(
    repo: Repository, store: Objects, root: str, folder: Path, seen: _Seen, paths: Collection[str]
) -> Mapping[str, tuple[int, str]]:
    """What git makes of files that filters or line end settings may change.

    The upper layer stands for the work tree, and an index of what is asked about for the rest: git takes attributes
    from there where the folder has none, and the line ends that a file has been stored with.
    """
    if not paths:
        return {}
    with index.view(repo, folder) as view:
        known = {path: trees.lookup(store, root, path) for path in paths}
        for name in rules.names_above(".gitattributes", paths):
            if seen.read(name) is not None:
                known[name] = seen.found.brought.get(name) or trees.lookup(store, root, name)
        lines = [
            os.fsencode(f"{entry.mode:o} {entry.oid}\t{path}")
            for path, entry in known.items()
            if entry is not None and entry.mode not in {FOLDER, GITLINK}
        ]
        view.git("update-index", "-z", "--index-info", input=b"".join(line + b"\0" for line in lines))
        staging.add(view, paths)
        wanted = set(paths)
        return {path: state for path, state in _staged(view).items() if path in wanted}


def _staged(view: View) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for line in view.git("ls-files", "-z", "--stage").out.split(b"\0"):
        head, _, name = line.partition(b"\t")
        if name:
            mode, oid, _ = head.decode().split()
            found[os.fsdecode(name)] = (int(mode, 8), oid)
    return found
