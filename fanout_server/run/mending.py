"""Conflicts that an agent was asked about: what it made of them is told as any step beyond git's own. Blocking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve

from fanout_server.apply import automatic
from fanout_server.apply.conflicts import CODE
from fanout_server.merging import checks
from fanout_server.model import Finding, Plan
from fanout_server.repo import commits, objects, trees
from fanout_server.repo.repository import Repository
from fanout_server.run.integrate import Integration

_MARKER = re.compile(rb"^(<{7}|>{7}|\|{7})( |\r?$)", re.MULTILINE)


def settle(
    repository: Repository, plan: Plan, results: Mapping[str, str], merged: Integration, sides: Path | None
) -> Integration:
    """Findings of conflicts that a repair has brought to an end become those of automatic steps, with their sides.

    One stays where the repair changed nothing, or left conflict markers. What else may be wrong with it the review
    finds. Raises GitFailed.
    """
    findings = list(merged.findings)
    titles = {unit.id: unit.title for unit in plan.units}
    for unit in plan.units:
        mends = unit.mends
        if mends is None or mends.code != CODE or unit.id not in results:
            continue
        began = commits.parent(repository, results[unit.id])
        for number, found in enumerate(findings):
            if (found.code, found.path, found.units) == (CODE, mends.path, mends.units) and began is not None:
                step = _step(repository, found, results, began, merged.merged)
                findings[number] = found if step is None else automatic.finding(step, titles, sides)
    return evolve(merged, findings=tuple(findings))


def _step(
    repository: Repository, found: Finding, results: Mapping[str, str], began: str, merged: str
) -> automatic.Step | None:
    unit, path = found.units[0], found.path or ""
    if unit not in results:
        return None
    origin = commits.parent(repository, results[unit])
    base, before, alone, after = (
        b"" if commit is None else _read(repository, commit, path) for commit in (origin, began, results[unit], merged)
    )
    if after == before or len(_MARKER.findall(after)) > max(len(_MARKER.findall(one)) for one in (before, alone)):
        return None
    whole = checks.keeps_all(*(one.decode("utf-8", "replace") for one in (base, before, alone, after)))
    way = "agent" if whole else "agent, not word for word"
    return automatic.Step(path, unit, found.units[1:], way, "low", before, alone, after)


def _read(repository: Repository, commit: str, path: str) -> bytes:
    """Nothing for what is not there."""
    store = objects.of(repository)
    entry = trees.lookup(store, store.tree_of(commit), path)
    return b"" if entry is None else store.read_blob(entry.oid)
