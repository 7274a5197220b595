"""Results of units, made without any worktree."""

from __future__ import annotations

from collections.abc import Mapping

from fanout_server.repo import blobs, objects, trees
from fanout_server.repo.merge import Merged, merge
from fanout_server.repo.repository import Repository
from fanout_server.repo.unmerged import Settle

PLAIN = 0o100644

Files = Mapping[str, tuple[int, bytes] | str | None]


class Units:
    """Makes results on the first commit of a repository: path -> text, (mode, bytes) or ``None`` for deleted."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        head = repo.head()
        assert head is not None
        self.base = head

    def on(self, files: Files) -> str:
        entries: dict[str, tuple[int, str | None]] = {}
        for path, given_ in files.items():
            if given_ is None:
                entries[path] = (0, None)
            else:
                mode, data = (PLAIN, given_.encode()) if isinstance(given_, str) else given_
                entries[path] = (mode, blobs.write(self.repo, [data])[0])
        store = objects.of(self.repo)
        tree = trees.overlay(store, store.tree_of(self.base), entries)
        made = self.repo.git("commit-tree", tree, "-p", self.base, "-m", "unit")
        return made.out.decode().strip()

    def merge(self, *, settle: Settle | None = None, **units: Files) -> Merged:
        return merge(self.repo, self.base, [(unit, self.on(files)) for unit, files in units.items()], settle)
