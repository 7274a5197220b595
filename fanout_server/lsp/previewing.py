"""A plan as a document to read before it runs: what it may cost, what is remarkable, and each unit's prompt."""

from __future__ import annotations

from collections.abc import Iterator

from fanout_server.lsp import plan_words as words
from fanout_server.model import Plan
from fanout_server.planning.estimate import Estimate

_MOST_UNITS = 200


def markdown(plan: Plan, estimate: Estimate) -> str:
    """Blocking for plans of thousands of units, of which the first two hundred are written out."""
    return "\n\n".join(_parts(plan, estimate)) + "\n"


def _parts(plan: Plan, estimate: Estimate) -> Iterator[str]:
    yield f"# {words.count(len(plan.units), 'unit')}, {estimate}"
    yield estimate.basis
    if plan.findings:
        yield "\n".join(f"- {one.severity}: {one.message}" for one in plan.findings)
    for unit in plan.units[:_MOST_UNITS]:
        yield f"## {unit.id}: {words.inline(unit.title)}"
        if unit.after:
            yield "Starts after " + ", ".join(words.inline(one) for one in unit.after)
        if unit.owns is not None:
            yield "May write " + ", ".join(words.inline(glob) for glob in unit.owns)
        if unit.verify:
            yield "Verified by " + words.inline(" ".join(unit.verify))
        yield words.fenced(unit.prompt or "(no instruction)")
    if len(plan.units) > _MOST_UNITS:
        yield f"And {len(plan.units) - _MOST_UNITS} more units."
