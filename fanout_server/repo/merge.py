"""Results become one commit. What is disjoint goes in as a whole; the rest is merged in plan order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import frozen

from fanout_server.repo import changes, collect, commits, objects, tree_merge, trees
from fanout_server.repo.changes import Change
from fanout_server.repo.repository import Repository
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
    order = [unit for unit, _ in results]
    made = changes.diff_many(repo, base, [commit for _, commit in results])
    parts = dict(zip(order, made, strict=True))
    entangled = _entangled(parts)
    date = commits.date(repo, base)
    union = {
        path: state for unit, part in parts.items() if unit not in entangled for path, state in _states(part).items()
    }
    current = _commit(repo, base, _with(repo, base, union), date)
    kept = {unit: part for unit, part in parts.items() if unit not in entangled}
    conflicts: list[Conflict] = []
    for unit, commit in results:
        if unit in entangled:
            current, kept[unit], left = _fit(repo, base, current, commit, parts[unit], date)
            if left:
                conflicts.append(Conflict(unit, tuple(sorted(left)), _others(repo, base, current, kept, unit, left)))
    return Merged(current, _owners(repo, base, current, {unit: kept[unit] for unit in order}), tuple(conflicts))


def _entangled(parts: Mapping[str, Sequence[Change]]) -> set[str]:
    """The units that cannot just be laid over each other: they make different things of one path, or of a path and
    one below it.
    """
    makers: dict[str, dict[State, list[str]]] = {}
    for unit, part in parts.items():
        for path, state in _states(part).items():
            makers.setdefault(path, {}).setdefault(state, []).append(unit)
    found = {unit for states in makers.values() if len(states) > 1 for units in states.values() for unit in units}
    files = {path for path, states in makers.items() if any(oid is not None for _, oid in states)}
    for path in files:
        above = _folders(path) & files
        if above:
            for clashing in (path, *above):
                found |= {unit for units in makers[clashing].values() for unit in units}
    return found


def _states(part: Iterable[Change]) -> dict[str, State]:
    return {change.path: (change.new_mode, change.new_oid) for change in part}


def _folders(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts))}


def _fit(
    repo: Repository, base: str, current: str, commit: str, part: tuple[Change, ...], date: str
) -> tuple[str, tuple[Change, ...], set[str]]:
    """The result merged into ``current``; what of it went in, and the paths that did not."""
    left: set[str] = set()
    rest: str | None = commit
    while rest is not None:
        ours = {change.path for change in part}
        # On the base itself: git finds the merge base by the parents.
        alone = _commit(repo, base, f"{rest}^{{tree}}", date)
        outcome = tree_merge.merge_tree(repo, current, alone)
        if not outcome.conflicts:
            return _commit(repo, base, outcome.tree, date), part, left
        dropped = _to_drop(repo, base, current, rest, outcome.conflicts, ours)
        left |= dropped
        rest = collect.without(repo, base, rest, dropped)
        part = changes.diff(repo, base, rest) if rest is not None else ()
    return current, (), left


def _to_drop(
    repo: Repository, base: str, current: str, rest: str, conflicts: Collection[str], ours: set[str]
) -> set[str]:
    """The unit's paths that the conflicts are about. Never none of them: each round must come nearer to an end."""
    own = changes.renames(repo, base, rest)
    theirs = changes.renames(repo, base, current)
    hit = {*conflicts, *(theirs[path] for path in conflicts if path in theirs)}
    hit |= {path for path in ours if _folders(path) & hit or any(path in _folders(other) for other in hit)}
    # A rename goes in with both its sides or with none.
    for new, old in own.items():
        if new in hit or old in hit:
            hit |= {new, old}
    return hit & ours or ours


def _others(
    repo: Repository, base: str, current: str, kept: Mapping[str, Sequence[Change]], unit: str, left: set[str]
) -> tuple[str, ...]:
    """The units before this one that had a hand in those paths, or in what they were renamed to."""
    theirs = changes.renames(repo, base, current)
    near = {
        *left,
        *(new for new, old in theirs.items() if old in left),
        *(theirs[new] for new in left if new in theirs),
    }

    def touches(path: str) -> bool:
        return path in near or bool(_folders(path) & near) or any(path in _folders(other) for other in near)

    return tuple(
        other for other, part in kept.items() if other != unit and any(touches(change.path) for change in part)
    )


def _owners(
    repo: Repository, base: str, merged: str, kept: Mapping[str, Sequence[Change]]
) -> dict[str, tuple[str, ...]]:
    """A file that one unit renamed and another edited is both units'."""
    moved = changes.renames(repo, base, merged)
    touched = {unit: {change.path for change in part} for unit, part in kept.items()}
    return {
        change.path: tuple(
            unit for unit, paths in touched.items() if change.path in paths or moved.get(change.path) in paths
        )
        for change in changes.diff_many(repo, base, [merged])[0]
    }


def _with(repo: Repository, base: str, entries: Mapping[str, State]) -> str:
    if not entries:
        return f"{base}^{{tree}}"
    store = objects.of(repo)
    return trees.overlay(store, store.tree_of(base), entries)


def _commit(repo: Repository, base: str, tree: str, date: str) -> str:
    return commits.create(repo, tree, base, "fanout: merged results\n", date)
