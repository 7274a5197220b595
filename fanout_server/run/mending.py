"""Conflicts that an agent was asked about: what it made of them is told as any step beyond git's own. Blocking."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen

from fanout_server.apply import automatic
from fanout_server.apply.conflicts import CODE
from fanout_server.merging import checks
from fanout_server.model import Finding, Plan
from fanout_server.repo import commits, objects, refs, trees
from fanout_server.repo.repository import Repository
from fanout_server.run.integrate import Integration
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.worker import Worker

_MARKER = re.compile(rb"^(<{7}|>{7}|\|{7})( |\r?$)", re.MULTILINE)
_SECONDS = 10.0
_BOM = "\ufeff"


@frozen
class _Answer:
    """What a repair made of a file: ``made`` of ``before``. ``base`` and ``alone`` are those of the unit left out."""

    path: str
    base: bytes
    before: bytes
    alone: bytes
    made: bytes


def unfit(repository: Repository, plan: Plan, results: Mapping[str, str]) -> Mapping[str, str]:
    """The repairs that settle no conflict though they are done, and why not. Raises GitFailed."""
    found: dict[str, str] = {}
    with contextlib.closing(Worker(_SECONDS)) as worker:
        for unit in plan.units:
            answer = _answer(repository, unit.mends, results, results.get(unit.id))
            why = "" if answer is None else _why(answer, worker)
            if why:
                found[unit.id] = why
    return found


def taken(plan: Plan, results: Mapping[str, str], unfit: Mapping[str, str]) -> Mapping[str, str]:
    """The results that count. A repair that nobody asked for by himself does only where it settles something."""
    if plan.options.conflicts != "agent":
        return results
    return {unit: result for unit, result in results.items() if unit not in unfit}


def fit(repository: Repository, plan: Plan, results: Mapping[str, str]) -> Mapping[str, str]:
    """As ``taken``, of any results. Raises GitFailed."""
    return taken(plan, results, unfit(repository, plan, results))


def settle(
    repository: Repository,
    run: str,
    plan: Plan,
    results: Mapping[str, str],
    merged: Integration,
    sides: Path | None,
    unfit: Mapping[str, str],
) -> Integration:
    """Findings of conflicts that a repair has brought to an end become those of automatic steps, with their sides.

    One stays where the repair is ``unfit``, and says so where it is left out for that. What else may be wrong with it
    the review finds. Raises GitFailed.
    """
    findings = list(merged.findings)
    titles = {unit.id: unit.title for unit in plan.units}
    for unit in plan.units:
        mends = unit.mends
        if mends is None or mends.code != CODE:
            continue
        for number, found in enumerate(findings):
            if (found.code, found.path, found.units) != (CODE, mends.path, mends.units):
                continue
            if unit.id in unfit:
                if unit.id not in results:
                    findings[number] = _with_note(run, unit.id, found, unfit[unit.id])
                continue
            answer = _answer(repository, found, results, results.get(unit.id))
            step = None if answer is None else _step(repository, found, answer, merged.merged)
            findings[number] = found if step is None else automatic.finding(step, titles, sides)
    return evolve(merged, findings=tuple(findings))


def _with_note(run: str, repair: str, found: Finding, why: str) -> Finding:
    note = f" An agent was asked to bring both together, but {why}: left out, too, and kept in"
    return evolve(found, message=f"{found.message}{note} {refs.unit_ref(run, repair)}.")


def _answer(
    repository: Repository, conflict: Finding | None, results: Mapping[str, str], result: str | None
) -> _Answer | None:
    """``None`` where there is no repair of a conflict, or not all that it was made of."""
    if conflict is None or conflict.code != CODE or result is None or conflict.units[0] not in results:
        return None
    path, left_out = conflict.path or "", results[conflict.units[0]]
    began, origin = commits.parent(repository, result), commits.parent(repository, left_out)
    if began is None:
        return None
    base, before, alone, made = (
        b"" if commit is None else _read(repository, commit, path) for commit in (origin, began, left_out, result)
    )
    return _Answer(path, base, before, alone, made)


def _why(answer: _Answer, worker: Worker) -> str:
    """Why it settles nothing, empty where it does."""
    if answer.made == answer.before:
        return "it changed nothing of the file"
    sides = (answer.before, answer.alone)
    if len(_MARKER.findall(answer.made)) > max(len(_MARKER.findall(one)) for one in sides):
        return "it left conflict markers"
    *texts, made = (one.decode("utf-8", "replace").removeprefix(_BOM) for one in (*sides, answer.made))
    try:
        sound = worker.call("fanout_server.merging.rungs:is_sound", answer.path, texts, made)
    except Unreadable:
        return "what it made can be parsed by nobody in time"
    return "" if sound else "what it made cannot be parsed, as both sides can"


def _step(repository: Repository, found: Finding, answer: _Answer, merged: str) -> automatic.Step | None:
    after = _read(repository, merged, answer.path)
    if after == answer.before:
        return None
    texts = (one.decode("utf-8", "replace") for one in (answer.base, answer.before, answer.alone, after))
    way = "agent" if checks.keeps_all(*texts) else "agent, not word for word"
    return automatic.Step(answer.path, found.units[0], found.units[1:], way, "low", answer.before, answer.alone, after)


def _read(repository: Repository, commit: str, path: str) -> bytes:
    """Nothing for what is not there."""
    store = objects.of(repository)
    entry = trees.lookup(store, store.tree_of(commit), path)
    return b"" if entry is None else store.read_blob(entry.oid)
