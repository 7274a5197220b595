"""What is new of a run since the editor was last told: a run may have thousands of units, and tells of it several times
a second.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence

from attrs import frozen

from fanout_server.lsp import findings
from fanout_server.model import Finding, RunState, RunView, UnitView

# Of each run: an answer may be lost with the request that it is of.
_KEPT = 2
_RUNS = 16


@frozen
class News:
    """What is to be told of a run: all of it, or with ``since`` what is other than it was at that mark.

    ``gone`` are the ids of findings that are there no more. Without a ``mark`` there is nothing to go on from.
    """

    units: Sequence[UnitView]
    findings: Sequence[Finding]
    mark: str | None = None
    since: str | None = None
    gone: tuple[str, ...] = ()


@frozen
class _Told:
    mark: str
    view: RunView


class Telling:
    """Of one session: the runs at work as it was told of them. All others are told of as a whole."""

    def __init__(self) -> None:
        # Another server's marks mean nothing here.
        self._name = secrets.token_hex(4)
        self._count = 0
        self._told: OrderedDict[str, list[_Told]] = OrderedDict()

    def tell(self, view: RunView, since: str | None = None) -> News:
        """What to tell of the run now."""
        if view.state is not RunState.RUNNING:
            self._told.pop(view.id, None)
            return News(view.units, view.findings)
        told = self._told.setdefault(view.id, [])
        before = next((one.view for one in told if one.mark == since), None)
        mark = self._remember(view)
        if before is None:
            return News(view.units, view.findings, mark)
        found, gone = _other_findings(before.findings, view.findings)
        return News(_other_units(before.units, view.units), found, mark, since, gone)

    def _remember(self, view: RunView) -> str:
        self._count += 1
        mark = f"{self._name}-{self._count}"
        told = self._told[view.id]
        told.append(_Told(mark, view))
        del told[:-_KEPT]
        self._told.move_to_end(view.id)
        while len(self._told) > _RUNS:
            self._told.popitem(last=False)
        return mark


def _other_units(before: Sequence[UnitView], now: Sequence[UnitView]) -> tuple[UnitView, ...]:
    """In the order of the plan, to which units may have been added."""
    same = {unit.id: unit for unit in before}
    return tuple(unit for unit in now if not _looks_alike(same.get(unit.id), unit))


def _looks_alike(one: UnitView | None, other: UnitView) -> bool:
    """Whether an answer says the same of both: not what the agent does right now, which is told otherwise."""
    return one is other or (one is not None and _shown(one) == _shown(other))


def _shown(unit: UnitView) -> tuple[object, ...]:
    spent = (unit.cost, unit.estimated, unit.tokens)
    said = (unit.message, unit.kind, unit.kept, unit.summary)
    return unit.title, unit.state, unit.attempts, unit.seconds, unit.files, spent, said


def _other_findings(before: Sequence[Finding], now: Sequence[Finding]) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Those that are new, and the ids of those that are gone. Their ids are costly, so first it goes by identity."""
    had, have = {id(one) for one in before}, {id(one) for one in now}
    new = tuple(one for one in now if id(one) not in had)
    missing = [findings.id_of(one) for one in before if id(one) not in have]
    if not missing:
        return new, ()
    there = {findings.id_of(one) for one in new}
    return new, tuple(one for one in missing if one not in there)
