"""A file as a run found it and as it made it, and which unit a line that the user has now came from. Blocking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from attrs import frozen

from fanout_server.model import FanoutError, RunState, RunView, UnitView
from fanout_server.repo import commits, objects, trees
from fanout_server.repo.changes import GITLINK
from fanout_server.repo.hunks import hunks
from fanout_server.repo.repository import Repository
from fanout_server.review.merged import changed, decode

BEFORE, AFTER = "before", "after"

_LINKS = frozenset({0o120000, GITLINK})
_LONGEST = 4_000_000
# One who applied more has most of their lines from the last of them.
_MOST_RUNS = 20


@frozen
class Origin:
    """Lines ``start`` up to ``end`` (without it) came from these units of the run."""

    run: RunView
    units: tuple[UnitView, ...]
    start: int
    end: int


def side(repository: Repository, view: RunView, unit: UnitView | None, which: str, path: str) -> str:
    """The text of a file of the checkout, empty where it was not there. Raises FanoutError where there is no result."""
    result = view.merged if unit is None else unit.result
    if result is None:
        who = f"Run {view.id}" if unit is None else f"Unit {unit.id} of run {view.id}"
        raise FanoutError(f"{who} has no result to show.")
    start = view.base if unit is None else commits.parent(repository, result) or view.base
    data = _read(repository, start if which == BEFORE else result, path)
    text = decode(data)
    if data is not None and text is None:
        return "This file is no text.\n"
    return text or ""


def origins(repository: Repository, views: Iterable[RunView], path: str, now: str) -> tuple[Origin, ...]:
    """Of the file at ``path`` that holds ``now``. Of two runs that made the same line the newest counts."""
    if len(now) > _LONGEST:
        return ()
    made = [view for view in views if view.state is RunState.APPLIED and path in view.owners][:_MOST_RUNS]
    found: dict[int, tuple[RunView, tuple[str, ...]]] = {}
    for view in made:
        for line, units in _lines(repository, view, path, now):
            found.setdefault(line, (view, units))
    return tuple(_joined(found))


def _joined(found: Mapping[int, tuple[RunView, tuple[str, ...]]]) -> Iterator[Origin]:
    """Lines that follow each other and came from the same are one."""
    for _, same in groupby(
        enumerate(sorted(found)), lambda one: (one[1] - one[0], found[one[1]][0].id, found[one[1]][1])
    ):
        lines = [line for _, line in same]
        view, units = found[lines[0]]
        yield Origin(view, tuple(one for one in view.units if one.id in units), lines[0], lines[-1] + 1)


def _lines(repository: Repository, view: RunView, path: str, now: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    before, after = _read(repository, view.base, path), _read(repository, view.merged, path)
    if after is None or max(len(after), len(before or b"")) > _LONGEST:
        return
    units = view.owners[path]
    results = {one.id: one.result for one in view.units}
    versions = {unit: _read(repository, results.get(unit), path) for unit in units if len(units) > 1}
    made = changed(path, before, after, units, versions)
    places = _moved(made.after or "", now)
    for line, of in made.added.items():
        if line in places:
            yield places[line], of


def _moved(old: str, new: str) -> dict[int, int]:
    """Where each line of ``old`` that is still there stands in ``new``."""
    # Editors tell of line ends in their own way.
    old, new = old.replace("\r\n", "\n"), new.replace("\r\n", "\n")
    places: dict[int, int] = {}
    at = shift = 0
    for hunk in hunks(old.encode("utf-8", "surrogatepass"), new.encode("utf-8", "surrogatepass")):
        places.update((line, line + shift) for line in range(at, hunk.old_start))
        at = hunk.old_start + hunk.old_lines
        shift = hunk.new_start + hunk.new_lines - at
    places.update((line, line + shift) for line in range(at, old.count("\n") + 1))
    return places


def _read(repository: Repository, commit: str | None, path: str) -> bytes | None:
    if commit is None:
        return None
    store = objects.of(repository)
    entry = trees.lookup(store, store.tree_of(commit), path)
    return None if entry is None or entry.mode in _LINKS or entry.mode == trees.FOLDER else store.read_blob(entry.oid)
