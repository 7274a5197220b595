"""Results become one commit, in plan order. What touches nothing that stands goes in as a whole; the rest is merged."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import frozen

from fanout_server.repo import changes, tree_merge, trees, unmerged
from fanout_server.repo.changes import Change
from fanout_server.repo.repository import Repository
from fanout_server.repo.standing import Standing, folders
from fanout_server.repo.tree_merge import ThreeSides
from fanout_server.repo.unmerged import Settle, Settled


@frozen
class Conflict:
    """``paths`` of ``unit`` were left out, for they do not fit what ``others`` (earlier in the plan) did."""

    unit: str
    paths: tuple[str, ...]
    others: tuple[str, ...]


@frozen
class Step:
    """Where git saw a conflict, ``path`` of ``unit`` was merged all the same with what ``others`` had made of it.

    ``sides`` are the file in the base, as it stood before, and as the unit has it.
    """

    unit: str
    path: str
    others: tuple[str, ...]
    sides: ThreeSides
    settled: Settled


@frozen
class Merged:
    """``commit`` is a commit on the base. ``owners`` has the units of each path that differs there from the base."""

    commit: str
    owners: dict[str, tuple[str, ...]]
    conflicts: tuple[Conflict, ...] = ()
    steps: tuple[Step, ...] = ()


def merge(repo: Repository, base: str, results: Sequence[tuple[str, str]], settle: Settle | None = None) -> Merged:
    """Merges (unit, result commit) in this order; a result's own parent plays no part. The same each time.

    Where two do not fit and ``settle`` cannot merge them either, the later unit's part of those files stays out, and
    the rest of it goes in. Two that make the same of a file do not conflict. Raises GitFailed.
    """
    made = changes.diff_many(repo, base, [commit for _, commit in results])
    growth = Growth(repo, base, settle)
    for (unit, commit), part in zip(results, made, strict=True):
        growth.add(unit, commit, part)
    return growth.merged()


class Growth:
    """What is merged so far, unit by unit in plan order. ``kept`` is what of each unit went in."""

    def __init__(self, repo: Repository, base: str, settle: Settle | None = None) -> None:
        self.standing = Standing(repo, base)
        self._settle_with = settle
        self.kept: dict[str, Sequence[Change]] = {}
        self.conflicts: list[Conflict] = []
        self.steps: list[Step] = []
        # Changes of files that others changed too, by path. They wait for others like them: a process can merge many.
        self._waiting: dict[str, tuple[str, Change]] = {}

    def tree(self) -> str:
        """What stands, with all that waits. More can be added afterwards."""
        self.merge_files()
        return self.standing.tree

    def merged(self) -> Merged:
        """As ``tree``, with what is to be known of it."""
        self.merge_files()
        standing = self.standing
        return Merged(
            standing.commit(standing.tree), _owners(standing, self.kept), tuple(self.conflicts), tuple(self.steps)
        )

    def add(self, unit: str, commit: str, part: Sequence[Change]) -> None:
        """Brings in what ``unit`` changed of the base. Raises GitFailed."""
        # What waits was found to go in file by file, as things stand: neither its files nor that may change before.
        if self.standing.may_rename(part) or any(_near(change.path, self._waiting) for change in part):
            self.merge_files()
        if self.standing.is_apart_from(part):
            self._take(unit, part)
            return
        clashes = self.standing.clashes(part)
        if clashes is None:
            self.merge_files()
            self.kept[unit], left = _fit(self.standing, commit, part)
            sides = self._sides_of(change for change in part if change.path in left)
            self._settle(dict.fromkeys(sides, unit), sides)
            settled = {step.path for step in self.steps if step.unit == unit}
            self.kept[unit] = (*self.kept[unit], *(change for change in part if change.path in settled & left))
            self._leave_out(unit, left - settled)
            return
        self._waiting |= {change.path: (unit, change) for change in clashes}
        self._take(unit, [change for change in part if change not in clashes])

    def _take(self, unit: str, part: Sequence[Change]) -> None:
        self.standing.lay_over(part)
        self.kept[unit] = part

    def merge_files(self) -> None:
        """Brings in what waits."""
        waiting, self._waiting = self._waiting, {}
        files = {
            path: ThreeSides(change.old, self.standing.changed[path].new, change.new)
            for path, (_, change) in waiting.items()
        }
        merged, conflicts = tree_merge.merge_files(self.standing.repo, files)
        self.standing.lay_over(trees.change(path, files[path].base, state) for path, state in merged.items())
        makers = {path: unit for path, (unit, _) in waiting.items()}
        conflicts -= self._settle(makers, {path: files[path] for path in files if path in conflicts})
        for unit in dict.fromkeys(makers.values()):
            own = {path: change for path, (maker, change) in waiting.items() if maker == unit}
            self.kept[unit] = (*self.kept[unit], *(change for path, change in own.items() if path not in conflicts))
            self._leave_out(unit, own.keys() & conflicts)

    def _sides_of(self, part: Iterable[Change]) -> dict[str, ThreeSides]:
        """Of the files that clash at their own place, with no rename in between."""
        changed, moved = self.standing.changed, self.standing.renames()
        near = {*moved, *moved.values()}
        return {
            change.path: ThreeSides(change.old, changed[change.path].new, change.new)
            for change in part
            if change.path in changed and change.path not in near
        }

    def _settle(self, makers: Mapping[str, str], files: Mapping[str, ThreeSides]) -> set[str]:
        """The files that are no conflict any more; each goes in as it was merged, and its unit is of ``makers``."""
        if self._settle_with is None or not files:
            return set()
        found = unmerged.settle(self.standing.repo, files, self._settle_with)
        for path, (state, settled) in found.items():
            unit = makers[path]
            others = _others(self.standing, self.kept, unit, [path])
            self.steps.append(Step(unit, path, others, files[path], settled))
            self.standing.lay_over([trees.change(path, files[path].base, state)])
        return {*found}

    def _leave_out(self, unit: str, left: Collection[str]) -> None:
        if left:
            others = _others(self.standing, self.kept, unit, left)
            self.conflicts.append(Conflict(unit, tuple(sorted(left)), others))


def _near(path: str, others: Mapping[str, object]) -> bool:
    """Whether ``path`` is among the others, above one or below one."""
    if path in others or any(folder in others for folder in folders(path)):
        return True
    return any(path in folders(other) for other in others)


def _fit(standing: Standing, commit: str, part: Sequence[Change]) -> tuple[Sequence[Change], set[str]]:
    """Has git merge the result into what stands; what of it went in, and the paths that did not."""
    left: set[str] = set()
    rest = standing.store.tree_of(commit)
    while part:
        # Both on the base itself: git finds the merge base by the parents.
        outcome = tree_merge.merge_tree(standing.repo, standing.commit(standing.tree), standing.commit(rest))
        if not outcome.conflicts:
            standing.advance(outcome.tree)
            break
        dropped = _to_drop(standing, rest, outcome.conflicts, {change.path for change in part})
        left |= dropped
        back = {change.path: change.old for change in part if change.path in dropped}
        rest = trees.overlay(standing.store, rest, back)
        part = trees.diff(standing.store, standing.root, rest)
    return part, left


def _to_drop(standing: Standing, rest: str, conflicts: Collection[str], ours: set[str]) -> set[str]:
    """The unit's paths that the conflicts are about. Never none of them: each round must come nearer to an end."""
    own = changes.renames(standing.repo, standing.root, rest)
    theirs = standing.renames()
    hit = {*conflicts, *(theirs[path] for path in conflicts if path in theirs)}
    hit |= {path for path in ours if folders(path) & hit or any(path in folders(other) for other in hit)}
    # A rename goes in with both its sides or with none.
    for new, old in own.items():
        if new in hit or old in hit:
            hit |= {new, old}
    return hit & ours or ours


def _others(
    standing: Standing, kept: Mapping[str, Sequence[Change]], unit: str, left: Collection[str]
) -> tuple[str, ...]:
    """The units before this one that had a hand in those paths, or in what they were renamed to."""
    theirs = standing.renames()
    near = {
        *left,
        *(new for new, old in theirs.items() if old in left),
        *(theirs[new] for new in left if new in theirs),
    }
    above = {folder for path in near for folder in folders(path)}

    def touches(path: str) -> bool:
        return path in near or path in above or not near.isdisjoint(folders(path))

    return tuple(
        other for other, part in kept.items() if other != unit and any(touches(change.path) for change in part)
    )


def _owners(standing: Standing, kept: Mapping[str, Sequence[Change]]) -> dict[str, tuple[str, ...]]:
    """A file that one unit renamed and another edited is both units'."""
    moved = standing.renames()
    touched: dict[str, list[str]] = {}
    for unit, part in kept.items():
        for change in part:
            touched.setdefault(change.path, []).append(unit)
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(standing.changed, key=os.fsencode):
        units = {*touched.get(path, ()), *touched.get(moved.get(path, path), ())}
        found[path] = tuple(unit for unit in kept if unit in units)
    return found
