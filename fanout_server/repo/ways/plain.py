"""The way that always works: a checkout of all files for each worktree, as ``git worktree add`` makes it."""

from __future__ import annotations

from pathlib import Path

from fanout_server.repo import checkout, entries, git, index, objects, worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.worktrees import Worktree

def create(repo: Repository, base: str, path: Path, reason: str) -> Worktree:
    """A worktree of ``base`` at ``path`` (not there yet), on no branch, locked against pruning because of ``reason``.

    Raises WorktreeFailed, GitFailed.
    """
    place = path.parent.resolve() / path.name
    record = worktrees.note(repo, place)
    admin = entries.make(repo, place, objects.of(repo).commit_of(base), reason)
    worktree = Worktree(place, admin, base)
    try:
        place.mkdir()
        entries.link(place, admin)
        entries.share_sparse(repo, admin)
        arguments = ("reset", "--quiet", "--hard", "--no-recurse-submodules")
        git.run(place, *checkout.SETTINGS, *arguments, env=checkout.ENVIRONMENT)
        index.copy_index(admin / "index", record / "index")
    except BaseException:
        worktrees.remove(repo, worktree)
        raise
    return worktree
