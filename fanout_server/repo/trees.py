"""Git's trees as data: looked up, compared and changed, folder by folder; what is not touched is not even read.

A path is a string as everywhere (``os.fsdecode``); inside, names are bytes, as in git.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from attrs import frozen

from fanout_server.repo import names
from fanout_server.repo.cache import Cache
from fanout_server.repo.errors import ForbiddenName, GitFailed
from fanout_server.repo.objects import Objects

FOLDER = 0o40000
GITLINK = 0o160000
# Some 300 bytes each, entries and changes alike.
_CACHED = 150_000
_REPOSITORIES = 8

_Raw = tuple[bytes, bytes]
"""Mode and oid as they are in a tree: these are compared and copied much faster than numbers and texts."""

_Listing = Mapping[bytes, _Raw]
_FOLDER = b"40000"
_MODES = {b"100644", b"100755", b"120000", _FOLDER, b"160000"}
# "MODE NAME NUL OID" each; by the size of an oid.
_ENTRY = {size: re.compile(rb"([0-7]+) ([^\0]+)\0(.{%d})" % size, re.DOTALL) for size in (20, 32)}


@frozen
class Entry:
    """What a name stands for: one of git's modes, ``FOLDER`` for another tree."""

    mode: int
    oid: str


_Pair = tuple[bytes, _Raw | None, _Raw | None]
"""A path with what was there and what is."""

State = tuple[int, str | None]
"""Mode and oid of a file; 0 and ``None`` where there is none."""

NOTHING: State = (0, None)


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

    @property
    def old(self) -> State:
        return self.old_mode, self.old_oid

    @property
    def new(self) -> State:
        return self.new_mode, self.new_oid


def change(path: str, old: State, new: State) -> Change:
    """The change from one state of a file to another."""
    status = "A" if old[1] is None else "D" if new[1] is None else "M"
    if status == "M" and stat.S_IFMT(old[0]) != stat.S_IFMT(new[0]):
        status = "T"
    return Change(path, status, old[0], new[0], old[1], new[1])


def entries(objects: Objects, tree: str) -> Mapping[bytes, Entry]:
    """What is directly in a tree, in git's order. Raises GitFailed."""
    return {name: _entry(raw) for name, raw in _listing(objects, tree).items()}


def child(objects: Objects, tree: str, name: str) -> Entry | None:
    """One of what is directly in a tree: much less than all ``entries`` of a folder with many files."""
    raw = _listing(objects, tree).get(os.fsencode(name))
    return None if raw is None else _entry(raw)


def finder(objects: Objects, tree: str | None) -> Callable[[str], Entry | None]:
    """``child`` for a folder that is asked about many times; without a tree nothing is in it."""
    listing = _listing(objects, tree) if tree is not None else {}

    def find(name: str) -> Entry | None:
        raw = listing.get(os.fsencode(name))
        return None if raw is None else _entry(raw)

    return find


def lookup(objects: Objects, root: str, path: str) -> Entry | None:
    """What is at ``path``, a file or a folder ("" for the root itself); ``None`` for nothing."""
    found: _Raw | None = (_FOLDER, bytes.fromhex(root))
    for name in os.fsencode(path).split(b"/") if path else []:
        inner = _folder(found)
        if inner is None:
            return None
        found = _listing(objects, inner).get(name)
    return None if found is None else _entry(found)


def walk(objects: Objects, root: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
    """All that is below a tree but the folders themselves, in git's order. ``prefix`` is where the tree itself is."""
    above = os.fsencode(prefix) + b"/" if prefix else b""
    waiting = [(above, iter(_listing(objects, root).items()))]
    while waiting:
        folder, rest = waiting[-1]
        for name, raw in rest:
            inner = _folder(raw)
            if inner is not None:
                waiting.append((folder + name + b"/", iter(_listing(objects, inner).items())))
                break
            yield os.fsdecode(folder + name), _entry(raw)
        else:
            waiting.pop()


def diff(objects: Objects, old: str, new: str) -> tuple[Change, ...]:
    """What differs between two trees, in git's order; a file that became a folder is a D and As. Raises GitFailed."""
    found = _differences(objects).get(f"{old} {new}")
    return _keep_differences(objects, old, new, _pairs(objects, b"", old, new)) if found is None else found


def _keep_differences(objects: Objects, old: str, new: str, pairs: Iterable[_Pair]) -> tuple[Change, ...]:
    in_order = sorted(pairs, key=lambda one: one[0])
    found = tuple(change(os.fsdecode(path), _state(one), _state(other)) for path, one, other in in_order)
    _differences(objects).put(f"{old} {new}", found, len(found) + 1)
    return found


def _pairs_at(objects: Objects, path: bytes, one: _Raw | None, other: _Raw | None) -> Iterator[_Pair]:
    """Between what was at a path and what is: files, folders, or one of each."""
    inner, other_inner = _folder(one), _folder(other)
    if inner is not None or other_inner is not None:
        yield from _pairs(objects, path + b"/", inner, other_inner)
    file, other_file = (None if inner else one), (None if other_inner else other)
    if file is not None or other_file is not None:
        yield path, file, other_file


def _pairs(objects: Objects, at: bytes, old: str | None, new: str | None) -> Iterator[_Pair]:
    """Both sides of each file that differs, in no order, between two folders whose path ``at`` ends in a slash."""
    waiting = [(at, old, new)]
    while waiting:
        folder, before, after = waiting.pop()
        if before == after:
            continue
        olds = _listing(objects, before) if before is not None else {}
        news = _listing(objects, after) if after is not None else {}
        for name in {name for name, _ in olds.items() ^ news.items()}:
            one, other = olds.get(name), news.get(name)
            inner, other_inner = _folder(one), _folder(other)
            if inner is not None or other_inner is not None:
                waiting.append((folder + name + b"/", inner, other_inner))
            file, other_file = (None if inner else one), (None if other_inner else other)
            if file is not None or other_file is not None:
                yield folder + name, file, other_file


def edit(objects: Objects, root: str, removed: Collection[str], put: Mapping[str, tuple[int, str]]) -> str:
    """The tree ``root`` without ``removed`` (files or whole folders), then with ``put``: path -> (mode, oid).

    What is put takes the place of a folder at its path, or of a file above it. Folders left empty vanish; what is to be
    removed need not be there. Raises ForbiddenName, GitFailed.
    """
    return _oid(objects, _edit(objects, root, removed, put)[0])


def edit_and_compare(objects: Objects, root: str, removed: Collection[str], put: Mapping[str, tuple[int, str]]) -> str:
    """As ``edit``, for a tree that ``diff`` is asked about next: what was touched is known on the way."""
    order = _edit(objects, root, removed, put)
    tree = _oid(objects, order[0])
    pairs = (pair for folder in order for pair in folder.pairs(objects))
    _keep_differences(objects, root, tree, pairs)
    return tree


def _oid(objects: Objects, top: _Folder) -> str:
    return top.made[1].hex() if top.made is not None else objects.write("tree", b"")


def _edit(objects: Objects, root: str, removed: Collection[str], put: Mapping[str, tuple[int, str]]) -> list[_Folder]:
    """The folders that were opened, written by now, the top one first."""
    top = _Folder(_listing(objects, root), root)
    for path in removed:
        top.remove(objects, os.fsencode(path).split(b"/"))
    for path, (mode, oid) in put.items():
        if names.forbidden(path, mode):
            raise ForbiddenName(f"git takes no file named {path!r} into a tree. Rename it.")
        top.put(objects, os.fsencode(path).split(b"/"), (b"%o" % mode, bytes.fromhex(oid)))
    return _write(objects, top)


def overlay(objects: Objects, root: str, states: Mapping[str, State]) -> str:
    """``root`` with these files in the given states; as ``edit``, so what comes may be where something goes."""
    removed = [path for path, (_, oid) in states.items() if oid is None]
    return edit(objects, root, removed, {path: (mode, oid) for path, (mode, oid) in states.items() if oid is not None})


class _Folder:
    """A folder that is being changed. What ``now`` has of those in it that were ``opened`` counts until they are
    written: folders may be long, so all of one is gone through as seldom as can be. Its path ``at`` ends in a slash.
    """

    def __init__(self, was: _Listing, oid: str | None = None, at: bytes = b"") -> None:
        self.now: dict[bytes, _Raw] = dict(was)
        self.opened: dict[bytes, _Folder] = {}
        self.made: _Raw | None = None
        # Whether what is touched in it is told by itself, and not by a folder above that was touched as a whole.
        self.tells = oid is not None
        self._at = at
        self.touched: set[bytes] = set()
        self._was = was
        self._oid = oid
        self.in_order = True

    def remove(self, objects: Objects, path: list[bytes]) -> None:
        folder = self
        for name in path[:-1]:
            inner = folder.open(objects, name)
            if inner is None:
                return
            folder = inner
        folder.now.pop(path[-1], None)
        folder.opened.pop(path[-1], None)
        folder.touched.add(path[-1])

    def put(self, objects: Objects, path: list[bytes], raw: _Raw) -> None:
        folder = self
        for name in path[:-1]:
            inner = folder.open(objects, name)
            if inner is None:
                inner = folder.opened[name] = _Folder({})
                folder.now.pop(name, None)
                folder.touched.add(name)
                folder.in_order = False
            folder = inner
        old = folder.now.get(path[-1])
        folder.now[path[-1]] = raw
        folder.opened.pop(path[-1], None)
        folder.touched.add(path[-1])
        # A folder has another place in the order than a file of its name.
        folder.in_order &= old is not None and _FOLDER not in (old[0], raw[0])

    def open(self, objects: Objects, name: bytes) -> _Folder | None:
        """The folder of that name, to be changed; ``None`` where there is none."""
        if name in self.opened:
            return self.opened[name]
        tree = _folder(self.now.get(name))
        if tree is None:
            return None
        opened = self.opened[name] = _Folder(_listing(objects, tree), tree, self._at + name + b"/")
        opened.tells = self.tells and name not in self.touched
        return opened

    def pairs(self, objects: Objects) -> Iterator[_Pair]:
        """Once it is written: what differs from before by what was touched right in it."""
        for name in self.touched if self.tells else ():
            one, other = self._was.get(name), self.now.get(name)
            if one != other:
                yield from _pairs_at(objects, self._at + name, one, other)

    def write(self, objects: Objects) -> None:
        """Once those in it are written. ``made`` stays ``None`` where nothing is in it."""
        for name, one in self.opened.items():
            if one.made is not None:
                self.now[name] = one.made
            else:
                self.now.pop(name, None)
        if not self.now:
            return
        if self._oid is None or self.now != self._was:
            self._oid = _write_listing(objects, self.now, in_order=self.in_order)
        self.made = (_FOLDER, bytes.fromhex(self._oid))


def _write(objects: Objects, top: _Folder) -> list[_Folder]:
    """The opened folders, the inner ones first. Without recursion: an agent may have made thousands in each other."""
    order = [top]
    for folder in order:
        order += folder.opened.values()
    for folder in reversed(order):
        folder.write(objects)
    return order


def _write_listing(objects: Objects, found: dict[bytes, _Raw], *, in_order: bool) -> str:
    if not in_order:
        found = dict(sorted(found.items(), key=lambda one: one[0] + b"/" if one[1][0] == _FOLDER else one[0]))
    tree = objects.write("tree", b"".join([b"%b %b\0%b" % (mode, name, oid) for name, (mode, oid) in found.items()]))
    _listings(objects).put(tree, found, len(found) + 1)
    return tree


def _listing(objects: Objects, tree: str) -> _Listing:
    cache = _listings(objects)
    found = cache.get(tree)
    if found is None:
        found = _parse(tree, objects.read_tree(tree), objects.digits // 2)
        cache.put(tree, found, len(found) + 1)
    return found


def _parse(tree: str, data: bytes, size: int) -> _Listing:
    # Between the entries is nothing; then come the three parts of each. In one go, for trees may be long.
    parts = _ENTRY[size].split(data)
    if any(parts[0::4]):
        raise GitFailed(f"The tree {tree} is damaged.", ("ls-tree", tree), None, b"")
    modes = parts[1::4]
    if not _MODES.issuperset(modes):
        modes = [b"%o" % _plain_mode(int(mode, 8)) for mode in modes]
    return dict(zip(parts[2::4], zip(modes, parts[3::4], strict=True), strict=True))


def _plain_mode(mode: int) -> int:
    """As git takes it, whatever odd mode an old program wrote."""
    if stat.S_ISREG(mode):
        return 0o100755 if mode & stat.S_IXUSR else 0o100644
    return stat.S_IFMT(mode) if stat.S_ISLNK(mode) or stat.S_ISDIR(mode) else GITLINK


def _entry(raw: _Raw) -> Entry:
    return Entry(int(raw[0], 8), raw[1].hex())


def _folder(raw: _Raw | None) -> str | None:
    return raw[1].hex() if raw is not None and raw[0] == _FOLDER else None


def _state(raw: _Raw | None) -> State:
    return NOTHING if raw is None else (int(raw[0], 8), raw[1].hex())


@functools.lru_cache(maxsize=_REPOSITORIES)
def _listings(objects: Objects) -> Cache[_Listing]:
    del objects
    return Cache(_CACHED)


@functools.lru_cache(maxsize=_REPOSITORIES)
def _differences(objects: Objects) -> Cache[tuple[Change, ...]]:
    del objects
    return Cache(_CACHED)
