"""An overlay for each worktree over the pristine checkout: it costs a mount, and the disk that is written.

The mount is made by whoever works in the worktree, for itself and its children, and is gone with them. What was written
lies in the worktree's upper folder, from where it is collected, and mounted again for whoever comes next.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


from fanout_server.mounting import spaces
from fanout_server.repo import checkout, deleting, entries, git, objects, pristine, worktrees
from fanout_server.repo.pristine import Pristine
from fanout_server.repo.repository import Repository
from fanout_server.repo.worktrees import Layers, Worktree


def why_not(repo: Repository, state: Path) -> str | None:
    """Tries a mount in each of the two folders where worktrees have layers; what the system says against it."""
    homes = [folder / f"try-{secrets.token_hex(8)}" for folder in (pristine.trash(state), worktrees.trash(repo))]
    try:
        return spaces.try_out(*homes)
    except OSError as error:
        return str(error)
    finally:
        for home in homes:
            deleting.delete(home)


class OverlaySource:
    """Worktrees of one base, as overlays. ``shared`` are layers that all of them have on top of the base."""

    def __init__(self, repo: Repository, state: Path, base: str) -> None:
        """Makes or renews the pristine checkout, which takes as long as a checkout the first time.

        Raises GitFailed, WorktreeFailed, OSError.
        """
        self.base = base
        self.shared: tuple[Path, ...] = ()
        self.binds: tuple[tuple[Path, Path], ...] = ()
        self._repo = repo
        self._pristine = Pristine(repo, state)
        try:
            tree = objects.of(repo).tree_of(base)
            self._ground = self._pristine.layered(tree, _kind_of_mount())
        except BaseException:
            self._pristine.close()
            raise
        self._covered = (pristine.root(state), state / "worktrees")

    def create(self, path: Path, reason: str, start: str | None = None) -> Worktree:
        """A worktree at ``path`` (not there yet), of the base, or of ``start`` where that is given.

        Raises WorktreeFailed, GitFailed, OSError.
        """
        repo = self._repo
        place = path.parent.resolve() / path.name
        home = worktrees.layers_of(place)
        worktrees.note(repo, place)
        admin = entries.make(repo, place, start or self.base, reason)
        works = (home / "work", repo.state_dir / "works" / admin.name)
        lowers = (*self.shared, *self._ground.lowers)
        layers = Layers(lowers, home / "upper", self._ground.entry, works, self._covered, self.binds)
        worktree = Worktree(place, admin, self.base, layers)
        try:
            for folder in (layers.upper, *works):
                folder.mkdir(parents=True)
            place.mkdir()
            # In the layer for those who work in it; in the empty folder for whoever looks from outside.
            entries.link(layers.upper, admin)
            entries.link(place, admin)
            if start is not None and start != self.base:
                self._bring_to(worktree, start)
        except BaseException:
            worktrees.remove(repo, worktree)
            raise
        return worktree

    def _bring_to(self, worktree: Worktree, start: str) -> None:
        arguments = ("read-tree", "-m", "-u", self.base, start)
        git.run(worktree.path, *checkout.SETTINGS, *arguments, env=checkout.ENVIRONMENT, space=worktree.space)

    def close(self) -> None:
        self._pristine.close()


def _kind_of_mount() -> str:
    """Root's mounts keep their marks in attributes that nobody else's mounts read."""
    return "root" if os.geteuid() == 0 else "user"
