"""What is merged so far, and what it changes in the base."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Iterable

from fanout_server.repo import changes, commits, objects, trees
from fanout_server.repo.changes import Change
from fanout_server.repo.repository import Repository
from fanout_server.repo.trees import State


class Standing:
    """``tree`` starts as the base's (``root``); ``changed`` has what differs there from the base, by path."""

    def __init__(self, repo: Repository, base: str) -> None:
        self.repo = repo
        self.store = objects.of(repo)
        self.base = base
        self.root = self.store.tree_of(base)
        self._tree = self.root
        self._pending: dict[str, State] = {}
        self.changed: dict[str, Change] = {}
        self._date = commits.date(repo, base)
        # How many changes there are of each status, and how many files are made below each folder.
        self._statuses: Counter[str] = Counter()
        self._above: Counter[str] = Counter()
        self._renames: tuple[str, dict[str, str]] = (self.root, {})

    def commit(self, tree: str) -> str:
        """A commit of ``tree`` on the base, the same each time."""
        return commits.create(self.repo, tree, self.base, "fanout: merged results\n", self._date)

    def is_apart_from(self, part: Iterable[Change]) -> bool:
        """Whether no other change stands at these paths, above or below them."""
        changed = self.changed
        return all(
            self._has_place_for(change) and (change.path not in changed or changed[change.path].new == change.new)
            for change in part
        )

    def clashes(self, part: Collection[Change]) -> list[Change] | None:
        """Those changes of the base that do not just go in: where another change of the file stands.

        Git merges each file for itself and takes a change that only one side made, or both made alike; unless one side
        may hold renames, which carry the other's edits along, or has a file where the other has a folder. Then this is
        ``None``, for git must see it all.
        """
        statuses = {change.status for change in part}
        if self.may_rename() or {"A", "D"} <= statuses or not all(self._has_place_for(change) for change in part):
            return None
        changed = self.changed
        return [change for change in part if change.path in changed and changed[change.path].new != change.new]

    def _has_place_for(self, change: Change) -> bool:
        if change.new_oid is None:
            return True
        above = [self.changed[folder] for folder in folders(change.path) if folder in self.changed]
        return not self._above[change.path] and all(one.new_oid is None for one in above)

    def lay_over(self, part: Iterable[Change]) -> None:
        """Takes in changes of the base as they are."""
        for change in part:
            self._pending[change.path] = change.new
            self._note(change)

    @property
    def tree(self) -> str:
        """What stands. It is made when it is asked for, not for each change."""
        if self._pending:
            self._tree = trees.overlay(self.store, self._tree, self._pending)
            self._pending = {}
        return self._tree

    def advance(self, tree: str) -> None:
        """Goes on to another tree."""
        for change in trees.diff(self.store, self.tree, tree):
            known = self.changed.get(change.path)
            self._note(trees.change(change.path, change.old if known is None else known.old, change.new))
        self._tree = tree

    def renames(self) -> dict[str, str]:
        """What git takes for renames from the base to what stands: the new path -> the old one."""
        if not self.may_rename():
            return {}
        tree, found = self._renames
        if tree != self.tree:
            found = changes.renames(self.repo, self.root, self.tree)
            self._renames = self.tree, found
        return found

    def may_rename(self, more: Collection[Change] = ()) -> bool:
        """Whether git may take some of what stands, with these changes added, for renames."""
        statuses = {change.status for change in more}
        return all(self._statuses[status] or status in statuses for status in ("A", "D"))

    def _note(self, change: Change) -> None:
        known = self.changed.pop(change.path, None)
        if known is not None:
            self._count(known, -1)
        if change.old != change.new:
            self.changed[change.path] = change
            self._count(change, 1)

    def _count(self, change: Change, number: int) -> None:
        self._statuses[change.status] += number
        if change.new_oid is not None:
            self._above.update(dict.fromkeys(folders(change.path), number))


@functools.lru_cache(maxsize=20_000)
def folders(path: str) -> frozenset[str]:
    """All folders above a path."""
    parts = path.split("/")
    return frozenset("/".join(parts[:count]) for count in range(1, len(parts)))
