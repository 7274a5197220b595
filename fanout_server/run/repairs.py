"""Repairs: units of their own that start from what was merged, and mend what no unit could alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping

from fanout_server.model import FanoutError, Finding, RunState, RunView, Target, Unit, UnitState
from fanout_server.planning import globs, variables
from fanout_server.run.prompting import remark_of
from fanout_server.run.state import RESUMABLE
from fanout_server.run_events import RepairAdded

_DUPLICATE, _EXISTING = "review/duplicate-helper", "review/reimplements-existing"
_TASKS: Mapping[str, str] = {
    _DUPLICATE: (
        "Several parts of one job were done apart from each other, and each wrote the same function. Make one of it:"
        " keep it in one of these files, remove the others, and have all that used them use that one. Nothing else"
        " changes, nor does what the code does."
    ),
    _EXISTING: (
        "A function was written that does the same as one that was there before. Remove the new one, and have all that"
        " used it use the one that was there. Nothing else changes, nor does what the code does."
    ),
}


def can_be_repaired(view: RunView, finding: Finding) -> bool:
    """Whether a unit of its own could mend it."""
    is_there = view.merged is not None and view.state in RESUMABLE - {RunState.WAITING}
    return is_there and finding.code in _TASKS and finding.path is not None and view.plan.options.agent != "rewrite"


def wish(view: RunView, finding: Finding) -> RepairAdded:
    """The unit that is to mend it: after all that are done, on top of their merged results. Raises FanoutError."""
    if not can_be_repaired(view, finding) or finding.path is None:
        raise FanoutError(f"A finding of the kind {finding.code} of run {view.id} cannot be given to an agent now.")
    paths = [finding.path]
    if finding.code == _DUPLICATE:
        paths = list(dict.fromkeys([*paths, *(one.path for one in finding.related)]))
    taken = {unit.id for unit in view.plan.units}
    names = (f"repair-{number}" for number in itertools.count(1))
    setups = {unit.setup for unit in view.plan.units}
    unit = Unit(
        next(name for name in names if name not in taken),
        f"Repair of {finding.path}",
        f"{_TASKS[finding.code]}\n\n{remark_of(finding)}",
        tuple(Target(path) for path in paths),
        variables=variables.values_of(finding.path, Target(finding.path)),
        owns=tuple(globs.escape(path) for path in paths),
        setup=next(iter(setups)) if len(setups) == 1 else (),
        after=tuple(one.id for one in view.units if one.state is UnitState.DONE and one.result),
    )
    return RepairAdded(view.id, time.time(), unit)
