"""Entries that git was told not to look at: ``git status`` says nothing of them, whatever lies in the folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from fanout_server.repo import index_file
from fanout_server.repo.index import View, copy_index, temporary_folder
from fanout_server.repo.repository import Repository
from fanout_server.repo.status import LOOK_CLOSELY

_RULES = b".gitattributes"
# With core.ignoreStat all files of a checkout are assumed to be unchanged.
_FEW = 500


@frozen
class Overlooked:
    """``there`` are assumed unchanged, lie in the folder and may differ; ``gone`` the user took away.

    ``rules`` are attribute files that a sparse checkout left away; a slash at the end stands for all of a folder.
    """

    there: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()


def read(repo: Repository, index: Path) -> Overlooked:
    """By ``ls-files -v``: H for plain, S for left away (git looks itself whether it is), small letters for assumed.

    Raises GitFailed.
    """
    # Nearly always nothing is flagged. Where that can be told from the file it is, at a third of the cost.
    if not index.exists() or index_file.is_plain(index, len(repo.blank_oid)):
        return Overlooked()
    told = repo.git(*LOOK_CLOSELY, "ls-files", "-v", "-z", "--sparse", env={"GIT_INDEX_FILE": str(index)}).out
    if told.count(b"\0H ") + told.startswith(b"H ") == told.count(b"\0"):
        return Overlooked()
    flagged = [row for row in told.split(b"\0") if row and not row.startswith(b"H ")]
    rules = [row[2:] for row in flagged if row.startswith(b"S ") and row.endswith((_RULES, b"/"))]
    assumed = [row[2:] for row in flagged if row[:1].islower() and not row.startswith(b"s ")]
    there = {path for path in assumed if os.path.lexists(os.fsencode(repo.root) + b"/" + path)}
    differ = there if len(there) <= _FEW else there & _changed(repo, index, there)
    return Overlooked(_names(differ), _names(set(assumed) - there), _names(rules))


def _changed(repo: Repository, index: Path, paths: Iterable[bytes]) -> set[bytes]:
    """Asked of git, by a copy of the index without the marks. To read so many files would take much longer."""
    with temporary_folder(repo) as place:
        copy = View(repo, repo.root, place / "index")
        copy_index(index, copy.index)
        copy.git(
            "update-index", "--no-assume-unchanged", "-z", "--stdin", input=b"".join(name + b"\0" for name in paths)
        )
        told = copy.git("diff-files", "-z", "--name-only", "--ignore-submodules=dirty").out
    return set(told.split(b"\0"))


def _names(paths: Iterable[bytes]) -> frozenset[str]:
    return frozenset(map(os.fsdecode, paths))
