"""Fan-in: what units may write is enforced, then their results become one change set. Blocking; call it in a thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from fanout_server.apply import automatic
from fanout_server.merging import lock_files
from fanout_server.merging.ladder import Ladder
from fanout_server.model import Finding, Plan, Severity, Unit
from fanout_server.ownership import owns
from fanout_server.repo import changes, collect, merge, objects, refs
from fanout_server.repo.repository import Repository

_NAMED = 10
# In a glob that has none of these, every character stands for itself.
_MEANS_MORE = frozenset("*?[]\\!# \t\r\n")


@frozen
class Integration:
    """``merged`` is a commit on the base, ``owners`` the units that made each file of it."""

    merged: str
    owners: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...]


def integrate(
    repository: Repository, run: str, base: str, plan: Plan, results: Mapping[str, str], sides: Path | None = None
) -> Integration:
    """Merges ``results`` (unit id -> result commit) in plan order, whatever the order in which they came.

    What was merged though git saw a conflict is a finding; its sides are kept below ``sides``. Raises GitFailed.
    """
    return Joining(repository, run, base, plan).finish(results, sides)


class Joining:
    """Results of units that started from ``base``, merged so far. ``written`` are the objects made on the way.

    For one thread at a time.
    """

    def __init__(self, repository: Repository, run: str, base: str, plan: Plan) -> None:
        self.base = base
        self.written: list[str] = []
        self._repository = repository
        self._run = run
        self._plan = plan
        self._ladder = Ladder()
        self._growth = merge.Growth(repository, base, self._ladder.climb)
        self._done: list[tuple[str, str]] = []
        self._remarks: list[Finding] = []

    def leads_to(self, results: Mapping[str, str]) -> bool:
        """Whether it is, in plan order, the beginning of what these come to."""
        wanted = [(unit.id, results[unit.id]) for unit in self._plan.units if unit.id in results]
        return wanted[: len(self._done)] == self._done

    def add(self, results: Mapping[str, str]) -> None:
        """Goes on to ``results``, which it must lead to. Raises GitFailed."""
        known = dict(self._done)
        units = [unit for unit in self._plan.units if unit.id in results and unit.id not in known]
        with objects.recording() as written, self._ladder:
            try:
                self._add(units, results)
            finally:
                self.written += written

    def finish(self, results: Mapping[str, str], sides: Path | None) -> Integration:
        """As ``integrate``, of results that it leads to."""
        self.add(results)
        merged = self._growth.merged()
        objects.of(self._repository).join_packs()
        titles = {unit.id: unit.title for unit in self._plan.units}
        findings = [*self._remarks]
        findings += [automatic.finding(_step(self._repository, step), titles, sides) for step in merged.steps]
        for conflict in merged.conflicts:
            findings += [_conflict(self._run, titles, conflict, path) for path in conflict.paths]
        return Integration(merged.commit, merged.owners, tuple(findings))

    def _add(self, units: Sequence[Unit], results: Mapping[str, str]) -> None:
        repository, base = self._repository, self.base
        # One process for all of them.
        made = changes.diff_many(repository, base, [results[unit.id] for unit in units])
        scoped: list[tuple[str, str]] = []
        for unit, change in zip(units, made, strict=True):
            commit, remarks = _in_scope(repository, self._run, base, unit, results[unit.id], change)
            self._remarks += remarks
            self._done.append((unit.id, results[unit.id]))
            if commit is not None:
                scoped.append((unit.id, commit))
        parts = changes.diff_many(repository, base, [commit for _, commit in scoped])
        for (name, commit), part in zip(scoped, parts, strict=True):
            self._growth.add(name, commit, part)
        # Written now, there is as much less to write at the end.
        self._growth.tree()


def _step(repository: Repository, step: merge.Step) -> automatic.Step:
    store = objects.of(repository)
    before, alone = (b"" if oid is None else store.read_blob(oid) for _, oid in (step.sides.ours, step.sides.theirs))
    settled = step.settled
    return automatic.Step(
        step.path, step.unit, step.others, settled.way, settled.confidence, before, alone, settled.data
    )


def _in_scope(
    repository: Repository, run: str, base: str, unit: Unit, commit: str, changed: Collection[changes.Change]
) -> tuple[str | None, list[Finding]]:
    if unit.owns is None:
        strays = [change.path for change in changed if change.status != "A" and not _is_target(unit, change.path)]
        if not strays or not unit.targets:
            return commit, []
        message = (
            f"{unit.title} also changed {_named(strays)}, not among its targets. It is taken; to leave such changes"
            " out, name what a unit may write with 'owns'."
        )
        return commit, [Finding("unit/out-of-scope", Severity.INFORMATION, message, path=strays[0], units=(unit.id,))]
    outside = not_owned(unit.owns, [change.path for change in changed])
    if not outside:
        return commit, []
    message = (
        f"{unit.title} wrote {_named(outside)}, which it does not own ({', '.join(unit.owns) or 'it owns nothing'})."
        f" That was left out; it is kept in {refs.unit_ref(run, unit.id)}."
    )
    finding = Finding("unit/out-of-scope", Severity.WARNING, message, path=outside[0], units=(unit.id,))
    return collect.without(repository, base, commit, outside), [finding]


def not_owned(globs: Collection[str], paths: Collection[str]) -> list[str]:
    """Those of the paths that a unit with these ``owns`` may not write."""
    # Most globs are the name of a file, and to read one as a glob takes longer than all else here.
    named = {glob.removeprefix("/") for glob in globs if _MEANS_MORE.isdisjoint(glob)}
    others = [path for path in paths if path not in named]
    if not others:
        return []
    allowed = owns(globs)
    return [path for path in others if not allowed.match_file(path)]


def _is_target(unit: Unit, path: str) -> bool:
    return any(
        path == target.path or target.path in {"", "."} or path.startswith(target.path.rstrip("/") + "/")
        for target in unit.targets
    )


def _conflict(run: str, titles: Mapping[str, str], conflict: merge.Conflict, path: str) -> Finding:
    others = ", ".join(titles.get(other, other) for other in conflict.others) or "an earlier unit"
    command = lock_files.command(path)
    anew = "" if command is None else f" It is not to be merged by hand: '{command}', run in its folder, makes it anew."
    message = (
        f"{titles.get(conflict.unit, conflict.unit)} and {others} changed {path} in ways that do not fit together."
        f" The change of {titles.get(conflict.unit, conflict.unit)} to this file was left out; it is kept in"
        f" {refs.unit_ref(run, conflict.unit)}.{anew}"
    )
    return Finding("merge/conflict", Severity.ERROR, message, path=path, units=(conflict.unit, *conflict.others))


def _named(paths: list[str]) -> str:
    shown = ", ".join(paths[:_NAMED])
    return shown if len(paths) <= _NAMED else f"{shown} and {len(paths) - _NAMED} more"
