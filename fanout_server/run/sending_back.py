"""Units go back to their agents, with what was found in what they did."""

from __future__ import annotations

import time
from collections.abc import Collection

from fanout_server import model
from fanout_server.model import Finding, RunView, UnitState
from fanout_server.run.state import is_of_review
from fanout_server.run_events import UnitsRetried

# With a note a unit goes on from what it has, in its agent's session where there is one.
_MEND = "Mend what was found in your work, as told above, keeping to your task. Change nothing else."


def can_be_sent(view: RunView, finding: Finding) -> bool:
    """Whether an agent could mend what the finding is about."""
    reviews = view.plan.options.mode == "review"
    if not finding.units or reviews or view.plan.options.agent == "rewrite":
        return False
    of_check = finding.code.startswith("check/") and finding.code != "check/flaky"
    return of_check or is_of_review(finding) or finding.code == "unit/out-of-scope"


def wish(view: RunView, units: Collection[str] | None, note: str, findings: Collection[Finding] | None) -> UnitsRetried:
    """What is to be done again: ``units``, else those that the ``findings`` are about, else all that are not done.

    With ``findings`` each unit hears of its own ones alone and goes on from what it has. Raises FanoutError.
    """
    run = view.id
    unknown = set(units or ()) - {unit.id for unit in view.units}
    if unknown:
        raise model.FanoutError(f"Run {run} has no unit {', '.join(sorted(unknown))}. Nothing was retried.")
    tried = [unit for unit in view.units if unit.state.ended]
    if units is not None:
        wanted = set(units)
    elif findings is not None:
        wanted = {unit for finding in findings for unit in finding.units}
    else:
        wanted = {unit.id for unit in tried if unit.state is not UnitState.DONE}
    told = view.findings if findings is None else findings
    if findings is not None:
        # One with nothing to mend would do over what is good.
        wanted &= {unit for finding in findings for unit in finding.units}
        note = note or _MEND
    chosen = tuple(unit.id for unit in tried if unit.id in wanted)
    if not chosen and findings is not None:
        raise model.FanoutError(f"The findings are about no unit of run {run} that could be sent back.")
    if not chosen:
        raise model.FanoutError(f"Run {run} has no unit that failed; name the units to do again.")
    return UnitsRetried(run, time.time(), chosen, note, tuple(one for one in told if set(chosen) & set(one.units)))
