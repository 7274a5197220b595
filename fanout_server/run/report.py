"""A run in words: its diff, its logs, its prompts, and a report of all of it in Markdown. Blocking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fanout_server import model
from fanout_server.agents.output import last_lines
from fanout_server.model import RunView, UnitView
from fanout_server.repo import changes, commits
from fanout_server.run import sarif, written_report
from fanout_server.run.logs import CHECK, log_files, prompt_files
from fanout_server.run.services import Services

_LONGEST_LOG = 256 * 1024
_TAIL_BYTES = 8 * 1024


def show(services: Services, view: RunView, unit: str | None, what: str) -> str:
    """``what`` of the run, or of one unit. Raises FanoutError where there is no such unit, kind, or nothing yet."""
    kinds: dict[str, Callable[[Services, RunView, UnitView | None], str]] = {
        "diff": _diff,
        "log": _log,
        "report": _report,
        "sarif": _sarif,
        "prompt": _prompt,
    }
    if what not in kinds:
        raise model.FanoutError(f"Cannot show {what!r}. What can be shown: {', '.join(kinds)}.")
    return kinds[what](services, view, unit_of(view, unit))


def mark(services: Services, view: RunView, unit: str | None, what: str) -> object:
    """What is another whenever ``show`` would tell something else, for less work. Raises FanoutError as ``show``."""
    chosen = unit_of(view, unit)
    if what in {"log", "prompt"}:
        logs = services.folders(view.id).logs
        files = log_files if what == "log" else prompt_files
        units = view.units if chosen is None else (chosen,)
        of = [*(one.id for one in units), *([CHECK] if chosen is None else [])]
        return tuple((path, path.stat().st_size) for one in of for path in files(logs, one))
    if what == "diff":
        return view.merged if chosen is None else chosen.result
    told = tuple((one.state, one.attempts, one.files, one.cost, one.message, one.summary) for one in view.units)
    return (view.state, view.merged, view.check, view.rest, view.probed, told, view.findings)


def unit_of(view: RunView, unit: str | None) -> UnitView | None:
    """Raises FanoutError where the run has no such unit."""
    if unit is None:
        return None
    chosen = next((one for one in view.units if one.id == unit), None)
    if chosen is None:
        ids = ", ".join(one.id for one in view.units[:10]) + (", ..." if len(view.units) > 10 else "")  # noqa: PLR2004
        raise model.FanoutError(f"Run {view.id} has no unit {unit}. Its units: {ids}.")
    return chosen


def tail(logs: Path, unit: str, most: int) -> tuple[str, ...]:
    """The last ``most`` lines of the unit's newest log that holds any, fit to be shown."""
    for path in reversed(log_files(logs, unit)):
        try:
            with path.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
                found = last_lines(file.read(), most)
        except OSError:
            # Its worktree and logs may be put away while we look.
            continue
        if found:
            return found
    return ()


def diff_stat(services: Services, view: RunView) -> str:
    """The merged change set as ``git diff --stat`` shows it; empty where nothing changed."""
    return changes.stat(services.repository, view.base, view.merged) if view.merged else ""


def patch(services: Services, view: RunView) -> bytes:
    """The change set as a patch, binary files included. Raises FanoutError where there is none."""
    if view.merged is None:
        raise model.FanoutError(f"Run {view.id} has no results to make a patch of.")
    return changes.patch(services.repository, view.base, view.merged)


def _diff(services: Services, view: RunView, unit: UnitView | None) -> str:
    result = view.merged if unit is None else unit.result
    if result is None:
        who = f"Run {view.id}" if unit is None else f"Unit {unit.id} of run {view.id}"
        raise model.FanoutError(f"{who} has no result to show a diff of.")
    base = view.base if unit is None else commits.parent(services.repository, result) or view.base
    return changes.unified(services.repository, base, result).decode("utf-8", "replace")


def _log(services: Services, view: RunView, unit: UnitView | None) -> str:
    logs = services.folders(view.id).logs
    parts = []
    for one in (unit,) if unit is not None else view.units:
        parts += [
            f"== {one.id}, attempt {path.parent.name}, {path.stem} ==\n{_tail(path)}"
            for path in log_files(logs, one.id)
        ]
    if unit is None:
        parts += [f"== {path.stem} {path.parent.name} ==\n{_tail(path)}" for path in log_files(logs, CHECK)]
    parts += [
        f"== {one.id} ==\nIts result was taken from run {one.kept}: 'fanout show {one.kept} --what log' has what was"
        " printed there.\n"
        for one in ((unit,) if unit is not None else view.units)
        if one.kept
    ]
    return "\n".join(parts) if parts else f"No unit of run {view.id} has printed anything.\n"


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST_LOG))
        text = file.read().decode("utf-8", "replace")
    return text if size <= _LONGEST_LOG else f"[the first {size - _LONGEST_LOG} bytes are in {path}]\n{text}"


def _prompt(services: Services, view: RunView, unit: UnitView | None) -> str:
    """What the agents were told, attempt by attempt; before the first, what the plan says."""
    logs = services.folders(view.id).logs
    parts = []
    for one in view.plan.units:
        if unit is not None and one.id != unit.id:
            continue
        told = prompt_files(logs, one.id)
        parts += [f"== {one.id}: {one.title}, attempt {path.parent.name} ==\n{_tail(path)}" for path in told]
        if not told:
            parts.append(f"== {one.id}: {one.title} ==\n{one.prompt}")
    return "\n\n".join(parts) + "\n"


def _report(services: Services, view: RunView, unit: UnitView | None) -> str:
    return written_report.report(view, unit, diff_stat(services, view) if unit is None else "")


def _sarif(services: Services, view: RunView, unit: UnitView | None) -> str:
    del services
    return sarif.report(view, [one for one in view.findings if unit is None or unit.id in one.units])
