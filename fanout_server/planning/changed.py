"""An item like ``changes: main..HEAD``: what changed there, folder by folder, or file by file."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import attrs

from fanout_server.planning.paths import Candidate, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanout_server.model import Changes
    from fanout_server.planning.positions import Line
    from fanout_server.planning.workspace import Workspace

WORD = "changes"
_ITEM = re.compile(WORD + r":[ \t]+(?P<range>[^\s:]+\.\.\.?[^\s:]*)(?::[ \t]+(?P<note>.*))?")


def read_item(line: Line) -> Candidate | None:
    """``changes: A..B`` or ``changes: A..B: note``; ``None`` for anything else."""
    found = _ITEM.fullmatch(line.text.strip())
    if found is None:
        return None
    start = line.start + len(line.text) - len(line.text.lstrip())
    note = found["note"]
    return Candidate(
        found["range"],
        start,
        start + found.end("range"),
        note=(note or "").strip(),
        kind=Kind.CHANGES,
        note_start=None if note is None else start + found.start("note"),
    )


def by_file(changes: Changes, workspace: Workspace) -> dict[str, Changes]:
    """Of the files that are still there."""
    there = set(workspace.files)
    return {path: attrs.evolve(changes, paths=(path,)) for path in changes.paths if path in there}


def by_folder(changes: Changes, workspace: Workspace) -> dict[str, Changes]:
    """Those right in a folder together. What lay in a folder that is gone goes with the next one that is not."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in changes.paths:
        found[next(_there(path, workspace))].append(path)
    return {folder: attrs.evolve(changes, paths=tuple(paths)) for folder, paths in found.items()}


def _there(path: str, workspace: Workspace) -> Iterator[str]:
    while path:
        path = posixpath.dirname(path)
        if path in workspace.folders:
            yield path
    yield "."


def written(changes: Changes, note: str) -> str:
    """As an item that is read again."""
    item = f"{WORD}: {changes.written}"
    return f"{item}: {note}" if note else item
