"""Files that git cannot merge are shown to somebody who may know more of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping

from attrs import frozen

from fanout_server.repo import objects
from fanout_server.repo.repository import Repository
from fanout_server.repo.tree_merge import ThreeSides
from fanout_server.repo.trees import State

# Anything else in the attribute ``merge`` is the word of a merge driver, or that the file is not to be merged.
_AS_TEXT = frozenset({b"unspecified", b"set", b"text"})


@frozen
class Settled:
    """``way`` is how the file was merged, in a word of who did it; ``confidence`` how sure that is."""

    data: bytes
    way: str
    confidence: str


Settle = Callable[[str, bytes, bytes, bytes], Settled | None]
"""Merges a path's base, ours and theirs, or gives ``None``. The same each time. Blocking."""


def settle(repo: Repository, files: Mapping[str, ThreeSides], how: Settle) -> dict[str, tuple[State, Settled]]:
    """Those of the files that could be merged, and how. Raises GitFailed.

    Not asked about are links, submodules, what is gone on one side, and what the user's attributes keep from being
    merged as text: a merge driver that could not do it has the last word.
    """
    store = objects.of(repo)
    texts = {path: mode for path, file in files.items() if (mode := _mode(file)) is not None}
    found: dict[str, tuple[State, Settled]] = {}
    for path in _as_text(repo, texts):
        file = files[path]
        base, ours, theirs = (b"" if oid is None else store.read_blob(oid) for _, oid in _sides(file))
        settled = how(path, base, ours, theirs)
        if settled is not None:
            found[path] = (texts[path], store.write("blob", settled.data)), settled
    return found


def _sides(file: ThreeSides) -> tuple[State, State, State]:
    return file.base, file.ours, file.theirs


def _mode(file: ThreeSides) -> int | None:
    """What the merged file's mode is, if all sides are files."""
    base, ours, theirs = (mode if oid is not None else None for mode, oid in _sides(file))
    if ours is None or theirs is None or not all(stat.S_ISREG(mode) for mode in (base, ours, theirs) if mode):
        return None
    if ours == theirs or base is None:
        return ours if ours == theirs else None
    return theirs if ours == base else ours


def _as_text(repo: Repository, paths: Iterable[str]) -> list[str]:
    names = sorted(paths, key=os.fsencode)
    if not names:
        return []
    asked = b"".join(os.fsencode(path) + b"\0" for path in names)
    told = repo.git("check-attr", "-z", "--stdin", "merge", input=asked).out.split(b"\0")
    return [os.fsdecode(path) for path, value in zip(told[0::3], told[2::3], strict=False) if value in _AS_TEXT]
