"""Git's trees as data: looked up, compared and changed, folder by folder; what is not touched is not even read.

A path is a string as everywhere (``os.fsdecode``); inside, names are bytes, as in git.
"""

from __future__ import annotations

import functools
import os
import stat
from collections.abc import Collection, Iterator, Mapping

from attrs import frozen

from fanout_server.repo import names
from fanout_server.repo.cache import Cache
from fanout_server.repo.errors import ForbiddenName, GitFailed
from fanout_server.repo.objects import Objects

FOLDER = 0o40000
GITLINK = 0o160000
# Some 300 bytes each.
_CACHED_ENTRIES = 100_000
_CACHES = 8

State = tuple[int, str | None]
"""Mode and oid of a file; the oid is ``None`` where there is none."""


@frozen
class Entry:
    """What a name stands for: one of git's modes, ``FOLDER`` for another tree."""

    mode: int
    oid: str


@frozen
class Change:
    """One path that differs. ``status`` is A(dded), M(odified), D(eleted) or T(ype changed).

    Modes are git's (0o100644, 0o100755, 0o120000, 0o160000), 0 for a side that is not there, whose oid is ``None``.
    """

    path: str
    status: str
    old_mode: int
    new_mode: int
    old_oid: str | None
    new_oid: str | None


def entries(objects: Objects, tree: str) -> Mapping[bytes, Entry]:
    """What is directly in a tree, in git's order. Raises GitFailed."""
    cache = _cache(objects)
    found = cache.get(tree)
    if found is None:
        found = _parse(tree, objects.read_tree(tree), objects.digits // 2)
        cache.put(tree, found, len(found) + 1)
    return found


def lookup(objects: Objects, root: str, path: str) -> Entry | None:
    """What is at ``path``, a file or a folder ("" for the root itself); ``None`` for nothing."""
    found: Entry | None = Entry(FOLDER, root)
    for name in os.fsencode(path).split(b"/") if path else []:
        if found is None or found.mode != FOLDER:
            return None
        found = entries(objects, found.oid).get(name)
    return found


def walk(objects: Objects, root: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
    """All that is below a tree but the folders themselves, in git's order. ``prefix`` is where the tree itself is."""
    waiting = [(os.fsencode(prefix), Entry(FOLDER, root))]
    while waiting:
        path, entry = waiting.pop()
        if entry.mode != FOLDER:
            yield os.fsdecode(path), entry
            continue
        folder = path + b"/" if path else b""
        waiting += [(folder + name, one) for name, one in reversed(list(entries(objects, entry.oid).items()))]


def diff(objects: Objects, old: str, new: str) -> tuple[Change, ...]:
    """What differs between two trees, in git's order; a file that became a folder is a D and As."""
    found: list[tuple[bytes, Entry | None, Entry | None]] = []
    waiting: list[tuple[bytes, str | None, str | None]] = [(b"", old, new)]
    while waiting:
        folder, before, after = waiting.pop()
        if before == after:
            continue
        olds = entries(objects, before) if before is not None else {}
        news = entries(objects, after) if after is not None else {}
        for name in (*news, *(olds.keys() - news.keys())):
            one, other = olds.get(name), news.get(name)
            if one == other:
                continue
            path = folder + name
            inner = _folder(one), _folder(other)
            if any(inner):
                waiting.append((path + b"/", *inner))
            file, other_file = (None if inner[0] else one), (None if inner[1] else other)
            if file is not None or other_file is not None:
                found.append((path, file, other_file))
    return tuple(_change(*one) for one in sorted(found, key=lambda one: one[0]))


def edit(objects: Objects, root: str, removed: Collection[str], put: Mapping[str, tuple[int, str]]) -> str:
    """The tree ``root`` without ``removed`` (files or whole folders), then with ``put``: path -> (mode, oid).

    What is put takes the place of a folder at its path, or of a file above it. Folders left empty vanish; what is to be
    removed need not be there. Raises ForbiddenName, GitFailed.
    """
    top = _Folder(entries(objects, root), root)
    for path in removed:
        top.remove(objects, os.fsencode(path).split(b"/"))
    for path, (mode, oid) in put.items():
        if names.forbidden(path, mode):
            raise ForbiddenName(f"git takes no file named {path!r} into a tree. Rename it.")
        top.put(objects, os.fsencode(path).split(b"/"), Entry(mode, oid))
    made = _write(objects, top)
    return made.oid if made is not None else objects.write("tree", b"")


def overlay(objects: Objects, root: str, states: Mapping[str, State]) -> str:
    """``root`` with these files in the given states; as ``edit``, so what comes may be where something goes."""
    removed = [path for path, (_, oid) in states.items() if oid is None]
    return edit(objects, root, removed, {path: (mode, oid) for path, (mode, oid) in states.items() if oid is not None})


class _Folder:
    """A folder that is being changed. Those in it that were opened are of this class, the others are entries."""

    def __init__(self, entries: Mapping[bytes, Entry], oid: str | None = None) -> None:
        self.now: dict[bytes, Entry | _Folder] = dict(entries)
        self.made: Entry | None = None
        self._was = entries
        self._oid = oid

    def remove(self, objects: Objects, path: list[bytes]) -> None:
        folder = self
        for name in path[:-1]:
            inner = folder.open(objects, name)
            if inner is None:
                return
            folder = inner
        folder.now.pop(path[-1], None)

    def put(self, objects: Objects, path: list[bytes], entry: Entry) -> None:
        folder = self
        for name in path[:-1]:
            inner = folder.open(objects, name)
            if inner is None:
                inner = folder.now[name] = _Folder({})
            folder = inner
        folder.now[path[-1]] = entry

    def open(self, objects: Objects, name: bytes) -> _Folder | None:
        """The folder of that name, to be changed; ``None`` where there is none."""
        inner = self.now.get(name)
        if isinstance(inner, Entry):
            if inner.mode != FOLDER:
                return None
            inner = self.now[name] = _Folder(entries(objects, inner.oid), inner.oid)
        return inner

    def write(self, objects: Objects) -> None:
        """Once those in it are written. ``made`` stays ``None`` where nothing is in it."""
        kept = {name: one if isinstance(one, Entry) else one.made for name, one in self.now.items()}
        found = {name: one for name, one in kept.items() if one is not None}
        if self._oid is not None and found == self._was:
            self.made = Entry(FOLDER, self._oid) if found else None
        elif found:
            self.made = Entry(FOLDER, objects.write("tree", _format(found)))


def _write(objects: Objects, top: _Folder) -> Entry | None:
    """The opened folders, the inner ones first. Without recursion: an agent may have made thousands in each other."""
    order = [top]
    for folder in order:
        order += [one for one in folder.now.values() if isinstance(one, _Folder)]
    for folder in reversed(order):
        folder.write(objects)
    return top.made


def _parse(tree: str, data: bytes, size: int) -> dict[bytes, Entry]:
    """Each entry is "MODE NAME NUL OID", the oid in ``size`` bytes."""
    found: dict[bytes, Entry] = {}
    at = 0
    try:
        while at < len(data):
            space = data.index(b" ", at)
            start = data.index(b"\0", space) + 1
            name = data[space + 1 : start - 1]
            found[name] = Entry(_mode(data[at:space]), data[start : start + size].hex())
            at = start + size
    except ValueError as error:
        raise GitFailed(f"The tree {tree} is damaged.", ("ls-tree", tree), None, b"") from error
    if at > len(data):
        raise GitFailed(f"The tree {tree} is damaged.", ("ls-tree", tree), None, b"")
    return found


@functools.lru_cache(maxsize=64)
def _mode(text: bytes) -> int:
    """As git takes it, whatever odd mode an old program wrote."""
    mode = int(text, 8)
    if stat.S_ISREG(mode):
        return 0o100755 if mode & stat.S_IXUSR else 0o100644
    return stat.S_IFMT(mode) if stat.S_ISLNK(mode) or stat.S_ISDIR(mode) else GITLINK


def _format(found: Mapping[bytes, Entry]) -> bytes:
    ordered = sorted(found.items(), key=lambda one: one[0] + b"/" if one[1].mode == FOLDER else one[0])
    return b"".join(b"%o %s\0%s" % (entry.mode, name, bytes.fromhex(entry.oid)) for name, entry in ordered)


def _folder(entry: Entry | None) -> str | None:
    return entry.oid if entry is not None and entry.mode == FOLDER else None


def _change(path: bytes, old: Entry | None, new: Entry | None) -> Change:
    name = os.fsdecode(path)
    if old is None or new is None:
        old_mode, old_oid = (old.mode, old.oid) if old is not None else (0, None)
        new_mode, new_oid = (new.mode, new.oid) if new is not None else (0, None)
        return Change(name, "A" if old is None else "D", old_mode, new_mode, old_oid, new_oid)
    status = "M" if stat.S_IFMT(old.mode) == stat.S_IFMT(new.mode) else "T"
    return Change(name, status, old.mode, new.mode, old.oid, new.oid)


@functools.lru_cache(maxsize=_CACHES)
def _cache(objects: Objects) -> Cache[Mapping[bytes, Entry]]:
    del objects
    return Cache(_CACHED_ENTRIES)
