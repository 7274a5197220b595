"""``git merge-tree``: a merge of two commits, or of some files alone, without any working tree."""

from __future__ import annotations

import os
from collections.abc import Mapping

from attrs import frozen

from fanout_server.repo import commits, git, objects, trees
from fanout_server.repo.repository import Repository
from fanout_server.repo.trees import State

# Folder renames are not guessed: results would land elsewhere than their units put them.
_SETTINGS = (
    *("-c", "merge.directoryRenames=false"),
    *("-c", "merge.renames=true"),
    *("-c", "merge.renormalize=false"),
)
_CLEAN, _CONFLICTS = 0, 1
# Of commits that only git sees; always the same, so that they are not many.
_MESSAGE, _DATE = "fanout: merging files\n", "@0 +0000"


@frozen
class Outcome:
    """``tree`` is only of use without conflicts. ``conflicts`` are paths on any side, before or after a rename."""

    tree: str
    conflicts: frozenset[str] = frozenset()


def merge_tree(repo: Repository, ours: str, theirs: str) -> Outcome:
    """Merges two commits by their common parent. Raises GitFailed."""
    args = (*_SETTINGS, "merge-tree", "--write-tree", "-z", "--messages", ours, theirs)
    done = repo.git(*args, check=False)
    if done.code not in {_CLEAN, _CONFLICTS}:
        raise git.failure(args, done)
    tree, _, rest = done.out.partition(b"\0")
    if done.code == _CLEAN:
        return Outcome(tree.decode())
    return Outcome(tree.decode(), frozenset(os.fsdecode(path) for path in _conflicts(rest)))


@frozen
class ThreeSides:
    """A file in the base and on both sides; on each it may be missing."""

    base: State
    ours: State
    theirs: State


def merge_files(repo: Repository, files: Mapping[str, ThreeSides]) -> tuple[dict[str, State], frozenset[str]]:
    """Merges files as ``merge_tree`` would if nothing else were there: their new states, and those in conflict.

    One process for all, on trees of these files alone: the other files cost git time though nothing happens to them.
    """
    if not files:
        return {}, frozenset()
    store = objects.of(repo)
    empty = store.write("tree", b"")
    sides = (
        {path: file.base for path, file in files.items()},
        {path: file.ours for path, file in files.items()},
        {path: file.theirs for path, file in files.items()},
    )
    base, ours, theirs = (trees.overlay(store, empty, states) for states in sides)
    parent = commits.create(repo, base, None, _MESSAGE, _DATE)
    outcome = merge_tree(repo, *(commits.create(repo, tree, parent, _MESSAGE, _DATE) for tree in (ours, theirs)))
    # Where git names none of them we do not know which is meant.
    conflicts = (outcome.conflicts & files.keys() or frozenset(files)) if outcome.conflicts else frozenset()
    found = {path: trees.lookup(store, outcome.tree, path) for path in files if path not in conflicts}
    return {path: (0, None) if one is None else (one.mode, one.oid) for path, one in found.items()}, conflicts


def _conflicts(told: bytes) -> set[bytes]:
    """First entries "mode oid stage TAB path", to an empty one; then messages: count, paths, kind, text."""
    entries, _, messages = told.partition(b"\0\0") if not told.startswith(b"\0") else (b"", b"", told[1:])
    paths = {entry.partition(b"\t")[2] for entry in entries.split(b"\0") if entry}
    fields = iter(messages.split(b"\0"))
    for count in fields:
        if not count.strip():
            break
        about = [next(fields) for _ in range(int(count))]
        kind = next(fields)
        next(fields)
        if kind.startswith(b"CONFLICT"):
            paths |= set(about)
    return paths
