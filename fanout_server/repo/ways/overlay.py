"""An overlay for each worktree over the pristine checkout: it costs a mount, and the disk that is written.

The mount is made by whoever works in the worktree, for itself and its children, and is gone with them. What was written
lies in the worktree's upper folder, from where it is collected, and mounted again for whoever comes next.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from fanout_server.model import Finding
from fanout_server.mounting import spaces
from fanout_server.mounting.overlay import marks
from fanout_server.repo import (
    checkout,
    deleting,
    emptying,
    entries,
    git,
    objects,
    pristine,
    provisioning,
    room,
    setups,
    trees,
    usage,
    worktrees,
)
from fanout_server.repo.pristine import Pristine
from fanout_server.repo.repository import Repository
from fanout_server.repo.setups import Layer
from fanout_server.repo.sourcing import News, Wanted
from fanout_server.repo.worktrees import Layers, Worktree


def why_not(repo: Repository, state: Path) -> str | None:
    """Tries a mount in each of the two folders where worktrees have layers; what the system says against it."""
    homes = [
        folder / f"{emptying.TRY}{secrets.token_hex(8)}" for folder in (pristine.trash(state), worktrees.trash(repo))
    ]
    try:
        return spaces.try_out(*homes)
    except OSError as error:
        if room.is_full(error):
            # That says nothing about overlays.
            raise
        return str(error)
    finally:
        for home in homes:
            deleting.delete(home)


class OverlaySource:
    """Worktrees of one base, as overlays."""

    shares_setup = True
    needs = usage.NOTHING

    def __init__(self, repo: Repository, state: Path, base: str, wanted: Wanted) -> None:
        """Makes or renews the pristine checkout, which takes as long as a checkout the first time.

        Raises GitFailed, WorktreeFailed, OSError.
        """
        self.base = base
        self._repo = repo
        self._news = News()
        self._pristine = Pristine(repo, state)
        try:
            tree = objects.of(repo).tree_of(base)
            self._ground = self._pristine.layered(tree, marks())
            self._own = self._pristine.own_folder()
            try:
                self._shared: tuple[Path, ...] = self._provide(tree, wanted)
            except BaseException:
                self._pristine.drop(self._own)
                raise
        except BaseException:
            self._pristine.close()
            raise
        self._binds: tuple[Path, ...] = ()
        self._covered = (pristine.root(state), state / "worktrees")
        self._covered[1].mkdir(mode=0o700, exist_ok=True)

    def _provide(self, tree: str, wanted: Wanted) -> tuple[Path, ...]:
        """A layer of what git ignores and the worktrees should have all the same."""
        if not wanted.copy and not wanted.link:
            return ()
        store = objects.of(self._repo)

        def mode_below(path: str) -> int:
            entry = trees.lookup(store, tree, path)
            return entry.mode if entry is not None else 0

        folder = self._own / "provided"
        folder.mkdir()
        _, findings = provisioning.provision(self._repo, folder, wanted.copy, wanted.link, mode_below)
        self._news.add(findings)
        return (folder,)

    def create(self, path: Path, reason: str, start: str | None = None) -> Worktree:
        """See ``Source.create``."""
        repo = self._repo
        place = worktrees.free_place(path)
        home = worktrees.layers_of(place)
        worktrees.note(repo, place)
        admin = entries.make(repo, place, start or self.base, reason)
        layers = Layers(
            lowers=(*self._shared, *self._ground.lowers),
            upper=home / "upper",
            entry=self._ground.entry,
            works=(home / "work", repo.state_dir / "works" / admin.name),
            covered=self._covered,
            rules=self._pristine.rules,
            binds=tuple((place, target) for target in self._binds),
        )
        worktree = Worktree(place, admin, self.base, layers)
        try:
            for folder in (layers.upper, *layers.works):
                folder.mkdir(parents=True)
            # A submodule's is there already: an empty folder.
            place.mkdir(parents=True, exist_ok=True)
            # In the layer for those who work in it; in the empty folder for whoever looks from outside.
            entries.link(layers.upper, admin)
            entries.link(place, admin)
            if start is not None and start != self.base:
                self._bring_to(worktree, start)
        except BaseException:
            worktrees.remove(repo, worktree)
            raise
        return worktree

    def adopt(self, worktree: Worktree, key: str | None = None) -> None:
        """See ``Source.adopt``."""
        layer = self._own / f"adopted-{len(self._binds)}"
        worktree.written.rename(layer)
        (layer / ".git").unlink(missing_ok=True)
        worktrees.remove(self._repo, worktree)
        kept = None
        if key is not None:
            kept = setups.keep(self._repo, layer, self._kept(key), self._ground.tree, worktree.path)
        self._share(kept or Layer(layer, worktree.path))

    def reuse(self, key: str) -> bool:
        """See ``Source.reuse``."""
        layer = setups.find(self._repo, self._kept(key), self._ground.tree)
        if layer is not None:
            self._share(layer)
        return layer is not None

    def _kept(self, key: str) -> Path:
        return self._pristine.kept_folder(f"{key}-{marks()}")

    def _share(self, layer: Layer) -> None:
        """What was installed may know its place by name, so it is found there, too."""
        self._shared = (layer.folder, *self._shared)
        self._binds = (*self._binds, layer.made_at)

    def give_back(self, worktree: Worktree) -> None:
        """See ``Source.give_back``."""
        worktrees.remove(self._repo, worktree)

    def news(self) -> tuple[Finding, ...]:
        """See ``Source.news``."""
        return self._news.take()

    def close(self) -> None:
        """See ``Source.close``."""
        self._pristine.drop(self._own)
        self._pristine.close()

    def _bring_to(self, worktree: Worktree, start: str) -> None:
        arguments = ("read-tree", "-m", "-u", self.base, start)
        git.run(worktree.path, *checkout.SETTINGS, *arguments, env=checkout.ENVIRONMENT, space=worktree.space)
