"""Which units of a plan need others', and the waves that this makes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import attrs

from fanout_server.model import Plan, Unit

Needs = Mapping[str, tuple[str, ...]]
"""Of each unit that needs others their ids, in plan order."""


def needs(units: Sequence[Unit], files: Mapping[str, Collection[str]], edges: Mapping[str, Collection[str]]) -> Needs:
    """``files`` has those that each unit is about, ``edges`` the files that a file imports.

    A unit needs another where a file of it imports one of the other's. Units about parts of one file do not need each
    other for that.
    """
    makers: dict[str, list[str]] = defaultdict(list)
    for unit in units:
        for path in files.get(unit.id, ()):
            makers[path].append(unit.id)
    found: dict[str, tuple[str, ...]] = {}
    places = {unit.id: number for number, unit in enumerate(units)}
    for unit in units:
        own = set(files.get(unit.id, ()))
        goals = {goal for path in own for goal in edges.get(path, ()) if goal not in own}
        others = {other for goal in goals for other in makers.get(goal, ())} - {unit.id}
        if others:
            found[unit.id] = tuple(sorted(others, key=places.__getitem__))
    return found


def circles(found: Needs) -> tuple[tuple[str, ...], ...]:
    """The groups of units that need each other, in a circle of any length."""
    return tuple(group for group in _groups(found) if len(group) > 1)


def ordered(plan: Plan, found: Needs) -> Plan:
    """The plan with what each unit starts after. Units that need each other start together, so nothing in a circle."""
    group_of = {unit: number for number, group in enumerate(_groups(found)) for unit in group}
    units = tuple(
        attrs.evolve(
            unit,
            after=tuple(other for other in found.get(unit.id, ()) if group_of[other] != group_of[unit.id]),
        )
        for unit in plan.units
    )
    return _even(attrs.evolve(plan, units=units), group_of)


def _even(plan: Plan, group_of: Mapping[str, int]) -> Plan:
    """All of a circle start after what any of them needs: they are one wave."""
    together: dict[int, set[str]] = defaultdict(set)
    for unit in plan.units:
        if unit.id in group_of:
            together[group_of[unit.id]].update(unit.after)
    ids = [unit.id for unit in plan.units]
    after = {number: tuple(one for one in ids if one in needed) for number, needed in together.items()}
    units = tuple(
        attrs.evolve(unit, after=after[group_of[unit.id]]) if unit.id in group_of else unit for unit in plan.units
    )
    return attrs.evolve(plan, units=units)


def waves(units: Sequence[Unit]) -> tuple[tuple[Unit, ...], ...]:
    """The units by when they may start, each wave in plan order. ``after`` of a unit that is not among them counts not.

    What would wait for itself starts with the first wave: a journal may hold anything.
    """
    by_id = {unit.id: unit for unit in units}
    numbers: dict[str, int] = {}
    for first in units:
        waiting = [first.id]
        at_work: set[str] = set()
        while waiting:
            one = waiting[-1]
            left = [other for other in by_id[one].after if other in by_id and other not in numbers]
            if one not in numbers and one not in at_work and left:
                at_work.add(one)
                waiting += [other for other in left if other not in at_work]
                continue
            waiting.pop()
            if one not in numbers:
                numbers[one] = 1 + max((numbers[other] for other in by_id[one].after if other in numbers), default=-1)
    count = 1 + max(numbers.values(), default=-1)
    return tuple(tuple(unit for unit in units if numbers[unit.id] == number) for number in range(count))


def _groups(found: Needs) -> list[tuple[str, ...]]:
    """The strongly connected components (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    groups: list[tuple[str, ...]] = []
    everyone = dict.fromkeys([*found, *(other for others in found.values() for other in others)])
    for start in everyone:
        if start in index:
            continue
        work = [(start, iter(found.get(start, ())))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            unit, others = work[-1]
            fresh = next((other for other in others if other not in index or other in on_stack), None)
            if fresh is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[unit])
                if low[unit] == index[unit]:
                    at = stack.index(unit)
                    groups.append(tuple(stack[at:]))
                    on_stack.difference_update(stack[at:])
                    del stack[at:]
            elif fresh in index:
                low[unit] = min(low[unit], index[fresh])
            else:
                index[fresh] = low[fresh] = len(index)
                stack.append(fresh)
                on_stack.add(fresh)
                work.append((fresh, iter(found.get(fresh, ()))))
    return groups
