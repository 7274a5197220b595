"""Where the worktrees of a run come from: "give me one of this base", "give it back". Which way that is shows nowhere.

A way is proven once by a small try of its own, in the folders where it would be used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from attrs import frozen

from fanout_server.model import Finding
from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.wanted import Wanted
from fanout_server.repo.ways import copying, overlay, plain, pool
from fanout_server.repo.worktrees import Worktree

AUTO = "auto"


class Source(Protocol):
    """Worktrees of one base. Its methods block, and may be called by many threads at a time."""

    @property
    def base(self) -> str: ...

    @property
    def shares_setup(self) -> bool:
        """Whether what a program leaves in one worktree can be in all that come after: see ``adopt``."""

    def create(self, path: Path, reason: str, start: str | None = None) -> Worktree:
        """A worktree at ``path`` (not there yet), of the base, or of ``start`` where that is given.

        It is on no branch, and locked against pruning because of ``reason``. Raises WorktreeFailed, GitFailed, OSError.
        """

    def adopt(self, worktree: Worktree) -> None:
        """All worktrees from now on have what was written in this one. It is none itself any more."""

    def give_back(self, worktree: Worktree) -> None:
        """Takes it away, with its entry and our record of it, whatever is left of them. Raises OSError."""

    def news(self) -> tuple[Finding, ...]:
        """What could not be had for the worktrees, each thing once."""

    def close(self) -> None:
        """No worktree of it is in use any more."""


@frozen
class Way:
    """``why_not`` tries it and returns what speaks against it; ``open`` may take as long as a checkout.

    A way that ``works_anyway`` is only no gain where something speaks against it: who names it gets it.
    """

    name: str
    why_not: Callable[[Repository, Path], str | None]
    open: Callable[[Repository, Path, str, Wanted], Source]
    works_anyway: bool = False


WAYS = (
    Way("overlay", overlay.why_not, overlay.OverlaySource),
    Way("copy", copying.why_not, copying.CopySource, works_anyway=True),
    Way("pool", pool.why_not, pool.PoolSource),
    Way("plain", lambda _repo, _state: None, plain.PlainSource),
)
"""The fastest first."""

NAMES = (AUTO, *(way.name for way in WAYS))

_tried: dict[tuple[str, int, int, int], str | None] = {}


def open_source(repo: Repository, state: Path, base: str, wanted: Wanted, way: str = AUTO) -> Source:
    """By the fastest way that works here, or by the one that is named.

    Raises WorktreeFailed where that one does not work, GitFailed, OSError.
    """
    for one in WAYS:
        if way in {AUTO, one.name}:
            problem = why_not(one, repo, state)
            if problem is None or (way == one.name and one.works_anyway):
                return one.open(repo, state, base, wanted)
            if way == one.name:
                raise WorktreeFailed(f"Worktrees by the way {way} do not work here: {problem}. Leave 'worktrees' out.")
    raise WorktreeFailed(f"There is no way {way!r} to make worktrees. There are: {', '.join(NAMES)}.")


def why_not(way: Way, repo: Repository, state: Path) -> str | None:
    """What speaks against a way in these folders, tried once in each process."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = (way.name, state.stat().st_dev, repo.common_dir.stat().st_dev, os.geteuid())
    if key not in _tried:
        _tried[key] = way.why_not(repo, state)
    return _tried[key]


def report(repo: Repository, state: Path) -> Collection[tuple[str, str | None]]:
    """All ways, and what speaks against each; the first that nothing speaks against is used."""
    return [(way.name, why_not(way, repo, state)) for way in WAYS]
