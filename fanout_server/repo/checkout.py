"""How the files of a tree are written to disk for a worktree, whoever writes them."""

from __future__ import annotations

from collections.abc import Iterable

from fanout_server.repo.trees import Change

SETTINGS = (
    # In one way whatever the user set: no submodule is fetched, and each core writes (0 workers: as many as cores).
    *("-c", "submodule.recurse=false"),
    *("-c", "checkout.workers=0"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "index.sparse=false"),
    # The one that index_states.py reads, whatever the user chose.
    *("-c", "index.version=2"),
    # Large files that are not at hand stay pointers: a checkout of ours downloads nothing.
    *("-c", "lfs.url=file:///nowhere"),
)
"""Options for git's own line."""

ENVIRONMENT = {"GIT_LFS_SKIP_DOWNLOAD_ERRORS": "1"}


def turns_others(changed: Iterable[Change]) -> bool:
    """Whether files that did not change may have to be written in another way: their attributes did."""
    return any(change.path.rpartition("/")[2].lower() == ".gitattributes" for change in changed)
