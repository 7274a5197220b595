"""Files of a folder into the object store, as ``git add`` would take them, through an index of only those files.

Filters, line ends, encodings, identity keywords, modes and links are git's own business: it gets the paths, and what
the user's index has for them, on which line ends and modes depend. The rest of a large index it need not read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from attrs import field, frozen

from fanout_server.repo import git, index_file, staging
from fanout_server.repo.index import View, temporary_folder
from fanout_server.repo.index_file import Entry
from fanout_server.repo.repository import Repository


@frozen
class Hashed:
    """``entries`` by path. Names in ``refused`` git forbids; what else is missing is not there any more."""

    entries: Mapping[str, Entry] = field(factory=dict)
    refused: tuple[str, ...] = ()


def store(repo: Repository, folder: Path, paths: Collection[str], known: Mapping[str, Entry]) -> Hashed:
    """Files as they lie in ``folder``. ``known`` are entries for them, and for attribute files that lie nowhere.

    Raises UnreadableFile, which names the file, and GitFailed.
    """
    if not paths:
        return Hashed()
    digits = len(repo.blank_oid)
    wanted = sorted(paths)
    with temporary_folder(repo) as place:
        small = View(repo, folder, place / "index")
        index_file.write(small.index, known, digits)
        done = small.update("--add", "--remove", "--replace", paths=wanted)
        if done.code != 0:
            raise staging.unreadable(folder, wanted, git.failure(("update-index",), done))
        entries = index_file.read(small.index, digits)
    refused = (path for path in wanted if path not in entries and os.path.lexists(folder / path))
    return Hashed({path: entries[path] for path in wanted if path in entries}, tuple(refused))
