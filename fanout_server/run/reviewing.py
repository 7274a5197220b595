"""The checks of a run's merged result: what of it they are given, for how long, and what they found."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import anyio.to_thread

from fanout_server.model import Finding, Plan, Severity
from fanout_server.repo import blobs, changes, objects, searching, trees
from fanout_server.repo.changes import Change
from fanout_server.repo.repository import Repository
from fanout_server.review import checks, facts, outputs, secrets
from fanout_server.review.material import CODE, Material
from fanout_server.review.merged import Changed, changed
from fanout_server.run.integrate import Integration
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.worker import Worker

SECONDS = 60.0
"""For all checks of one run."""

# Of its own: what an editor asks the shared one for is not to wait until all of a run is read.
PROCESSES = (Worker(), Worker())

_MOST_FILES = 10_000
_MOST_BYTES = 4_000_000
_LINKS = frozenset({0o120000, changes.GITLINK})


for _process in PROCESSES:
    atexit.register(_process.close)


def warm() -> None:
    """Starts the first process, to be called while agents still work: it takes longer than a small review. Blocking."""
    # Whatever is wrong with it the review will meet, and tell.
    with contextlib.suppress(Unreadable):
        facts.ready(PROCESSES[0])
        secrets.ready(PROCESSES[0])


async def review(
    repository: Repository, base: str, plan: Plan, results: Mapping[str, str], integration: Integration
) -> tuple[Finding, ...]:
    """Nothing where the plan wants none. Raises GitFailed."""
    if plan.options.review == "none":
        return ()
    # Left alone at once where the run is interrupted: it only reads, and its time is limited.
    return await anyio.to_thread.run_sync(
        look, repository, base, plan, results, integration, SECONDS, abandon_on_cancel=True
    )


def look(
    repository: Repository,
    base: str,
    plan: Plan,
    results: Mapping[str, str],
    integration: Integration,
    seconds: float,
) -> tuple[Finding, ...]:
    """As ``review``; blocking."""
    titles = {unit.id: unit.title for unit in plan.units}
    found = [*outputs.find(plan.units, _named_sizes(repository, plan, results))]
    every = [
        one for one in changes.diff(repository, base, integration.merged) if not _LINKS & {one.old_mode, one.new_mode}
    ]
    if len(every) > _MOST_FILES:
        message = f"The review looked at the first {_MOST_FILES:,} of {len(every):,} changed files."
        found.append(Finding(CODE, Severity.INFORMATION, message))
    found_files, large = files(repository, results, integration, every[:_MOST_FILES])
    material = Material(found_files, titles, _Base(repository, base, integration.merged), PROCESSES, seconds)
    for path in large:
        material.skip(path, f"is larger than {_MOST_BYTES // 1_000_000} MB", integration.owners.get(path, ()))
    found += checks.run(material)
    return tuple(dict.fromkeys(found))


class _Base:
    """See ``material.Tree``."""

    def __init__(self, repository: Repository, base: str, merged: str) -> None:
        self._repository = repository
        self._base = base
        self._merged = merged

    @cached_property
    def _oids(self) -> Mapping[str, str]:
        return _files_of(self._repository, self._base)

    @cached_property
    def _merged_oids(self) -> Mapping[str, str]:
        return _files_of(self._repository, self._merged)

    def paths(self) -> Sequence[str]:
        return tuple(self._oids)

    def read(self, paths: Sequence[str]) -> list[bytes]:
        return blobs.read(self._repository, [(self._oids[path], path) for path in paths], filters=False)

    def naming(self, word: str) -> Sequence[str]:
        return [path for path in searching.naming(self._repository, self._merged, word) if path in self._merged_oids]

    def read_merged(self, paths: Sequence[str]) -> list[bytes]:
        return blobs.read(self._repository, [(self._merged_oids[path], path) for path in paths], filters=False)


def _files_of(repository: Repository, commit: str) -> dict[str, str]:
    store = objects.of(repository)
    return {path: entry.oid for path, entry in trees.walk(store, store.tree_of(commit)) if entry.mode not in _LINKS}


def files(
    repository: Repository, results: Mapping[str, str], integration: Integration, every: Sequence[Change]
) -> tuple[list[Changed], list[str]]:
    """The changed files with their texts, and the names of those that are too large for that."""
    store = objects.of(repository)
    made = {unit: store.tree_of(commit) for unit, commit in results.items()}
    files: list[Changed] = []
    large: list[str] = []
    for one in every:
        sides = [None if oid is None else store.read_blob(oid) for oid in (one.old_oid, one.new_oid)]
        if max(len(side or b"") for side in sides) > _MOST_BYTES:
            large.append(one.path)
            continue
        units = integration.owners.get(one.path, ())
        versions: dict[str, bytes | None] = {}
        for unit in units if len(units) > 1 else ():
            entry = trees.lookup(store, made[unit], one.path) if unit in made else None
            versions[unit] = None if entry is None or entry.mode in _LINKS else store.read_blob(entry.oid)
        files.append(changed(one.path, sides[0], sides[1], units, versions))
    return files, large


def _named_sizes(repository: Repository, plan: Plan, results: Mapping[str, str]) -> dict[str, dict[str, int | None]]:
    store = objects.of(repository)
    sizes: dict[str, dict[str, int | None]] = {}
    for unit in plan.units:
        commit = results.get(unit.id)
        if commit is None:
            continue
        tree = store.tree_of(commit)
        named = {path: trees.lookup(store, tree, path) for path in outputs.named_files(unit)}
        sizes[unit.id] = {
            path: None
            if entry is None
            else 1
            if entry.mode in _LINKS or entry.mode == trees.FOLDER
            else len(store.read_blob(entry.oid))
            for path, entry in named.items()
        }
    return sizes
