"""``git merge-tree``: a merge of two commits without any working tree."""

from __future__ import annotations

import os

from attrs import frozen

from fanout_server.repo import git
from fanout_server.repo.repository import Repository

# Folder renames are not guessed: results would land elsewhere than their units put them.
_SETTINGS = (
    *("-c", "merge.directoryRenames=false"),
    *("-c", "merge.renames=true"),
    *("-c", "merge.renormalize=false"),
)
_CLEAN, _CONFLICTS = 0, 1


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
