"""Entries that are the same are made one; entries that share a file are pointed out."""

from __future__ import annotations

import itertools
import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING

from fanout_server.model import Finding, Related, Severity
from fanout_server.planning import targets
from fanout_server.planning.paths import Kind

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from fanout_server.model import Range, Unit
    from fanout_server.planning.targets import Entry, Found, Request

_NAMED = 5
# In a glob that has none of these, every character stands for itself.
_MEANS_MORE = frozenset("*?[]\\!# \t\r\n")


def merge(found: Sequence[Found], source: str | None) -> tuple[tuple[Entry, ...], list[Finding]]:
    """The entries in order, each once, and a ``preflight/duplicate`` for every request that named others' again.

    What was named itself stands before what a glob or folder came to: ``orders.ts: and refunds`` beside ``src/**`` is
    one unit, with its note. Two different notes on one target are two units; so are two items that mention one file.
    """
    named = {_key(entry) for one in found if not one.expanded for entry in one.entries}
    kept: dict[tuple[Hashable, str, str], Entry] = {}
    again: dict[int, list[Entry]] = defaultdict(list)
    for number, one in enumerate(found):
        for entry in one.entries:
            gives_way = one.expanded and not entry.note and _key(entry) in named
            identity = (_key(entry), entry.note, _words(one.request))
            if gives_way or identity in kept:
                again[number].append(entry)
            else:
                kept[identity] = entry
    return tuple(kept.values()), _duplicates(found, again, kept.values(), source)


def _key(entry: Entry) -> Hashable:
    return ("text", entry.item) if entry.target is None else (entry.target, entry.folder, entry.changes)


def _words(request: Request) -> str:
    """What an item says besides the name of the file that it mentions."""
    candidate = request.candidate
    is_mention = candidate is not None and candidate.kind is Kind.MENTION and candidate.text != request.item
    return request.item if is_mention else ""


def _duplicates(
    found: Sequence[Found], again: dict[int, list[Entry]], kept: Iterable[Entry], source: str | None
) -> list[Finding]:
    if not again:
        return []
    first = {_key(entry): entry for entry in reversed(list(kept))}
    findings: list[Finding] = []
    for number, entries in again.items():
        request = found[number].request
        names = ", ".join(_name(entry) for entry in entries[:_NAMED])
        more = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
        through = f" through {request.item}" if found[number].expanded else ""
        message = f"{names}{more} {'is' if len(entries) == 1 else 'are'} named more than once{through}: one unit each."
        related = _elsewhere(source, first[_key(entries[0])].range, "named here first")
        where = source if request.range is not None else _path(entries[0])
        findings.append(
            Finding("preflight/duplicate", Severity.WARNING, message, where, request.range, related=related)
        )
    return findings


def shared_files(entries: Sequence[Entry], source: str | None) -> list[Finding]:
    """A ``preflight/shared-file`` for every file or folder that several units work on."""
    by_path: dict[str, list[Entry]] = defaultdict(list)
    folders = {
        entry.target.path for entry in entries if entry.target is not None and entry.folder and not entry.is_part
    }
    for entry in entries:
        if entry.target is not None:
            by_path[entry.target.path].append(entry)
    findings: list[Finding] = []
    for path, sharing in by_path.items():
        around = next((folder for folder in targets.ancestors(path) if folder in folders), None) if folders else None
        if len(sharing) > 1 and not _apart(sharing):
            findings.append(_shared(f"{len(sharing)} units work on {path}", sharing, source))
        if around is not None:
            findings.append(_shared(f"One unit works on {path}, another on the folder {around}", sharing[-1:], source))
    return findings


def owned_twice(units: Sequence[Unit], source: str | None, place: Range | None) -> list[Finding]:
    """An error for every file that two units own by its name: one's would replace the other's.

    A wildcard or a folder may be shared, and so may a file of which each unit has a part of its own. ``place`` is that
    of the option ``owns``.
    """
    owners: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        for path in dict.fromkeys(glob.removeprefix("/") for glob in unit.owns or () if _is_a_file(glob)):
            owners[path].append(unit)
    return [
        Finding(
            "preflight/shared-file",
            Severity.ERROR,
            f"{len(those)} units own {path}: {_ids(those)}. Only one can write it. Put a variable like {{dir}} into"
            " 'owns' that tells them apart, or make them one item.",
            source,
            place,
            tuple(unit.id for unit in those),
        )
        for path, those in owners.items()
        if len(those) > 1 and not _have_parts(path, those)
    ]


def _is_a_file(glob: str) -> bool:
    """By its words: a name with an ending, and nothing in it that may stand for something else."""
    return _MEANS_MORE.isdisjoint(glob) and "." in posixpath.basename(glob).lstrip(".")


def _have_parts(path: str, units: Sequence[Unit]) -> bool:
    """Whether each unit's target is a part of that file, and no two of the parts overlap."""
    places = [unit.targets[0].range for unit in units if unit.targets and unit.targets[0].path == path]
    parts = sorted((one for one in places if one is not None), key=lambda one: (one.start, one.end))
    return len(parts) == len(units) and all(one.end <= after.start for one, after in itertools.pairwise(parts))


def _ids(units: Sequence[Unit]) -> str:
    more = f" and {len(units) - _NAMED} more" if len(units) > _NAMED else ""
    return ", ".join(unit.id for unit in units[:_NAMED]) + more


def _apart(sharing: Sequence[Entry]) -> bool:
    """Whether they work on parts of the file of which no two overlap."""
    places = [entry.target.range for entry in sharing if entry.target is not None and entry.target.range is not None]
    places.sort(key=lambda place: (place.start, place.end))
    return len(places) == len(sharing) and all(one.end <= after.start for one, after in itertools.pairwise(places))


def _shared(what: str, sharing: Sequence[Entry], source: str | None) -> Finding:
    message = f"{what}. Where their changes do not fit together, one is left out with a finding."
    last = sharing[-1]
    related = _elsewhere(source, sharing[0].range, "also worked on here") if len(sharing) > 1 else ()
    where = source if last.range is not None else _path(last)
    return Finding("preflight/shared-file", Severity.WARNING, message, where, last.range, related=related)


def _elsewhere(source: str | None, place: Range | None, message: str) -> tuple[Related, ...]:
    return () if source is None or place is None else (Related(source, message, place),)


def _name(entry: Entry) -> str:
    return entry.item if entry.target is None else targets.label(entry.target)


def _path(entry: Entry) -> str | None:
    return None if entry.target is None else entry.target.path
