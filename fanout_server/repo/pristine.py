"""One checkout of each repository in which nobody ever works: the ground that quick worktrees stand on.

It is brought from base to base by what changed. While worktrees may stand on it, it must not change below them; then
what differs goes into a folder of its own, a *delta*, that lies over it like a transparency (see ``mounting/``).

    <state>/pristine/<repository>/<checkout>/    one for each set of settings that decide how files are written
        lock     held while something here is made or changed
        users    held, shared, by all that stand on this
        used     its time tells when somebody last did
        current  the name of the checkout in use: others stay only as long as somebody stands on one
        at-<name>/       a checkout: ``tree``, the folder; ``entry/index``, its index; ``oid``, the tree that it is;
                         ``size``, what it takes on the disk, once that was asked for
        at-<name>/deltas/<tree>/   ``upper`` over that, and ``entry``
        own/     layers of single runs
        setups/  layers that later runs use again (``setups.py``)

``entry`` has what git keeps for a worktree and all of them share: the index, whose times and inode numbers are those
of the files here, and the patterns of a sparse checkout.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Literal

from attrs import frozen

from fanout_server.mounting.overlay import Space
from fanout_server.repo import (
    checkout,
    deleting,
    entries,
    git,
    index,
    locking,
    objects,
    room,
    setups,
    subvolumes,
    trees,
)
from fanout_server.repo.errors import GitFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.rules import Rules
from fanout_server.repo.settling import settle

_LIMIT_SECONDS = 900.0

# A delta of more files than this would slow each worktree down; then the checkout itself is changed, if it is free.
_MOST_IN_DELTA = 2000
_KEPT_DELTAS = 2


@frozen
class Ground:
    """``lowers`` are the folders that together show a base, the topmost first. ``entry`` is shared by all entries."""

    tree: str
    lowers: tuple[Path, ...]
    entry: Path


def root(state: Path) -> Path:
    return state / "pristine"


def trash(state: Path) -> Path:
    """For what is to be deleted and lies in our state folder."""
    return state / "trash"


def last_use(place: Path) -> float:
    """When somebody last stood on the checkout at ``place``, in seconds since the epoch."""
    used = place / "used"
    return (used if used.exists() else place).stat().st_mtime


class Pristine:
    """The checkout, held: nobody changes it until ``close``. Blocking; for one thread at a time."""

    def __init__(self, repo: Repository, state: Path) -> None:
        """Raises GitFailed, WorktreeFailed, OSError."""
        self._repo = repo
        self._trash = trash(state)
        self.rules = Rules.of(repo)
        home = root(state) / repo.key
        self._place = home / hashlib.sha256(self.rules.fingerprint()).hexdigest()[:16]
        self._enter(home)
        while not self._users.is_in_place:
            # It was found unused and thrown away just now.
            self._users.close()
            self._enter(home)

    def _enter(self, home: Path) -> None:
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "repository").write_bytes(os.fsencode(self._repo.common_dir))
        self._users = locking.Lock(self._place / "users")
        try:
            with self._changing():
                if self._users.try_to(exclusive=True):
                    self._tidy()
                self._share()
            if self._users.is_in_place:
                (self._place / "used").touch()
        except BaseException:
            self._users.close()
            raise

    def _tidy(self) -> None:
        """While nobody is here: what is not in use is old, or from a process that died."""
        deleting.discard(self._place / "own", self._trash)
        for old in _but_newest(self._place / "setups", setups.MOST_KEPT):
            deleting.discard(old, self._trash)
        for old in self._place.glob("at-*"):
            if old != self._now:
                deleting.discard(old, self._trash)

    def own_folder(self) -> Path:
        """A new folder on the checkout's file system; gone when nobody stands on the checkout any more."""
        folder = self._place / "own" / secrets.token_hex(8)
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def kept_folder(self, key: str) -> Path:
        """Where a layer for later runs lies, or is to lie."""
        return self._place / "setups" / key

    def drop(self, folder: Path) -> None:
        """Throws away what lies in the state folder."""
        deleting.discard(folder, self._trash)

    def whole(self, tree: str) -> Ground:
        """The checkout itself brought to ``tree``, or a new one, if others stand on it as it is."""
        with self._changing():
            self._bring_to(tree)
            return Ground(tree, (self._now / "tree",), self._now / "entry")

    def layered(self, tree: str, mounted_as: str) -> Ground:
        """The checkout as it is with a delta over it, or brought to ``tree`` where that is less.

        ``mounted_as`` tells kinds of mounts apart that do not read each other's layers.
        """
        with self._changing():
            have = self._have()
            way = self._way(have, tree)
            if have is not None and (way == "little" or (way == "much" and not self._is_free())):
                delta = self._delta(have, tree, mounted_as)
                return Ground(tree, (delta / "upper", self._now / "tree"), delta / "entry")
            self._bring_to(tree)
            return Ground(tree, (self._now / "tree",), self._now / "entry")

    def close(self) -> None:
        if self._users.is_in_place:
            os.utime(self._place / "used")
        self._users.close()

    @property
    def _now(self) -> Path:
        try:
            return self._place / (self._place / "current").read_text()
        except FileNotFoundError:
            return self._place / "at-none"

    def _changing(self) -> contextlib.AbstractContextManager[None]:
        return locking.exclusive(self._place / "lock", _LIMIT_SECONDS, "makes a pristine checkout")

    def _is_free(self) -> bool:
        """Whether nobody else stands on it. Only while ``lock`` is held: else another could begin to."""
        if self._users.try_to(exclusive=True):
            return True
        # The kernel may have dropped the shared lock on the way.
        self._share()
        return False

    def _have(self) -> str | None:
        """The tree that is checked out; ``None`` where there is none, or a crash left it half-way."""
        try:
            (self._now / "entry" / "index").stat()
            return (self._now / "oid").read_text()
        except FileNotFoundError:
            return None

    def _way(self, have: str | None, tree: str) -> Literal["none", "little", "much", "anew"]:
        """How far it is from what is checked out to ``tree``."""
        if have is None or have == tree:
            return "anew" if have is None else "none"
        try:
            changed = trees.diff(objects.of(self._repo), have, tree)
        except GitFailed:
            # No ref holds the base of an old run, so git may have deleted it.
            return "anew"
        if checkout.turns_others(changed):
            return "anew"
        return "much" if len(changed) > _MOST_IN_DELTA else "little"

    def _bring_to(self, tree: str) -> None:
        have = self._have()
        way = self._way(have, tree)
        if way == "none":
            return
        if have is None or way == "anew" or not self._is_free() or not self._change(have, tree):
            self._make(tree)
        self._share()

    def _change(self, have: str, tree: str) -> bool:
        """Whether the checkout, which is free, could be changed: not where somebody has had a hand in it."""
        now = self._now
        # The deltas lie over what is about to change.
        deleting.discard(now / "deltas", self._trash)
        (now / "oid").unlink()
        (now / "size").unlink(missing_ok=True)
        try:
            self._read_tree(now / "tree", now / "entry", "-m", "-u", have, tree)
        except GitFailed as error:
            # Half of one is of no use, and in the way where the disk is full.
            deleting.discard(now, self._trash)
            if room.is_full(error):
                raise
            return False
        self._finish(now, tree)
        return True

    def _make(self, tree: str) -> None:
        """A new checkout; the one before stays for those who stand on it."""
        room.check(self._place, room.checkout(self._repo), "A first checkout of the repository")
        made = self._place / f"at-{secrets.token_hex(8)}"
        try:
            made.mkdir()
            self._check_out(made, tree)
        except BaseException:
            deleting.discard(made, self._trash)
            raise
        (made / "name").write_text(made.name)
        (made / "name").replace(self._place / "current")

    def _check_out(self, place: Path, tree: str) -> None:
        (place / "entry").mkdir()
        try:
            # So that it can be copied in one step, where the file system knows how.
            subvolumes.make(place / "tree")
        except OSError:
            (place / "tree").mkdir()
        self._read_tree(place / "tree", place / "entry", "--reset", "-u", tree)
        self._finish(place, tree)

    def _share(self) -> None:
        self._users.wait(exclusive=False, limit=_LIMIT_SECONDS, what="changes the pristine checkout")

    def _finish(self, place: Path, tree: str) -> None:
        settle(place / "tree", place / "entry" / "index", objects.of(self._repo).digits // 2)
        entries.share_sparse(self._repo, place / "entry")
        (place / "oid").write_text(tree)

    def _read_tree(self, folder: Path, entry: Path, *args: str, space: Space | None = None) -> None:
        environment = {
            "GIT_DIR": str(self._repo.git_dir),
            "GIT_WORK_TREE": str(folder),
            "GIT_INDEX_FILE": str(entry / "index"),
            **checkout.ENVIRONMENT,
        }
        git.run(folder, *checkout.SETTINGS, "read-tree", *args, env=environment, space=space)

    def _delta(self, have: str, tree: str, mounted_as: str) -> Path:
        deltas = self._now / "deltas"
        place = deltas / f"{tree}-{mounted_as}"
        if (place / "entry" / "index").exists():
            os.utime(place)
            return place
        self._drop_deltas(deltas)
        made = deltas / f"new-{secrets.token_hex(8)}"
        try:
            for name in ("upper", "work", "folder", "entry"):
                (made / name).mkdir(parents=True)
            index.copy_index(self._now / "entry" / "index", made / "entry" / "index")
            folder, lower = made / "folder", self._now / "tree"
            space = Space([(bytes(folder), [bytes(lower)], bytes(made / "upper"), bytes(made / "work"))])
            self._read_tree(folder, made / "entry", "-m", "-u", have, tree, space=space)
            entries.share_sparse(self._repo, made / "entry")
            made.rename(place)
        finally:
            if made.exists():
                deleting.discard(made, self._trash)
        return place

    def _drop_deltas(self, deltas: Path) -> None:
        """The oldest, where nobody can stand on any."""
        old = _but_newest(deltas, _KEPT_DELTAS - 1)
        if old and self._is_free():
            for path in old:
                deleting.discard(path, self._trash)
            self._share()


def _but_newest(folder: Path, count: int) -> list[Path]:
    found = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
    return found[: max(0, len(found) - count)]
