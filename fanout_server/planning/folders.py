"""A unit for each folder: where only files are named, those that lie in one folder are one unit."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Sequence

import attrs

from fanout_server.model import Target
from fanout_server.planning import targets
from fanout_server.planning.targets import Entry, Found
from fanout_server.planning.workspace import Workspace


def group(found: Sequence[Found], workspace: Workspace) -> tuple[Found, ...]:
    """As they are where a folder is named too, or what is no file; else the files' folders in their place.

    The note of a unit says which files of its folder are meant, unless all are.
    """
    entries = [entry for one in found for entry in one.entries]
    if any(entry.folder or entry.target is None for entry in entries):
        return tuple(found)
    by_folder: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.target is not None:
            by_folder[posixpath.dirname(entry.target.path) or "."].append(entry)
    grouped: list[Found] = []
    for one in found:
        folders = dict.fromkeys(
            posixpath.dirname(entry.target.path) or "." for entry in one.entries if entry.target is not None
        )
        # A folder stands where its first file was named.
        made = [_folder(folder, by_folder.pop(folder), workspace) for folder in folders if folder in by_folder]
        grouped.append(attrs.evolve(one, entries=tuple(made)))
    return tuple(grouped)


def _folder(path: str, entries: Sequence[Entry], workspace: Workspace) -> Entry:
    named = dict.fromkeys(targets.label(entry.target) for entry in entries if entry.target is not None)
    notes = [f"{_short(targets.label(entry.target))}: {entry.note}" for entry in entries if entry.target and entry.note]
    # Places in files are no files below the folder.
    is_part = not named.keys() >= set(workspace.below(path))
    if is_part:
        notes.insert(0, f"only these files right in it: {', '.join(map(_short, named))}")
    return Entry(Target(path), path, "\n".join(notes), entries[0].range, folder=True, is_part=is_part)


def _short(label: str) -> str:
    return posixpath.basename(label)
