"""How a run looks in a terminal: a table that lives where there is a terminal, a line for each change where not."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import IO, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fanout_server import codec, run_events
from fanout_server.model import Finding, RunView, Severity, UnitState, UnitView
from fanout_server.planning.estimate import money
from fanout_server.run.on_disk import OnDisk
from fanout_server.run.state import Fold, progress_line

_STYLES = {
    UnitState.QUEUED: "dim",
    UnitState.RUNNING: "cyan",
    UnitState.VERIFYING: "magenta",
    UnitState.DONE: "green",
    UnitState.FAILED: "bold red",
    UnitState.CANCELLED: "yellow",
}
_SEVERITIES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFORMATION: "blue",
    Severity.HINT: "dim",
}
_TITLE_WIDTH = 48
# Lines of the terminal that are not rows: the table's head, the sum, the cursor's line.
_OTHER_LINES = 6
_REDRAWS_A_SECOND = 8
# Of a finding's message, below its first.
_MOST_LINES = 8


class Watcher(Protocol):
    """Hears the events of one run."""

    def __call__(self, event: run_events.Event) -> None: ...


@contextlib.contextmanager
def watching(*, as_json: bool, console: Console, earlier: Iterable[run_events.Event] = ()) -> Iterator[Watcher]:
    """The right view for where the output goes: JSON lines, a live table, or plain lines.

    ``earlier`` are the events of a run that is resumed: they count, but are not told again.
    """
    fold = Fold()
    for event in earlier:
        fold.add(event)
    if as_json:
        yield lambda event: print_json(codec.event_to_dict(event))
    elif console.is_terminal:
        table = LiveTable(console, fold)
        with table.shown():
            yield table
    else:
        yield PlainLines(console.file, fold)


def print_json(data: object) -> None:
    sys.stdout.write(json.dumps(data, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def visible(text: str) -> str:
    """A name as it can be printed anywhere: control characters and bytes that are no text become escapes."""
    return "".join(
        char
        if char.isprintable()
        else char.encode("utf-8", "surrogateescape").decode("latin-1").encode("unicode_escape").decode()
        for char in text
    )


def warn(text: str) -> None:
    """On standard error, whatever standard output is for."""
    print(f"fanout: {visible(text)}", file=sys.stderr)


class PlainLines:
    """One line for each change of a unit's state, for logs and pipes."""

    def __init__(self, out: IO[str], fold: Fold) -> None:
        self._out = out
        self._fold = fold

    def __call__(self, event: run_events.Event) -> None:
        self._fold.add(event)
        line = self._line(event)
        if line:
            self._out.write(visible(line) + "\n")
            self._out.flush()

    def _line(self, event: run_events.Event) -> str:
        match event:
            case run_events.RunStarted():
                count = len(event.plan.units)
                return (
                    f"run {event.run}: {count} {'unit' if count == 1 else 'units'}, {event.plan.options.jobs} at a time"
                )
            case run_events.RunResumed():
                return f"run {event.run}: resumed"
            case run_events.AttemptStarted():
                again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
                return f"{self._fold.unit(event.unit).title}: started{again}"
            case run_events.AttemptFailed():
                again = f"; again in {event.retry_in:.0f} s" if event.retry_in is not None else ""
                return f"{self._fold.unit(event.unit).title}: attempt {event.attempt} failed: {event.message}{again}"
            case run_events.UnitEnded():
                return _ended(self._fold.unit(event.unit))
            case run_events.UnitsRetried():
                return f"run {event.run}: again: {', '.join(self._fold.unit(unit).title for unit in event.units)}"
            case run_events.RepairAdded():
                return f"run {event.run}: one more unit: {event.work.title}"
            case run_events.PilotAccepted():
                return f"run {event.run}: the pilot is accepted"
            case run_events.CheckStarted() | run_events.ReviewStarted():
                view = self._fold.view()
                return "" if view is None else f"run {event.run}: {view.checking}"
            case run_events.CheckEnded() | run_events.ReviewEnded():
                return f"run {event.run}: {event.message} ({event.seconds:.1f} s)"
            case run_events.RunEnded():
                return f"run {event.run}: {event.state}. {event.message}"
            case _:
                return ""


def _ended(unit: UnitView) -> str:
    changed = f", {len(unit.files)} file(s)" if unit.files else ""
    if unit.kept:
        return f"{unit.title}: {unit.state}, {_kept(unit)}{changed}"
    why = f": {unit.message}" if unit.message else ""
    return f"{unit.title}: {unit.state} in {unit.seconds:.1f} s{changed}{_cost(unit)}{why}"


def _cost(unit: UnitView) -> str:
    if unit.cost is None:
        return ""
    return f", {'about ' if unit.estimated else ''}{money(unit.cost)}"


class LiveTable:
    """A row a unit: state, time, tail of what it does. Where rows outnumber the lines, those at work come first."""

    def __init__(self, console: Console, fold: Fold) -> None:
        self._console = console
        self._fold = fold
        self._monotonic: dict[str, float] = {}

    @contextlib.contextmanager
    def shown(self) -> Iterator[None]:
        with Live(
            get_renderable=self._render,
            console=self._console,
            refresh_per_second=_REDRAWS_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield

    def __call__(self, event: run_events.Event) -> None:
        if isinstance(event, run_events.AttemptStarted):
            # The wall clock may jump; what is shown as running time must not.
            self._monotonic.setdefault(event.unit, time.monotonic())
        self._fold.add(event)

    def _render(self) -> Group:
        view = self._fold.view()
        if view is None:
            return Group(Text("Taking the base ...", style="dim"))
        room = max(3, self._console.height - _OTHER_LINES)
        rows = _most_telling(view.units, room)
        table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
        table.add_column("unit", no_wrap=True, max_width=_TITLE_WIDTH, overflow="ellipsis")
        table.add_column("state", no_wrap=True, width=9)
        table.add_column("time", no_wrap=True, justify="right", width=6)
        table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)
        for unit in rows:
            seconds = self._seconds(unit)
            table.add_row(
                Text(visible(unit.title)),
                Text(unit.state.value, style=_STYLES[unit.state]),
                _clock(seconds) if seconds is not None else "",
                Text(visible(unit.message or _kept(unit) or unit.activity), style="dim"),
            )
        hidden = len(view.units) - len(rows)
        more = f"  ({hidden} more not shown)" if hidden else ""
        return Group(table, Text(f"run {view.id}: {progress_line(view)}{more}"))

    def _seconds(self, unit: UnitView) -> float | None:
        if unit.state.ended:
            return unit.seconds
        began = self._monotonic.get(unit.id)
        return None if began is None else time.monotonic() - began


def _kept(unit: UnitView) -> str:
    return f"as in run {unit.kept}" if unit.kept else ""


def _most_telling(units: tuple[UnitView, ...], room: int) -> list[UnitView]:
    if len(units) <= room:
        return list(units)
    rank = {UnitState.RUNNING: 0, UnitState.VERIFYING: 0, UnitState.FAILED: 1, UnitState.CANCELLED: 2}
    order = {unit.id: number for number, unit in enumerate(units)}
    chosen = sorted(units, key=lambda unit: (rank.get(unit.state, 3), order[unit.id]))[:room]
    return sorted(chosen, key=lambda unit: order[unit.id])


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def print_findings(console: Console, findings: tuple[Finding, ...]) -> None:
    """Errors first; each with its code, and its place where it has one."""
    order = list(_SEVERITIES)
    for finding in sorted(findings, key=lambda one: order.index(one.severity)):
        line = Text(f"{finding.severity.value}: ", style=_SEVERITIES[finding.severity])
        first, *more = finding.message.split("\n")
        line.append(f"{visible(first)} [{finding.code}]", style="default")
        if finding.path and finding.range:
            line.append(f" ({visible(finding.path)}:{finding.range.start.line + 1})", style="dim")
        console.print(line, soft_wrap=True)
        for one in more[:_MOST_LINES]:
            console.print(Text(f"  {visible(one)}", style="dim"), soft_wrap=True)
        if len(more) > _MOST_LINES:
            rest = f"  ({len(more) - _MOST_LINES} more lines: 'fanout show --what report' has them)"
            console.print(Text(rest, style="dim"), soft_wrap=True)
        for related in finding.related:
            console.print(Text(f"  {related.message}: {visible(related.path)}", style="dim"), soft_wrap=True)


def print_summaries(console: Console, view: RunView) -> None:
    """What the agents of a review think, unit by unit."""
    for unit in view.units:
        if unit.summary:
            console.print(Text(f"{visible(unit.title)}: {visible(' '.join(unit.summary.split()))}"), soft_wrap=True)


def run_to_dict(view: RunView, on_disk: OnDisk | None = None) -> dict[str, object]:
    """The contract's ``run`` object, with paths where an editor would get uris."""
    data: dict[str, object] = {
        "runId": view.id,
        "state": view.state.value,
        "instruction": view.plan.instruction,
        "started": view.started,
        "units": [_unit_to_dict(unit) for unit in view.units],
        "findings": [codec.to_dict(finding) for finding in view.findings],
    }
    if view.ended is not None:
        data["ended"] = view.ended
    if view.cost is not None:
        data["cost"] = view.cost
    if view.check:
        data["check"] = view.check
    if on_disk is not None:
        data["disk"] = on_disk.to_dict()
    return data


def _unit_to_dict(unit: UnitView) -> dict[str, object]:
    data: dict[str, object] = {
        "id": unit.id,
        "title": unit.title,
        "state": unit.state.value,
        "attempts": unit.attempts,
        "seconds": round(unit.seconds, 3),
        "files": list(unit.files),
        "message": unit.message,
    }
    if unit.summary:
        data["summary"] = unit.summary
    if unit.kind is not None:
        data["kind"] = unit.kind.value
    if unit.cost is not None:
        data["cost"] = unit.cost
    if unit.estimated:
        data["estimated"] = True
    if unit.tokens is not None:
        data["tokens"] = codec.to_dict(unit.tokens)
    if unit.kept:
        data["kept"] = unit.kept
    return data
