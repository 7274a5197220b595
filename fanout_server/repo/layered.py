"""The result of an overlay worktree: what its upper layer holds becomes a tree, without a look at the rest."""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from fanout_server.repo import index, names, objects, rules, staging, trees, upper, worktrees
from fanout_server.repo.errors import UnreadableFile
from fanout_server.repo.index import View
from fanout_server.repo.objects import Objects
from fanout_server.repo.repository import Repository
from fanout_server.repo.rules import Rules
from fanout_server.repo.trees import FOLDER, GITLINK, Entry
from fanout_server.repo.upper import Upper, Written

# Larger files are read by git, piece by piece, and not by us as a whole.
_LARGE_BYTES = 8_000_000

_TEXTS = 512


@frozen
class Taken:
    """``tree`` is the base with what was written; ``impossible`` are paths that no commit can hold, and ``ignored``
    what the repository leaves out (folders with a slash at the end).
    """

    tree: str
    impossible: tuple[str, ...]
    ignored: tuple[str, ...]


def take(repo: Repository, base: str, worktree: Path, settings: Rules, entry: Path | None = None) -> Taken:
    """``base`` is a commit or tree, ``worktree`` where the worktree was seen. ``entry`` is that of the pristine
    checkout, if it is known. Raises UnreadableFile, GitFailed, OSError.
    """
    layer = f"{worktrees.layers_of(worktree)}/upper"
    store = objects.of(repo)
    root = store.tree_of(base)

    def ask_ignored(found: Written, paths: Collection[str]) -> Collection[str]:
        return rules.ignored(repo, settings, paths, _Seen(store, layer, found).read)

    def ask_hidden() -> Collection[str]:
        return _hidden(repo, layer, entry) if settings.sparse and entry is not None else ()

    found = upper.read(store, root, Upper(Path(layer), worktree), ask_ignored, ask_hidden)
    seen = _Seen(store, layer, found)
    refused = {path for path, status in found.files.items() if names.forbidden(path, status.st_mode)}
    # What is kept comes first, for whatever lies in its place by now takes that.
    put = {path: (one.mode, one.oid) for one_of in (found.kept, found.brought) for path, one in one_of.items()}
    for_git: list[str] = []
    for path, status in found.files.items():
        if path not in refused:
            data = _read(f"{layer}/{path}", status)
            if data is None or _is_converted(settings, seen, path, status, data):
                for_git.append(path)
            else:
                put[path] = (_mode(status), store.write("blob", data))
    put |= _through_git(repo, store, root, layer, seen, for_git)
    tree = trees.edit_and_compare(store, root, found.removed, put)
    impossible = sorted({*found.nested, *found.moved, *found.special, *found.closed, *refused})
    emptied = _emptied(store, tree, layer, found.removed)
    ignored = _as_few(store, tree, found.ignored, emptied, functools.partial(ask_ignored, found))
    return Taken(tree, tuple(impossible), tuple(sorted(ignored)))


def _emptied(store: Objects, tree: str, layer: str, removed: Collection[str]) -> Iterator[str]:
    """Folders that lost all that was tracked in them, and are still there."""
    # Above a folder that the result has, it has all.
    asked = {path.rpartition("/")[0] for path in removed}
    bare = {folder for folder in asked if folder and trees.lookup(store, tree, folder) is None}
    for folder in {*removed, *bare, *(above for one in bare for above in upper.above(one))}:
        if os.path.isdir(f"{layer}/{folder}"):  # noqa: PTH112 - any path is a question
            yield folder


def _as_few(
    store: Objects,
    tree: str,
    ignored: Collection[str],
    emptied: Iterable[str],
    ask: Callable[[Collection[str]], Collection[str]],
) -> Collection[str]:
    """With a folder in place of all that is in it, where the base had files there and the result has none any more."""
    above = {*emptied, *(folder for path in ignored for folder in upper.above(path.rstrip("/")))}
    asked = [f"{folder}/" for folder in above if trees.lookup(store, tree, folder) is None]
    folders = {path.rstrip("/") for path in (ask(asked) if asked else ())}
    bare = {path.rstrip("/"): path for path in (*ignored, *(f"{folder}/" for folder in folders))}
    return [path for name, path in bare.items() if folders.isdisjoint(upper.above(name))]


def _hidden(repo: Repository, layer: str, entry: Path) -> frozenset[str]:
    """What a sparse checkout left away when the worktree was new, and is not there now."""
    told = View(repo, Path(layer), entry / "index").git("ls-files", "-t", "-z").out
    skipped = (os.fsdecode(line[2:]) for line in told.split(b"\0") if line.startswith(b"S "))
    return frozenset(path for path in skipped if not os.path.lexists(f"{layer}/{path}"))


@frozen
class _Seen:
    """Files of rules as they are seen in the worktree now. Each is read once: the same rules hold for many."""

    store: Objects
    upper: str
    found: Written
    known: dict[str, bytes | None] = field(factory=dict)
    known_attributes: dict[str, bytes] = field(factory=dict)

    def attributes(self, path: str) -> bytes:
        """The text of all ``.gitattributes`` files that may say something of ``path``."""
        missing: list[str] = []
        folder = path.rpartition("/")[0]
        while folder not in self.known_attributes:
            missing.append(folder)
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        text = self.known_attributes.get(folder, b"")
        while missing:
            folder = missing.pop()
            own = self.read(f"{folder}/.gitattributes" if folder else ".gitattributes")
            text = self.known_attributes[folder] = b"%b\n%b" % (text, own) if own else text
        return text

    def below(self, path: str) -> Entry | None:
        """What shows through there."""
        if path in self.found.covers:
            return None
        folder, _, name = path.rpartition("/")
        if folder in self.found.folders:
            tree = self.found.folders[folder]
            return None if tree is None else trees.child(self.store, tree, name)
        origin = self.found.origin(path)
        return None if origin is None else trees.lookup(self.store, self.found.base, origin)

    def read(self, path: str) -> bytes | None:
        if path not in self.known:
            self.known[path] = self._read(path)
        return self.known[path]

    def _read(self, path: str) -> bytes | None:
        # Also what is left out of the result, such as rules that are ignored by rules of their own.
        if path in self.found.rules:
            try:
                return Path(self.upper, path).read_bytes()
            except OSError:
                return None
        entry = self.below(path)
        return _text(self.store, entry.oid) if entry is not None and stat.S_ISREG(entry.mode) else None


@functools.lru_cache(maxsize=_TEXTS)
def _text(store: Objects, oid: str) -> bytes:
    """Rules of a base: those at its top hold for all units."""
    return store.read_blob(oid)


def _read(path: str, status: os.stat_result) -> bytes | None:
    """``None`` where it is too large for that. Raises UnreadableFile."""
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(os.readlink(path))  # noqa: PTH115 - one of many, and no path is needed
    if status.st_size > _LARGE_BYTES:
        return None
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
            return file.read()
    except PermissionError as error:
        folder, _, name = path.rpartition("/")
        raise UnreadableFile(f"{name} cannot be read in {folder}: {error.strerror}.") from error


def _is_converted(settings: Rules, seen: _Seen, path: str, status: os.stat_result, data: bytes) -> bool:
    if stat.S_ISLNK(status.st_mode):
        return False
    return settings.may_convert(data, seen.attributes(path))


def _mode(status: os.stat_result) -> int:
    if stat.S_ISLNK(status.st_mode):
        return 0o120000
    return 0o100755 if status.st_mode & stat.S_IXUSR else 0o100644


def _through_git(
    repo: Repository, store: Objects, root: str, folder: str, seen: _Seen, paths: Collection[str]
) -> Mapping[str, tuple[int, str]]:
    """What git makes of files that filters or line end settings may change.

    The upper layer stands for the work tree, and an index of what is asked about for the rest: git takes attributes
    from there where the folder has none, and the line ends that a file has been stored with.
    """
    if not paths:
        return {}
    with index.view(repo, Path(folder)) as view:
        known = {path: trees.lookup(store, root, path) for path in paths}
        for name in rules.names_above(".gitattributes", paths):
            if seen.read(name) is not None:
                known[name] = seen.below(name)
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
