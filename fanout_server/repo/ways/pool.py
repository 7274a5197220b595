"""Worktrees of earlier units, used again: what an agent left in one is taken away, and it is brought to the next base.

    <state>/pool/<repository>/<rules>/    one for each set of settings that decide how files are written
        users        held, shared, by all that use this pool
        free/<id>/   ``tree``, the folder, as the agent left it; ``index``, ours, as it was when the worktree was new;
                     ``oid``, the tree that this index is of
        busy/<id>/   the same on its way in or out; left there by a crash, it is deleted

Who renames a folder from ``free`` to ``busy`` has it, and no one else can. All that an agent could write is distrusted:
git's entry and index, its settings and ``.git``. What is in the folder is held against our own index, by ``scrubbing``.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from fanout_server.repo import (
    bare,
    checkout,
    deleting,
    entries,
    git,
    index,
    locking,
    objects,
    pristine,
    trees,
    usage,
    worktrees,
)
from fanout_server.repo.errors import GitFailed, WorktreeFailed
from fanout_server.repo.objects import Objects
from fanout_server.repo.repository import Repository
from fanout_server.repo.rules import Rules
from fanout_server.repo.sourcing import Wanted
from fanout_server.repo.usage import Usage
from fanout_server.repo.ways import plain, scrubbing
from fanout_server.repo.ways.plain import PlainSource
from fanout_server.repo.worktrees import Worktree

_MOST_KEPT = 8
_KEPT_SECONDS = 7 * 24 * 3600.0
_LIMIT_SECONDS = 900.0


def why_not(repo: Repository, state: Path) -> str | None:
    """Tries to move a folder from the worktrees into the pool and back; what speaks against it."""
    del repo
    name = f"try-{secrets.token_hex(8)}"
    places = [state / "worktrees" / name, root(state) / name]
    try:
        for place in places:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        places[0].mkdir()
        (places[0] / "file").write_bytes(b"kept")
        before = (places[0] / "file").stat()
        places[0].rename(places[1])
        places[1].rename(places[0])
        after = (places[0] / "file").stat()
    except OSError as error:
        return str(error)
    finally:
        for place in places:
            deleting.delete(place)
    if (before.st_ino, before.st_ctime_ns) != (after.st_ino, after.st_ctime_ns):
        return f"files in {state} seem to change when their folder is renamed"
    return None


def root(state: Path) -> Path:
    return state / "pool"


def drop(state: Path, repo: Repository) -> Usage:
    """Deletes the worktrees of the repository that wait for use, and what dead processes left; what they took."""
    freed = usage.NOTHING
    home = root(state) / repo.key
    for place in sorted(home.iterdir()) if home.is_dir() else ():
        users = locking.Lock(place / "users")
        try:
            names = ("free", "busy") if users.try_to(exclusive=True) else ("free",)
            for one in [one for name in names for one in _in(place / name)]:
                # What is renamed is ours: no run can take it any more.
                taken = pristine.trash(state) / f"pool-{secrets.token_hex(8)}"
                taken.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if _rename(one, taken):
                    freed += usage.of(taken)
        finally:
            users.close()
    deleting.empty(pristine.trash(state))
    return freed


class PoolSource(PlainSource):
    """Worktrees of one base, as far as there are any from those that were given back; else plain ones."""

    def __init__(self, repo: Repository, state: Path, base: str, wanted: Wanted) -> None:
        """Raises GitFailed, WorktreeFailed, OSError."""
        super().__init__(repo, state, base, wanted)
        self._trash = pristine.trash(state)
        self._trash.mkdir(mode=0o700, parents=True, exist_ok=True)
        rules = hashlib.sha256(Rules.of(repo).fingerprint()).hexdigest()[:16]
        self._place = root(state) / repo.key / rules
        for name in ("free", "busy"):
            (self._place / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._users = locking.Lock(self._place / "users")
        if self._users.try_to(exclusive=True):
            # Nobody is here, so it is from a run that died.
            for one in _in(self._place / "busy"):
                deleting.discard(one, self._trash)
        self._users.wait(exclusive=False, limit=_LIMIT_SECONDS, what="clears the pool of worktrees")
        self._drop_old()

    def give_back(self, worktree: Worktree) -> None:
        """See ``Source.give_back``."""
        entries.check(self._repo, worktree.admin)
        # Of this index alone it is known that it is ours.
        known = worktrees.pristine_index(self._repo, worktree)
        if known is not None and len(_in(self._place / "free")) < _MOST_KEPT:
            self._keep(worktree, known)
        worktrees.remove(self._repo, worktree)

    def close(self) -> None:
        """See ``Source.close``."""
        self._users.close()
        deleting.empty(self._trash)

    def _make(self, start: str, path: Path, reason: str) -> Worktree:
        store = objects.of(self._repo)
        commit = store.commit_of(start)
        worktree = self._reuse(store, commit, path, reason) or plain.create(self._repo, commit, path, reason)
        known = worktrees.pristine_index(self._repo, worktree)
        if known is not None:
            (known.with_name("tree")).write_text(store.tree_of(commit))
        return worktree

    def _reuse(self, store: Objects, commit: str, path: Path, reason: str) -> Worktree | None:
        worktrees.free_place(path)
        tree = store.tree_of(commit)
        for kept in self._take(store, tree):
            try:
                self._reset(kept, tree)
            except (GitFailed, WorktreeFailed, OSError):
                # Whatever was done to it: another one, or a new one, is as good.
                deleting.discard(kept, self._trash)
                continue
            return self._hand_out(kept, commit, path, reason)
        return None

    def _take(self, store: Objects, tree: str) -> Iterator[Path]:
        """Those that can become ``tree``, now nobody else's, the nearest first."""
        found: list[tuple[int, float, Path]] = []
        for one in _in(self._place / "free"):
            try:
                changed = trees.diff(store, (one / "oid").read_text(), tree)
                if not checkout.turns_others(changed):
                    found.append((len(changed), -one.stat().st_mtime, one))
            except (GitFailed, FileNotFoundError):
                # Another has taken it, or its tree is gone from the repository.
                continue
        for *_, one in sorted(found):
            busy = self._place / "busy" / secrets.token_hex(8)
            if _rename(one, busy):
                yield busy

    def _reset(self, kept: Path, tree: str) -> None:
        """What the agent left goes, then git writes what is missing or differs. Raises GitFailed, WorktreeFailed."""
        folder, known = kept / "tree", kept / "index"
        (kept / "oid").unlink()
        bare.run(scrubbing.__file__, objects.of(self._repo).digits // 2, folder, known, self._trash)
        environment = {
            "GIT_DIR": str(self._repo.git_dir),
            "GIT_WORK_TREE": str(folder),
            "GIT_INDEX_FILE": str(known),
            **checkout.ENVIRONMENT,
        }
        git.run(folder, *checkout.SETTINGS, "read-tree", "--reset", "-u", tree, env=environment)

    def _hand_out(self, kept: Path, commit: str, path: Path, reason: str) -> Worktree:
        repo = self._repo
        try:
            place = worktrees.free_place(path)
            record = worktrees.note(repo, place)
            admin = entries.make(repo, place, commit, reason)
        except BaseException:
            deleting.discard(kept, self._trash)
            raise
        worktree = Worktree(place, admin, commit)
        try:
            (kept / "tree").rename(place)
            entries.link(place, admin)
            entries.share_sparse(repo, admin)
            for copy in (admin / "index", record / "index"):
                index.copy_index(kept / "index", copy)
        except BaseException:
            worktrees.remove(repo, worktree)
            raise
        finally:
            deleting.discard(kept, self._trash)
        return worktree

    def _keep(self, worktree: Worktree, known: Path) -> None:
        """Into the pool, as it is. Where that does not go, it stays where it is."""
        busy = self._place / "busy" / secrets.token_hex(8)
        busy.mkdir(mode=0o700)
        try:
            index.copy_index(known, busy / "index")
            (busy / "oid").write_bytes(known.with_name("tree").read_bytes())
            if not worktree.path.is_symlink() and _rename(worktree.path, busy / "tree"):
                busy.rename(self._place / "free" / busy.name)
        except OSError:
            # Then it is only not kept; the caller removes what is left.
            return
        finally:
            deleting.discard(busy, self._trash)

    def _drop_old(self) -> None:
        youngest = sorted(_in(self._place / "free"), key=_age)
        for one in youngest:
            busy = self._place / "busy" / one.name
            if (one in youngest[_MOST_KEPT:] or _age(one) > _KEPT_SECONDS) and _rename(one, busy):
                deleting.discard(busy, self._trash)


def _in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _rename(path: Path, goal: Path) -> bool:
    """Whether it could be: another process may have been quicker."""
    try:
        path.rename(goal)
    except FileNotFoundError:
        return False
    return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
