"""Submodules in worktrees: each that the user has initialised gets a worktree of its own, of its own repository.

Their files are there to be read and built with, on the recorded commit. What is changed in them is no part of a result.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve, frozen

from fanout_server.model import FanoutError, Finding, Severity
from fanout_server.repo import objects, trees, worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import News, Source
from fanout_server.repo.trees import GITLINK
from fanout_server.repo.usage import Usage
from fanout_server.repo.worktrees import Worktree


@frozen
class Submodule:
    """``repo`` is the user's checkout of it, at ``path`` in theirs; ``commit`` is what the base has recorded."""

    path: str
    repo: Repository
    commit: str


def initialised(repo: Repository, base: str, news: News) -> Iterator[Submodule]:
    """Those of the base whose recorded commit the user has; ``news`` hears of those who lack it. Raises GitFailed."""
    store = objects.of(repo)
    tree = store.tree_of(base)
    described = trees.lookup(store, tree, ".gitmodules")
    if described is None:
        return
    asked = ("config", "-z", "--blob", described.oid, "--get-regexp", r"^submodule\..*\.path$")
    told = repo.git(*asked, check=False).out
    for line in told.split(b"\0"):
        path = os.fsdecode(line.partition(b"\n")[2]).rstrip("/")
        entry = trees.lookup(store, tree, path) if path else None
        if entry is None or entry.mode != GITLINK or not os.path.lexists(repo.root / path / ".git"):
            continue
        try:
            own = Repository.discover(repo.root / path)
            if own.root == repo.root / path and objects.of(own).has(entry.oid):
                yield Submodule(path, own, entry.oid)
                continue
            reason = f"the recorded commit {entry.oid[:12]} is not in it; 'git submodule update' fetches it"
        except FanoutError as error:
            reason = str(error)
        message = f"The submodule {path} is empty in the units' worktrees: {reason}."
        news.add([Finding("base/submodule-empty", Severity.WARNING, message, path=path)])


class WithSubmodules:
    """A source whose worktrees have worktrees of their submodules in them, from a source each."""

    def __init__(self, repo: Repository, outer: Source, inner: dict[str, Source], news: News) -> None:
        self._repo = repo
        self._outer = outer
        self._inner = inner
        self._news = news

    @property
    def base(self) -> str:
        """See ``Source.base``."""
        return self._outer.base

    @property
    def shares_setup(self) -> bool:
        """See ``Source.shares_setup``."""
        return self._outer.shares_setup

    @property
    def needs(self) -> Usage:
        """See ``Source.needs``."""
        return sum((one.needs for one in self._inner.values()), self._outer.needs)

    def create(self, path: Path, reason: str, start: str | None = None) -> Worktree:
        """See ``Source.create``."""
        made = self._outer.create(path, reason, start)
        inner: list[Worktree] = []
        # First: a crash leaves none of them unknown.
        worktrees.note_inner(self._repo, made.path, [self._repo.root / name for name in self._inner])
        try:
            for name, source in self._inner.items():
                inner.append(source.create(made.path / name, reason))
        except BaseException:
            self.give_back(evolve(made, inner=tuple(inner)))
            raise
        return evolve(made, inner=tuple(inner))

    def adopt(self, worktree: Worktree, key: str | None = None) -> None:
        """See ``Source.adopt``."""
        self._take_apart(worktree)
        self._outer.adopt(evolve(worktree, inner=()), key)

    def reuse(self, key: str) -> bool:
        """See ``Source.reuse``."""
        return self._outer.reuse(key)

    def give_back(self, worktree: Worktree) -> None:
        """See ``Source.give_back``."""
        self._take_apart(worktree)
        self._outer.give_back(evolve(worktree, inner=()))

    def _take_apart(self, worktree: Worktree) -> None:
        for inner in reversed(worktree.inner):
            self._inner[str(inner.path.relative_to(worktree.path))].give_back(inner)
        worktrees.note_inner(self._repo, worktree.path, [])

    def news(self) -> tuple[Finding, ...]:
        """See ``Source.news``."""
        return (
            *self._outer.news(),
            *self._news.take(),
            *(one for source in self._inner.values() for one in source.news()),
        )

    def close(self) -> None:
        """See ``Source.close``."""
        for source in (*self._inner.values(), self._outer):
            source.close()
