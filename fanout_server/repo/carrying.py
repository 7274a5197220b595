"""A result as bytes of our own, which outlives its run and git's own clean-ups, and how it is put on a commit again.

Blocking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from fanout_server.repo import commits, objects, trees
from fanout_server.repo.changes import GITLINK, Change
from fanout_server.repo.contents import OfCommit
from fanout_server.repo.repository import Repository
from fanout_server.repo.trees import FOLDER, NOTHING, State

StateAt = Callable[[str], State]
"""From a path to what lies there; of a folder the mode alone counts."""


@frozen
class Carried:
    """``changes`` are from the start that it was made on; ``blobs`` is what the new files hold, by oid."""

    changes: tuple[Change, ...]
    blobs: Mapping[str, bytes] = field(factory=dict)


def take(repo: Repository, result: str, most: int | None) -> Carried | None:
    """``None`` where it has no parent, or more than ``most`` bytes would have to be carried. Raises GitFailed."""
    parent = commits.parent(repo, result)
    if parent is None:
        return None
    store = objects.of(repo)
    changes = trees.diff(store, store.tree_of(parent), store.tree_of(result))
    blobs: dict[str, bytes] = {}
    size = 0
    for change in changes:
        oid = change.new_oid
        if oid is None or change.new_mode == GITLINK or oid in blobs:
            continue
        blobs[oid] = store.read_blob(oid)
        size += len(blobs[oid])
        if most is not None and size > most:
            return None
    return Carried(changes, blobs)


def fits(changes: Sequence[Change], at: StateAt) -> bool:
    """Whether at all paths of these changes lies what lay there when they were made."""
    touched = {change.path for change in changes}
    return all(at(one.path) == one.old and _has_place(one.path, at, touched) for one in changes)


def put(repo: Repository, carried: Carried, start: str, message: str) -> str | None:
    """A commit on ``start`` with what was carried; ``None`` where it does not fit, or is not what was taken.

    Only the objects are written; a ref is for the caller to set. Raises GitFailed.
    """
    store = objects.of(repo)
    tree = store.tree_of(start)
    if not fits(carried.changes, OfCommit(repo, tree).at):
        return None
    with store.batch():
        if any(store.write("blob", data) != oid for oid, data in carried.blobs.items()):
            return None
        links = {change.new_oid for change in carried.changes if change.new_mode == GITLINK}
        if any(one.new_oid and one.new_oid not in {*carried.blobs, *links} for one in carried.changes):
            return None
        made = trees.overlay(store, tree, {change.path: change.new for change in carried.changes})
        return commits.create(repo, made, start, message)


def _has_place(path: str, at: StateAt, touched: set[str]) -> bool:
    """Whether no file stands where ``path`` needs a folder, but one that goes."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts)))
    return all(one in touched or at(one)[0] in {NOTHING[0], FOLDER} for one in above)
