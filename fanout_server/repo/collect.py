"""What an agent left becomes a result: one commit on the base, of the worktree as it stands."""

from __future__ import annotations

import os
from collections.abc import Collection

import pathspec
from attrs import frozen

from fanout_server.repo import changes, commits, index, objects, staging, trees, worktrees
from fanout_server.repo.changes import Change
from fanout_server.repo.index import View
from fanout_server.repo.repository import LIST_IGNORED, Repository, ignored_entries
from fanout_server.repo.worktrees import Worktree

_MOST_IGNORED = 100


@frozen
class Collected:
    """``commit`` is ``None`` where nothing changed. ``ignored`` are new files that are not in it, at most 100.

    Left out is what git ignores, and what no commit can hold: other repositories, moved submodules, forbidden names.
    """

    commit: str | None
    changes: tuple[Change, ...] = ()
    ignored: tuple[str, ...] = ()


def collect(repo: Repository, worktree: Worktree, message: str, *, known: Collection[str] = ()) -> Collected:
    """The difference between the base and the files, whatever the agent did with git.

    ``known`` are paths and globs of what the worktree was provisioned with; that is not the agent's work.
    The agent's index, HEAD, ``.git`` file and settings play no part: git gets the user's repository, the worktree's
    folder and an index of ours. Raises UnreadableFile, GitFailed.
    """
    given = {*worktrees.provisions(repo, worktree), *(path.removeprefix("./").rstrip("/") for path in known)}
    pristine = worktrees.pristine_index(repo, worktree)
    with index.view(repo, worktree.path, pristine) as view:
        if pristine is None:
            view.git("read-tree", worktree.base)
        staged = staging.stage(view, leave=_not_results(repo, worktree, given))
        tree = view.write_tree()
        ignored = _left_out(view, staged, known, given)
    (changed,) = changes.diff_many(repo, worktree.base, [tree])
    if not changed:
        return Collected(None, (), ignored)
    return Collected(commits.create(repo, tree, worktree.base, message), changed, ignored)


def without(repo: Repository, base: str, commit: str, paths: Collection[str]) -> str | None:
    """The result ``commit`` with ``paths`` as they are in ``base``; ``None`` if no change is left.

    A file that is put back takes its place back from what the result has there (a folder for a file, or the reverse).
    """
    (changed,) = changes.diff_many(repo, base, [commit])
    back = {change.path: (change.old_mode, change.old_oid) for change in changed if change.path in set(paths)}
    if not back:
        return commit if changed else None
    store = objects.of(repo)
    tree = trees.overlay(store, store.tree_of(commit), back)
    if not changes.diff_many(repo, base, [tree])[0]:
        return None
    return commits.create(repo, tree, base, commits.message(repo, commit), commits.date(repo, commit))


def _not_results(repo: Repository, worktree: Worktree, given: Collection[str]) -> set[str]:
    """What was provisioned and is not ignored here: a link to a folder, where the rule speaks of folders only.

    A path that was only named, not recorded, must be a link to the user's: an agent may have made a file of that name.
    """
    recorded = set(worktrees.provisions(repo, worktree))
    links = {path for path in given if _links_to(worktree.path / path, repo.root / path)}
    return recorded | links


def _links_to(path: os.PathLike[str], goal: os.PathLike[str]) -> bool:
    return os.path.islink(path) and os.readlink(path) == os.fspath(goal)  # noqa: PTH114, PTH115 - texts are compared


def _left_out(view: View, staged: staging.Staged, known: Collection[str], given: Collection[str]) -> tuple[str, ...]:
    names = ignored_entries(view.git(*LIST_IGNORED).out)
    patterns = pathspec.GitIgnoreSpec.from_lines(
        "/" + pattern.removeprefix("./").removeprefix("/") for pattern in known
    )
    new = [name for name in names if not staging.is_below(name, given) and not patterns.match_file(name)]
    impossible = sorted({*staged.nested, *staged.moved, *staged.special, *staged.refused, *staged.closed})
    return (*impossible, *new)[:_MOST_IGNORED]
