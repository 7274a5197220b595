"""Units that start from the merged results of others: what they start from, and how all results become one change set.

A result is the difference to its own parent: the base, or for a later wave what stood when that wave began. Blocking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from fanout_server.model import Finding, Plan, RunView, Severity, Unit, UnitState
from fanout_server.planning import order
from fanout_server.repo import changes, commits, merge, objects, refs
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.repository import Repository
from fanout_server.repo.standing import Standing
from fanout_server.run import integrate as integration
from fanout_server.run import mending
from fanout_server.run.integrate import Integration, Joining

_EARLIER, _LATER = "earlier", "later"


def first(plan: Plan, left: Sequence[Unit]) -> tuple[int, tuple[Unit, ...]]:
    """Of the units that are ``left`` those of the first wave that has any, and its number."""
    wanted = {unit.id for unit in left}
    for number, wave in enumerate(order.waves(plan.units)):
        found = tuple(unit for unit in wave if unit.id in wanted)
        if found:
            return number, found
    return 0, ()


def start(repository: Repository, view: RunView, number: int) -> str:
    """The commit that the units of a wave start from: all that is done of the waves before it. Raises GitFailed."""
    if number == 0:
        return view.base
    before = {unit.id for wave in order.waves(view.plan.units)[:number] for unit in wave}
    results = {
        unit.id: unit.result
        for unit in view.units
        if unit.id in before and unit.state is UnitState.DONE and unit.result
    }
    if not results:
        return view.base
    ref = refs.wave_ref(view.id, number)

    # The same each time: after a crash the units that are left start from the same commit as those that are done.
    def make() -> Made[str]:
        merged = integrate(repository, view.id, view.base, view.plan, results).merged
        return Made(merged, {ref: merged})

    return keep(repository, make, "What the earlier units made")


def lacking(view: RunView, wave: Sequence[Unit]) -> tuple[Finding, ...]:
    """What is to be told of units that start though others that they need are not done, each thing once."""
    states = {unit.id: unit.state for unit in view.units}
    titles = {unit.id: unit.title for unit in view.plan.units}
    found = []
    for unit in wave:
        missing = [one for one in unit.after if states.get(one) is not UnitState.DONE]
        if missing:
            names = ", ".join(f"{titles.get(one, one)} ({states.get(one, 'unknown')})" for one in missing)
            message = f"{unit.title} starts without what it needs of {names}: from what there is."
            path = unit.targets[0].path if unit.targets else None
            found.append(
                Finding("unit/starts-without", Severity.WARNING, message, path=path, units=(unit.id, *missing))
            )
    return tuple(one for one in found if one not in view.findings)


def integrate(
    repository: Repository,
    run: str,
    base: str,
    plan: Plan,
    results: Mapping[str, str],
    sides: Path | None = None,
    grown: Joining | None = None,
) -> Integration:
    """As ``run.integrate``, wave by wave; goes on with what has ``grown`` if it leads there. Raises GitFailed."""
    unfit = mending.unfit(repository, plan, results)
    taken = mending.taken(plan, results, unfit)
    merged = _by_waves(repository, run, base, plan, taken, sides, grown)
    return mending.settle(repository, run, plan, taken, merged, sides, unfit)


def _by_waves(
    repository: Repository,
    run: str,
    base: str,
    plan: Plan,
    results: Mapping[str, str],
    sides: Path | None,
    grown: Joining | None,
) -> Integration:
    starts = {unit: commits.parent(repository, result) or base for unit, result in results.items()}
    if set(starts.values()) <= {base}:
        if grown is not None and grown.base == base and grown.leads_to(results):
            return grown.finish(results, sides)
        return integration.integrate(repository, run, base, plan, results, sides)
    store = objects.of(repository)
    standing = base
    findings: list[Finding] = []
    owners: dict[str, tuple[str, ...]] = {}
    for wave in order.waves(plan.units):
        groups: dict[str, dict[str, str]] = defaultdict(dict)
        for unit in wave:
            if unit.id in results:
                groups[starts[unit.id]][unit.id] = results[unit.id]
        for began, group in groups.items():
            part = integration.integrate(repository, run, began, plan, group, sides)
            findings += part.findings
            merged = part.merged
            if store.tree_of(began) != store.tree_of(standing):
                # Earlier units were done again since, or are left out this time.
                both = merge.merge(repository, began, [(_EARLIER, standing), (_LATER, merged)])
                findings += [_misfit(run, group, path) for conflict in both.conflicts for path in conflict.paths]
                merged = both.commit
            for path, units in part.owners.items():
                owners[path] = tuple(dict.fromkeys((*owners.get(path, ()), *units)))
            standing = merged
    changed = {change.path for change in changes.diff(repository, base, standing)}
    commit = Standing(repository, base).commit(store.tree_of(standing))
    return Integration(commit, {path: owners.get(path, ()) for path in sorted(changed)}, tuple(findings))


def _misfit(run: str, group: Mapping[str, str], path: str) -> Finding:
    units = tuple(group)
    message = (
        f"{', '.join(units)} started from earlier results than those that there are now, and the changes of {path} do"
        f" not fit together. The later change of this file was left out; it is kept in {refs.unit_ref(run, units[0])}."
        " Have the unit done again ('fanout retry') to start from the present ones."
    )
    return Finding("merge/conflict", Severity.ERROR, message, path=path, units=units)
