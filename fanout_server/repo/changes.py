"""What differs between two commits: as data, as a diff to read, as numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from fanout_server.repo import git
from fanout_server.repo.repository import Repository
from fanout_server.repo.trees import GITLINK, Change

__all__ = ["GITLINK", "Change", "diff", "diff_many", "parse_raw", "patch", "renames", "stat", "unified"]

_RAW = ("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--no-color", "--no-ext-diff")
_PATCH = ("-c", "core.quotePath=false", "diff-tree", "-r", "-M", "--no-color", "--no-ext-diff", "--no-textconv")


def diff(repo: Repository, old: str, new: str) -> tuple[Change, ...]:
    """From ``old`` to ``new`` (commits, trees or expressions for them), by path; a rename is a D and an A."""
    told = repo.git(*_RAW, *_trees(old, new)).out
    return tuple(parse_raw(told))


def diff_many(repo: Repository, old: str, news: Sequence[str]) -> list[tuple[Change, ...]]:
    """As ``diff`` for many commits or trees against one, by a single process."""
    if not news:
        return []
    names = [old, *news]
    asked = "".join(f"{name}^{{tree}}\n" for name in names).encode()
    trees = repo.git("cat-file", "--batch-check=%(objectname)", input=asked).out.decode().splitlines()
    different = sorted(set(trees[1:]) - {trees[0]})
    pairs = "".join(f"{trees[0]} {tree}\n" for tree in different).encode()
    told = repo.git(*_RAW, "--stdin", input=pairs).out
    found = {trees[0]: (), **_parse_pairs(told)}
    return [found[tree] for tree in trees[1:]]


def _parse_pairs(told: bytes) -> dict[str, tuple[Change, ...]]:
    """By the second tree of each pair. Read from the front: a path may look like the line between two pairs."""
    found: dict[str, tuple[Change, ...]] = {}
    at = 0
    while at < len(told):
        line_end = told.index(b"\n", at)
        start = at = line_end + 1
        while told.startswith(b":", at):
            at = told.index(b"\0", told.index(b"\0", at) + 1) + 1
        found[told[:line_end].rpartition(b" ")[2].decode()] = tuple(parse_raw(told[start:at]))
    return found


def parse_raw(told: bytes) -> Iterator[Change]:
    """What git's ``--raw -z`` without renames says. An unmerged path has status U."""
    fields = told.split(b"\0")
    for head, path in zip(fields[0::2], fields[1::2], strict=False):
        old_mode, new_mode, old_oid, new_oid, status = head.lstrip(b":").decode().split()
        yield Change(os.fsdecode(path), status[0], int(old_mode, 8), int(new_mode, 8), _oid(old_oid), _oid(new_oid))


def renames(repo: Repository, old: str, new: str) -> dict[str, str]:
    """What git takes for renames: the new path -> the old one."""
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
