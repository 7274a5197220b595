"""What an agent left becomes a result: one commit on the base, of the worktree as it stands."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pathspec
from attrs import frozen

from fanout_server.repo import changes, commits, entries, index, layered, objects, staging, trees, worktrees
from fanout_server.repo.changes import Change
from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.index import View
from fanout_server.repo.objects import Objects
from fanout_server.repo.repository import LIST_IGNORED, Repository, ignored_entries
from fanout_server.repo.rules import Rules
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


def collect(
    repo: Repository, worktree: Worktree, message: str, *, known: Collection[str] = (), since: str | None = None
) -> Collected:
    """The difference between the base and the files, whatever the agent did with git.

    ``since`` is a commit that counts instead of the base: the result is a commit on it, and its changes are from there.
    ``known`` are paths and globs of what the worktree was provisioned with; that is not the agent's work.
    The agent's index, HEAD, ``.git`` file and settings play no part: git gets the user's repository, the worktree's
    folder and an index of ours. Raises UnreadableFile, GitFailed.
    """
    store = objects.of(repo)
    with store.batch():
        tree, left_out = _take(repo, worktree, known)
        tree = _without_setup(repo, worktree, tree)
        parent = since or worktree.base
        changed = trees.diff(store, store.tree_of(parent), tree)
        if not changed:
            return Collected(None, (), left_out)
        return Collected(commits.create(repo, tree, parent, message), changed, left_out)


def settle(repo: Repository, worktree: Worktree, start: str) -> None:
    """To be called before the agent begins: what the files differ in from ``start`` by now is not its work.

    Raises UnreadableFile, GitFailed.
    """
    store = objects.of(repo)
    with store.batch():
        tree, _ = _take(repo, worktree, ())
    worktrees.remember(repo, worktree, "settled", f"{store.tree_of(start)} {tree}".encode())


def present(repo: Repository, path: Path, base: str) -> str:
    """The tree of what lies in the worktree at ``path`` at this moment, maybe while somebody writes there.

    Raises OSError or WorktreeFailed where it is gone, or goes on the way; UnreadableFile, GitFailed.
    """
    if worktrees.layers_of(path).is_dir():
        return layered.take(repo, base, path, Rules.of(repo)).tree
    if not (path / ".git").is_file():
        raise WorktreeFailed(f"{path} is gone")
    return _take(repo, Worktree(path, path, base), ())[0]


def _without_setup(repo: Repository, worktree: Worktree, tree: str) -> str:
    noted = worktrees.remembered(repo, worktree, "settled")
    if noted is None:
        return tree
    store = objects.of(repo)
    before, after = noted.decode().split()
    back = {
        change.path: (change.old_mode, change.old_oid)
        for change in trees.diff(store, before, after)
        if _state(store, tree, change.path) == (change.new_mode, change.new_oid)
    }
    return trees.overlay(store, tree, back)


def _state(store: Objects, tree: str, path: str) -> tuple[int, str | None]:
    entry = trees.lookup(store, tree, path)
    return (entry.mode, entry.oid) if entry is not None and entry.mode != trees.FOLDER else (0, None)


def _take(repo: Repository, worktree: Worktree, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The tree of the files as they lie there, and what is left out of it."""
    if worktree.layers is not None:
        layers = worktree.layers
        for one in (worktree, *worktree.all_inner):
            entries.drop_whiteouts(one.admin)
        taken = layered.take(repo, worktree.base, worktree.path, layers.rules, layers.entry)
        impossible = sorted({*taken.impossible, *_moved(worktree)})
        return taken.tree, (*impossible, *_unknown(taken.ignored, known))[:_MOST_IGNORED]
    given = {*worktrees.provisions(repo, worktree), *(path.removeprefix("./").rstrip("/") for path in known)}
    pristine = worktrees.pristine_index(repo, worktree)
    with index.view(repo, worktree.path, pristine) as view:
        if pristine is None:
            view.git("read-tree", worktree.base)
        staged = staging.stage(view, leave=_not_results(repo, worktree, given))
        tree = view.write_tree()
        return tree, _left_out(view, staged, known, given)


def _moved(worktree: Worktree) -> list[str]:
    """Submodules with a worktree of their own that stand on another commit by now."""
    moved = (inner for inner in worktree.inner if entries.head(inner.admin) != inner.base)
    return [str(inner.path.relative_to(worktree.path)) for inner in moved]


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
    names = [name for name in ignored_entries(view.git(*LIST_IGNORED).out) if not staging.is_below(name, given)]
    impossible = sorted({*staged.nested, *staged.moved, *staged.special, *staged.refused, *staged.closed})
    return (*impossible, *_unknown(names, known))[:_MOST_IGNORED]


def _unknown(names: Collection[str], known: Collection[str]) -> list[str]:
    patterns = pathspec.GitIgnoreSpec.from_lines(
        "/" + pattern.removeprefix("./").removeprefix("/") for pattern in known
    )
    return [name for name in names if not patterns.match_file(name)]
