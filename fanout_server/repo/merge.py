"""Results become one commit. What is disjoint goes in as a whole; the rest is merged in plan order."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

from fanout_server.repo import changes, tree_merge, trees
from fanout_server.repo.changes import Change
from fanout_server.repo.repository import Repository
from fanout_server.repo.standing import Standing, folders
from fanout_server.repo.trees import State


@frozen
class Conflict:
    """``paths`` of ``unit`` were left out, for they do not fit what ``others`` (earlier in the plan) did."""

    unit: str
    paths: tuple[str, ...]
    others: tuple[str, ...]


@frozen
class Merged:
    """``commit`` is a commit on the base. ``owners`` has the units of each path that differs there from the base."""

    commit: str
    owners: dict[str, tuple[str, ...]]
    conflicts: tuple[Conflict, ...] = ()


def merge(repo: Repository, base: str, results: Sequence[tuple[str, str]]) -> Merged:
    """Merges (unit, result commit) in this order; a result's own parent plays no part. The same each time.

    Where two do not fit, the later unit's part of those files stays out, and the rest of it goes in. Two that make the
    same of a file do not conflict. Raises GitFailed.
    """
    made = changes.diff_many(repo, base, [commit for _, commit in results])
    parts = {unit: part for (unit, _), part in zip(results, made, strict=True)}
    entangled = _entangled(parts)
    kept = {unit: part for unit, part in parts.items() if unit not in entangled}
    standing = Standing(repo, base)
    standing.lay_over([change for part in kept.values() for change in part])
    conflicts: list[Conflict] = []
    for unit, commit in results:
        if unit in entangled:
            kept[unit], left = _fit(standing, commit, parts[unit])
            if left:
                conflicts.append(Conflict(unit, tuple(sorted(left)), _others(standing, kept, unit, left)))
    owners = _owners(standing, {unit: kept[unit] for unit in parts})
    return Merged(standing.commit(standing.tree), owners, tuple(conflicts))


def _entangled(parts: Mapping[str, Sequence[Change]]) -> set[str]:
    """The units that cannot just be laid over each other: they make different things of one path, or of a path and
    one below it.
    """
    makers: dict[str, dict[State, list[str]]] = {}
    for unit, part in parts.items():
        for change in part:
            makers.setdefault(change.path, {}).setdefault(change.new, []).append(unit)
    found = {unit for states in makers.values() if len(states) > 1 for units in states.values() for unit in units}
    files = {path for path, states in makers.items() if any(oid is not None for _, oid in states)}
    for path in files:
        above = folders(path) & files
        if above:
            for clashing in (path, *above):
                found |= {unit for units in makers[clashing].values() for unit in units}
    return found


def _fit(standing: Standing, commit: str, part: tuple[Change, ...]) -> tuple[tuple[Change, ...], set[str]]:
    """Merges the result into what stands; what of it went in, and the paths that did not."""
    left: set[str] = set()
    rest = standing.store.tree_of(commit)
    while part and not standing.takes(part):
        # Both on the base itself: git finds the merge base by the parents.
        outcome = tree_merge.merge_tree(standing.repo, standing.commit(standing.tree), standing.commit(rest))
        if not outcome.conflicts:
            standing.advance(outcome.tree)
            return part, left
        dropped = _to_drop(standing, rest, outcome.conflicts, {change.path for change in part})
        left |= dropped
        back = {change.path: change.old for change in part if change.path in dropped}
        rest = trees.overlay(standing.store, rest, back)
        part = trees.diff(standing.store, standing.root, rest)
    standing.lay_over(part)
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


def _others(standing: Standing, kept: Mapping[str, Sequence[Change]], unit: str, left: set[str]) -> tuple[str, ...]:
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
