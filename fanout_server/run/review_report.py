"""The report of a run that reviewed: for each unit what its agent thinks, and what it found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fanout_server.model import Finding, RunView, UnitState, UnitView


def lines(view: RunView, units: Sequence[UnitView]) -> list[str]:
    """Markdown; nothing of a run that changes files."""
    if view.plan.options.mode != "review":
        return []
    return [line for unit in units for line in _unit(view, unit)]


def _unit(view: RunView, unit: UnitView) -> Iterator[str]:
    found = [one for one in view.findings if unit.id in one.units]
    yield from ("", f"## {_line(unit.title)}", "")
    if unit.state is UnitState.DONE:
        yield from (_block(unit.summary) or ["It said nothing in general."])
    else:
        yield f"Not reviewed: {unit.state}{f', {_line(unit.message)}' if unit.message else ''}."
    if found or unit.state is UnitState.DONE:
        yield ""
        yield from [_finding(one, unit) for one in found] or ["- Nothing was found."]


def _finding(finding: Finding, unit: UnitView) -> str:
    where = "" if finding.path is None else f" at `{_code(finding.path)}`"
    if finding.path is not None and finding.range is not None:
        where = f" at `{_code(finding.path)}:{finding.range.start.line + 1}`"
    others = [one for one in finding.units if one != unit.id]
    also = f" (also: {', '.join(others)})" if others else ""
    return f"- {finding.severity}{where}: {_line(finding.message)}{also}"


def _block(text: str) -> list[str]:
    """As a quotation, so that nothing that a model says can be taken for the report's own."""
    return [f"> {line}".rstrip() for line in text.strip().splitlines()]


def _line(text: str) -> str:
    return " ".join(text.split())


def _code(path: str) -> str:
    return _line(path).replace("`", "'")
