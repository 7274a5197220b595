"""What a run's ``setup`` left is kept as a layer, for later runs, as long as the files that it depends on are the same.

A layer is kept only if it adds: what it lays over tracked files is true for one base alone. It is used again only where
the new base has nothing in its places.

    setups/<key>/upper   the layer      setups/<key>/path    where it was mounted when it was made
    setups/<key>/roots   the topmost paths that it adds, each with a NUL after it
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pathspec
from attrs import frozen

from fanout_server.repo import objects, trees
from fanout_server.repo.objects import Objects
from fanout_server.repo.repository import Repository
from fanout_server.repo.trees import FOLDER

MOST_KEPT = 3


@frozen
class Layer:
    """``made_at`` is the path under which what was installed may know itself."""

    folder: Path
    made_at: Path


def key_of(repo: Repository, base: str, globs: Sequence[str], more: Collection[bytes]) -> str:
    """A name for all that decides what a setup leaves: the files that match (gitignore-style, from the top), and
    ``more``. Raises GitFailed.
    """
    store = objects.of(repo)
    patterns = pathspec.GitIgnoreSpec.from_lines("/" + glob.removeprefix("./").removeprefix("/") for glob in globs)
    digest = hashlib.sha256()
    for piece in more:
        digest.update(piece + b"\0")
    for path, entry in trees.walk(store, store.tree_of(base)):
        if patterns.match_file(path):
            digest.update(os.fsencode(f"{path}\n{entry.mode:o} {entry.oid}") + b"\0")
    return digest.hexdigest()[:24]


def find(repo: Repository, kept: Path, tree: str) -> Layer | None:
    """The kept layer, if it may lie over ``tree``."""
    if not (kept / "roots").is_file():
        return None
    roots = [os.fsdecode(name) for name in (kept / "roots").read_bytes().split(b"\0") if name]
    store = objects.of(repo)
    if any(trees.lookup(store, tree, root) is not None for root in roots):
        return None
    os.utime(kept)
    return Layer(kept / "upper", Path(os.fsdecode((kept / "path").read_bytes())))


def keep(repo: Repository, made: Path, kept: Path, tree: str, made_at: Path) -> Layer | None:
    """Moves the layer ``made`` over ``tree`` to ``kept``; ``None`` where it changes what ``tree`` has, or is there."""
    roots = list(_roots(objects.of(repo), tree, made))
    if None in roots or kept.exists():
        return None
    kept.mkdir(parents=True)
    made.rename(kept / "upper")
    (kept / "path").write_bytes(bytes(made_at))
    # Last: without it the layer is none.
    (kept / "roots").write_bytes(b"".join(os.fsencode(root) + b"\0" for root in roots if root is not None))
    return Layer(kept / "upper", made_at)


def _roots(store: Objects, tree: str, layer: Path) -> Iterator[str | None]:
    """The topmost paths that a layer adds, and ``None`` for each that it changes or deletes."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        for one in os.scandir(layer / folder):
            path = f"{folder}/{one.name}" if folder else one.name
            below = trees.lookup(store, tree, path)
            mode = one.stat(follow_symlinks=False).st_mode
            if below is None:
                if not stat.S_ISCHR(mode):
                    yield path
            elif below.mode == FOLDER and stat.S_ISDIR(mode):
                waiting.append(path)
            else:
                yield None
