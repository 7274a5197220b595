"""What differs between two commits: as data, as a diff to read, as numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from fanout_server.repo import commits, git, objects, trees
from fanout_server.repo.repository import Repository
from fanout_server.repo.trees import GITLINK, Change

__all__ = ["GITLINK", "Change", "diff", "diff_many", "parse_raw", "patch", "renames", "since_parent", "stat", "unified"]

_PATCH = ("-c", "core.quotePath=false", "diff-tree", "-r", "-M", "--no-color", "--no-ext-diff", "--no-textconv")


def diff(repo: Repository, old: str, new: str) -> tuple[Change, ...]:
    """From ``old`` to ``new`` (commits, trees or expressions for them), by path; a rename is a D and an A."""
    (found,) = diff_many(repo, old, [new])
    return found


def diff_many(repo: Repository, old: str, news: Sequence[str]) -> list[tuple[Change, ...]]:
    """As ``diff`` for many commits or trees against one. Raises GitFailed."""
    store = objects.of(repo)
    before = store.tree_of(old)
    return [trees.diff(store, before, store.tree_of(new)) for new in news]


def since_parent(repo: Repository, commit: str) -> tuple[str, ...]:
    """The paths in which a commit differs from its parent; none where it has no parent. Raises GitFailed."""
    parent = commits.parent(repo, commit)
    return () if parent is None else tuple(change.path for change in diff(repo, parent, commit))


def parse_raw(told: bytes) -> Iterator[Change]:
    """What git's ``--raw -z`` without renames says. An unmerged path has status U."""
    fields = told.split(b"\0")
    for head, path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, old_oid, new_oid, status = head.lstrip(b":").decode().split()
        yield Change(os.fsdecode(path), status[0], int(old_mode, 8), int(new_mode, 8), _oid(old_oid), _oid(new_oid))


def renames(repo: Repository, old: str, new: str) -> dict[str, str]:
    """What git takes for renames: the new path -> the old one."""
    if not {"A", "D"} <= {change.status for change in diff(repo, old, new)}:
        return {}
    told = repo.git("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--raw", *_trees(old, new)).out
    fields = told.split(b"\0")
    return {os.fsdecode(after): os.fsdecode(before) for before, after in zip(fields[1::3], fields[2::3], strict=False)}


def unified(repo: Repository, old: str, new: str, paths: Iterable[str] | None = None) -> bytes:
    """A diff for people, of all or of these ``paths``. Binary files are only named.

    So many paths that they need several commands are shown in groups; a rename from one to another shows as D and A.
    """
    if paths is None:
        return repo.git(*_PATCH, "-p", *_trees(old, new)).out
    groups = git.argument_groups(sorted(set(paths)))
    return b"".join(repo.git(*_PATCH, "-p", *_trees(old, new), *group, env=git.LITERAL).out for group in groups)


def patch(repo: Repository, old: str, new: str) -> bytes:
    """A patch that ``git apply`` takes, binary files and odd names included."""
    return repo.git(*_PATCH, "-p", "--binary", "--full-index", *_trees(old, new)).out


def stat(repo: Repository, old: str, new: str) -> str:
    """Git's diff stat, 100 columns wide."""
    return os.fsdecode(repo.git(*_PATCH, "--stat=100", *_trees(old, new)).out)


def _trees(old: str, new: str) -> tuple[str, ...]:
    return ("--end-of-options", old, new, "--")


def _oid(text: str) -> str | None:
    return None if text.strip("0") == "" else text
