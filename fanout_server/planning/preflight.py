"""What is worth knowing before a plan costs money: units that need others, files that units share, units that are tiny.

Nothing here keeps a plan from being run. Blocking, as files are read; ``run/preflights.py`` calls it beside the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
from attrs import field, frozen

from fanout_server.model import Finding, Plan, Related, Severity, Target, Unit
from fanout_server.planning import cochange, order
from fanout_server.planning.imports import MOST_FILES, Graph
from fanout_server.planning.order import Needs
from fanout_server.syntax.errors import Unreadable

if TYPE_CHECKING:
    from fanout_server.planning.texts import Texts

_NAMED = 5
# A plan of a whole package has a finding for nearly every unit: so many are told, the rest in one.
_MOST_TOLD = 20
_MOST_OF_HISTORY = 10
_FEW_LINES = 10
_LARGEST_SMALL = 4096


@frozen
class Preflight:
    """``needs`` are the units that each unit needs others of, whether they are put in order or not.

    ``kept`` are the units that need not be done, each with the earlier run that did it.
    """

    findings: tuple[Finding, ...] = ()
    needs: Needs = field(factory=dict)
    kept: Mapping[str, str] = field(factory=dict)


@frozen
class Known:
    """What preflight is told: the files of each unit, what they import, and what was changed together."""

    files: Mapping[str, tuple[str, ...]]
    graph: Graph
    history: Sequence[Sequence[str]] = ()


def files_of(units: Sequence[Unit], below: Callable[[str], Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The files that each unit is about. ``below`` has those in a folder, none for a file."""
    found: dict[str, tuple[str, ...]] = {}
    for unit in units:
        paths = [path for target in unit.targets for path in (below(target.path) or (target.path,))]
        found[unit.id] = tuple(dict.fromkeys(paths))
    return found


def seen(plan: Plan, preflight: Preflight | None) -> Plan:
    """The plan with what preflight says of it, in the order that it will be run in."""
    if preflight is None:
        return plan
    told = attrs.evolve(plan, findings=(*plan.findings, *preflight.findings))
    return order.ordered(told, preflight.needs) if plan.options.order == "depends" else told


def look(plan: Plan, known: Known, texts: Texts, *, models: bool) -> Preflight:
    """``models``: the agent calls models, so that each unit costs something."""
    needs = order.needs(plan.units, known.files, known.graph.edges)
    # Where nobody changes anything, nothing can go amiss between units.
    between = () if plan.options.mode == "review" else (*_depending(plan, needs), *_of_history(plan, known))
    findings = [
        *between,
        *(_too_small(plan, texts) if models else ()),
        *_cut_short(known.graph),
    ]
    return Preflight(tuple(findings), needs)


def _depending(plan: Plan, needs: Needs) -> Iterator[Finding]:
    by_id = {unit.id: unit for unit in plan.units}
    if plan.options.order == "depends":
        for group in order.circles(needs):
            names = _listed([by_id[one].title for one in group])
            message = f"{names} import each other in a circle, so none can go before the others: they start together."
            yield _about(by_id[group[0]], "preflight/unit-depends", Severity.WARNING, message, group, by_id)
        return
    told = list(needs.items())
    for unit, others in told[:_MOST_TOLD]:
        names = _listed([by_id[one].title for one in others])
        message = (
            f"{by_id[unit].title} imports {names}, which other units change at the same time, so its agent does not see"
            " what they make of it. With 'order: depends' it starts from their merged results."
        )
        yield _about(by_id[unit], "preflight/unit-depends", Severity.WARNING, message, (unit, *others), by_id)
    if len(told) > _MOST_TOLD:
        first, left = by_id[told[_MOST_TOLD][0]], told[_MOST_TOLD:]
        message = f"{len(left)} more units import what others change. 'order: depends' puts them in order."
        ids = tuple(unit for unit, _ in left)
        yield _about(first, "preflight/unit-depends", Severity.WARNING, message, ids, {})


def _of_history(plan: Plan, known: Known) -> Iterator[Finding]:
    by_id = {unit.id: unit for unit in plan.units}
    makers: dict[str, list[str]] = {}
    for unit, paths in known.files.items():
        for path in paths:
            makers.setdefault(path, []).append(unit)
    found = cochange.together(known.history, makers)
    hot: list[Finding] = []
    pairs: list[Finding] = []
    for other, those in cochange.by_other(found):
        units = tuple(dict.fromkeys(unit for one in those for unit in makers[one.path]))
        owners = makers.get(other, [])
        if not owners and len(units) > 1:
            names = _listed([f"{one.path} ({one.count} of {one.commits} commits)" for one in those])
            message = (
                f"{other} was mostly changed together with {names}. Units may all want to change it; it is no unit's"
                " target."
            )
            hot.append(_about(by_id[units[0]], "preflight/hot-file", Severity.INFORMATION, message, units, by_id))
            continue
        for one in those:
            strangers = [unit for unit in owners if unit not in makers[one.path]]
            if owners and not strangers:
                continue
            unit = makers[one.path][0]
            whose = f"which unit {strangers[0]} works on" if strangers else "which is no unit's target"
            message = f"{one.path} was changed together with {other} in {one.count} of {one.commits} commits, {whose}."
            ids = (unit, *strangers[:1])
            pairs.append(_about(by_id[unit], "preflight/co-change", Severity.INFORMATION, message, ids, by_id))
    yield from hot[:_MOST_OF_HISTORY]
    yield from pairs[:_MOST_OF_HISTORY]


def _too_small(plan: Plan, texts: Texts) -> Iterator[Finding]:
    small = [unit for unit in plan.units if unit.targets and all(_is_small(one, texts) for one in unit.targets)]
    if len(small) < 2:  # noqa: PLR2004 - one cannot be joined with another
        return
    names = _listed([unit.title for unit in small])
    message = (
        f"{len(small)} of {len(plan.units)} units have less than {_FEW_LINES} lines to work on: {names}. Each costs an"
        " agent's start; one item for a folder of them, or one agent for all, may be cheaper."
    )
    yield _about(small[0], "preflight/too-small", Severity.INFORMATION, message, tuple(unit.id for unit in small), {})


def _is_small(target: Target, texts: Texts) -> bool:
    if target.range is not None:
        return target.range.end.line - target.range.start.line < _FEW_LINES
    if not 0 < texts.size(target.path) <= _LARGEST_SMALL:
        return False
    try:
        text = texts.read(target.path)
    except Unreadable:
        # A folder, or what is no text: who knows what there is to do.
        return False
    return sum(1 for line in text.split("\n") if line.strip()) < _FEW_LINES


def _cut_short(graph: Graph) -> Iterator[Finding]:
    if graph.left:
        message = (
            f"Imports were looked at in {MOST_FILES} of {MOST_FILES + graph.left} files of this plan, so there may be"
            " more units that need others."
        )
        yield Finding("preflight/cut-short", Severity.INFORMATION, message)
    if graph.unread:
        message = f"What {_listed(list(graph.unread))} imports could not be read, so it is not known what needs it."
        yield Finding("preflight/cut-short", Severity.INFORMATION, message, path=graph.unread[0])


def _about(
    unit: Unit, code: str, severity: Severity, message: str, units: Sequence[str], by_id: Mapping[str, Unit]
) -> Finding:
    """At the unit's target, with the other units' beside it."""
    others = [by_id[one] for one in units[1 : 1 + _NAMED] if one in by_id and by_id[one].targets]
    related = tuple(Related(one.targets[0].path, f"unit {one.id}", one.targets[0].range) for one in others)
    target = unit.targets[0] if unit.targets else None
    path, place = (None, None) if target is None else (target.path, target.range)
    return Finding(code, severity, message, path, place, tuple(units), related)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
