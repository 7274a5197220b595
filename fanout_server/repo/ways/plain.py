"""The way that always works: a checkout of all files for each worktree, as ``git worktree add`` makes it."""

from __future__ import annotations

import functools
from pathlib import Path

from attrs import evolve

from fanout_server.model import Finding
from fanout_server.repo import checkout, entries, git, index, objects, room, worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import News, Wanted
from fanout_server.repo.usage import Usage
from fanout_server.repo.worktrees import Worktree


def create(repo: Repository, base: str, path: Path, reason: str) -> Worktree:
    """A worktree of ``base`` at ``path`` (not there yet), on no branch, locked against pruning because of ``reason``.

    Raises WorktreeFailed, GitFailed, OSError.
    """
    place = worktrees.free_place(path)
    record = worktrees.note(repo, place)
    admin = entries.make(repo, place, objects.of(repo).commit_of(base), reason)
    worktree = Worktree(place, admin, base)
    try:
        place.mkdir(exist_ok=True)
        entries.link(place, admin)
        entries.share_sparse(repo, admin)
        arguments = ("reset", "--quiet", "--hard", "--no-recurse-submodules")
        git.run(place, *checkout.SETTINGS, *arguments, env=checkout.ENVIRONMENT)
        index.copy_index(admin / "index", record / "index")
    except BaseException:
        worktrees.remove(repo, worktree)
        raise
    return worktree


class PlainSource:
    """Worktrees of one base, each a checkout of its own. Ways that make it of something else make it in ``_make``."""

    shares_setup = False

    def __init__(self, repo: Repository, state: Path, base: str, wanted: Wanted) -> None:
        del state
        self.base = base
        self._repo = repo
        self._wanted = wanted
        self._news = News()

    @functools.cached_property
    def needs(self) -> Usage:
        return room.checkout(self._repo)

    def create(self, path: Path, reason: str, start: str | None = None) -> Worktree:
        """See ``Source.create``."""
        worktree = evolve(self._make(start or self.base, path, reason), base=self.base)
        try:
            self._news.add(worktrees.provision(self._repo, worktree, self._wanted.copy, self._wanted.link))
        except BaseException:
            worktrees.remove(self._repo, worktree)
            raise
        return worktree

    def _make(self, start: str, path: Path, reason: str) -> Worktree:
        return create(self._repo, start, path, reason)

    def adopt(self, worktree: Worktree, key: str | None = None) -> None:
        """Raises AssertionError: files that lie in one folder are in no other."""
        raise AssertionError(f"{worktree.path} ({key}) shares nothing")

    def reuse(self, key: str) -> bool:
        """Nothing is ever kept."""
        del key
        return False

    def give_back(self, worktree: Worktree) -> None:
        """See ``Source.give_back``."""
        worktrees.remove(self._repo, worktree)

    def news(self) -> tuple[Finding, ...]:
        """See ``Source.news``."""
        return self._news.take()

    def close(self) -> None:
        """Nothing is held."""
