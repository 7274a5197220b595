"""Where the worktrees of a run come from: "give me one of this base", "give it back". Which way that is shows nowhere.

A way is proven once by a small try of its own, in the folders where it would be used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from attrs import frozen

from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import News, Source, Wanted
from fanout_server.repo.submodules import WithSubmodules, initialised
from fanout_server.repo.ways import copying, overlay, plain, pool

AUTO = "auto"


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
                return _with_submodules(one, repo, state, base, wanted)
            if way == one.name:
                raise WorktreeFailed(f"Worktrees by the way {way} do not work here: {problem}. Leave 'worktrees' out.")
    raise WorktreeFailed(f"There is no way {way!r} to make worktrees. There are: {', '.join(NAMES)}.")


def _with_submodules(way: Way, repo: Repository, state: Path, base: str, wanted: Wanted) -> Source:
    news = News()
    outer = way.open(repo, state, base, wanted)
    inner: dict[str, Source] = {}
    try:
        for one in initialised(repo, base, news):
            # They may have submodules themselves.
            inner[one.path] = _with_submodules(way, one.repo, state, one.commit, Wanted())
    except BaseException:
        for source in (*inner.values(), outer):
            source.close()
        raise
    return WithSubmodules(repo, outer, inner, news) if inner or news.is_waiting else outer


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


def warm_up(repo: Repository, state: Path) -> None:
    """Does what the first worktree of a run would wait for. Raises WorktreeFailed, GitFailed, OSError."""
    head = repo.head()
    if head is not None:
        open_source(repo, state, head, Wanted()).close()
