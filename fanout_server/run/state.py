"""What the events of a run add up to: the only source of a run's state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from fanout_server import model, run_events
from fanout_server.model import RunState, RunView, UnitState, UnitView
from fanout_server.review.agreeing import Agreed
from fanout_server.run import prompting

# Somebody works on these. One that waits for the user waits without a process.
# The user may have more of these done.
RESUMABLE = frozenset({RunState.WAITING, RunState.READY, RunState.APPLIED, RunState.CANCELLED, RunState.FAILED})
ACTIVE = frozenset({RunState.RUNNING})
# Found anew each time that results are merged.
_OF_REVIEW = (
    "review/",
    "merge/same-name-added",
    "merge/removed-but-used",
    "unit/syntax-error",
    "unit/missing-output",
)
# Found anew for another reason, these are news: something fails.
_NEWS = ("unit/failed", "unit/no-change", "merge/conflict", "check/culprit", "check/failed")
_OF_MERGED = ("merge/", "check/", *_OF_REVIEW)


class Fold:
    """Adds events up, one at a time. Units and findings are kept apart, so that 10,000 units cost no more each."""

    def __init__(self) -> None:
        self._run: RunView | None = None
        self._units: dict[str, UnitView] = {}
        self._findings: list[model.Finding] = []
        # What applying and taking back left alone, which the next time may make good.
        self._left: list[model.Finding] = []
        self._dismissed: set[object] = set()
        self._agreed = Agreed()

    def add(self, event: run_events.Event) -> None:
        if isinstance(event, run_events.RunStarted):
            self._units = {unit.id: UnitView(unit.id, unit.title) for unit in event.plan.units}
            self._findings = list(event.plan.findings)
            self._left = []
            self._run = RunView(event.run, RunState.RUNNING, event.root, event.base, event.plan, event.at, units=())
            return
        if self._run is None:
            return
        unit = self._units.get(getattr(event, "unit", ""))
        if unit is not None:
            self._units[unit.id] = _unit_step(unit, event)
            if isinstance(event, run_events.UnitReviewed):
                self._agreed.put(event.unit, event.findings)
            return
        match event:
            case run_events.RunResumed():
                self._put_back()
                self._findings = [one for one in self._findings if not one.code.startswith(_OF_MERGED)]
            case run_events.UnitsRetried():
                self._retry(event)
            case run_events.FindingReported():
                self._find(event.finding)
            case run_events.RepairAdded():
                self._units[event.work.id] = UnitView(event.work.id, event.work.title)
            case run_events.RunApplied() | run_events.RunReverted():
                self._left = _still_left(self._left, event)
            case run_events.FindingsSettled():
                self._settle(event)
            case run_events.RunEnded(state=RunState.INTERRUPTED):
                self._put_back()
        self._run = _run_step(self._run, event, self._units.values())
        if isinstance(event, run_events.RunApplied):
            delivered = _delivered(self._run, event, makers(self._units.values()))
            self._run = attrs.evolve(self._run, delivered=(*self._run.delivered, delivered))

    def _put_back(self) -> None:
        """Nobody is at the units any more that have not ended."""
        for one in self._units.values():
            if not one.state.ended:
                self._units[one.id] = attrs.evolve(one, state=UnitState.QUEUED)

    def _find(self, finding: model.Finding) -> None:
        if not self.is_dismissed(finding):
            self._findings.append(finding)

    def _settle(self, event: run_events.FindingsSettled) -> None:
        done = set(event.findings)
        if event.dismissed:
            self._dismissed |= {_lasting(one) for one in done if one.code not in _NEWS}
        self._findings = [one for one in self._findings if one not in done]
        self._agreed.settle(event.findings)
        self._left = [one for one in self._left if one not in done]

    def _retry(self, event: run_events.UnitsRetried) -> None:
        again = set(event.units)
        for unit in again & self._units.keys():
            one = self._units[unit]
            notes = (*one.notes, event.note) if event.note else one.notes
            remarks = tuple(prompting.remark_of(finding) for finding in event.findings if unit in finding.units)
            self._units[unit] = attrs.evolve(
                one,
                state=UnitState.QUEUED,
                message="",
                kind=None,
                notes=notes,
                remarks=remarks,
                summary="",
                kept="",
                again=True,
            )
        self._agreed.drop(again)
        # Those about the merged result will be found again.
        self._findings = [one for one in self._findings if not is_of_merged(one) and not again.intersection(one.units)]
        self._left = [one for one in self._left if not again.intersection(one.units)]

    def view(self) -> RunView | None:
        """The run as the events so far tell it, ``None`` before its first."""
        if self._run is None:
            return None
        findings = (*self._findings, *self._agreed.findings, *self._left)
        return attrs.evolve(self._run, units=tuple(self._units.values()), findings=findings)

    def unit(self, unit: str) -> UnitView:
        return self._units[unit]

    def is_dismissed(self, finding: model.Finding) -> bool:
        """Whether the user does not want to hear of it again."""
        return _lasting(finding) in self._dismissed


def _lasting(finding: model.Finding) -> tuple[object, ...]:
    """What of a finding stays when the lines around it change."""
    return finding.code, finding.path, finding.units, finding.message


def is_of_review(finding: model.Finding) -> bool:
    """Whether the review of the merged result found it, so that its place is one in that."""
    return finding.code.startswith(_OF_REVIEW)


def is_of_merged(finding: model.Finding) -> bool:
    """Whether a finding is about what was merged."""
    return finding.code.startswith(_OF_MERGED)


def fold(events: Iterable[run_events.Event]) -> RunView | None:
    total = Fold()
    for event in events:
        total.add(event)
    return total.view()


def _run_step(view: RunView, event: run_events.Event, units: Iterable[UnitView]) -> RunView:
    """``units`` are the run's, which a view that is added to has not."""
    match event:
        case run_events.CheckStarted():
            return attrs.evolve(view, checking=_checking(event, units))
        case run_events.RunResumed():
            return attrs.evolve(view, state=RunState.RUNNING, ended=None, message="", check="")
        case run_events.AgentProbed():
            return view if event.cost is None else attrs.evolve(view, probed=(view.probed or 0.0) + event.cost)
        case run_events.PilotAccepted():
            return attrs.evolve(view, accepted=event.note)
        case run_events.RunIntegrated():
            return attrs.evolve(view, merged=event.merged, owners=event.owners)
        case run_events.RunEnded():
            return attrs.evolve(view, state=event.state, ended=event.at, message=event.message, checking="")
        case run_events.RunApplied():
            return attrs.evolve(view, state=RunState.APPLIED, applied=(*view.applied, event.after))
        case run_events.RunReverted():
            applied, delivered = view.applied[:-1], view.delivered[:-1]
            state = RunState.APPLIED if applied else RunState.REVERTED
            return attrs.evolve(view, state=state, applied=applied, delivered=delivered)
        case run_events.RunDiscarded():
            return attrs.evolve(view, state=RunState.DISCARDED)
        case run_events.PlanMoved() | run_events.RepairAdded():
            return attrs.evolve(view, plan=replanned(view.plan, event))
        case _:
            return _looked_at(view, event)


def _looked_at(view: RunView, event: run_events.Event) -> RunView:
    """What is said of the merged result."""
    match event:
        case run_events.CheckEnded():
            return attrs.evolve(view, checking="", check=event.message)
        case run_events.ReviewStarted():
            parts = f" {event.parts} parts" if event.parts > 1 else ""
            return attrs.evolve(view, checking=f"reviewing{parts}")
        case run_events.ReviewUsed():
            return attrs.evolve(view, reviewed=(view.reviewed or 0.0) + event.cost)
        case run_events.ReviewEnded():
            return attrs.evolve(view, checking="")
        case _:
            return view


def replanned(plan: model.Plan, event: run_events.PlanMoved | run_events.RepairAdded) -> model.Plan:
    """The plan as it is after the event."""
    if isinstance(event, run_events.PlanMoved):
        return attrs.evolve(plan, source=event.source)
    return attrs.evolve(plan, units=(*plan.units, event.work))


def _checking(event: run_events.CheckStarted, units: Iterable[UnitView]) -> str:
    match event.of:
        case model.CheckOf.MERGED:
            return "checking"
        case model.CheckOf.BASE:
            return "the check failed; checking the base"
        case model.CheckOf.PART:
            merged = sum(unit.state is UnitState.DONE for unit in units)
            return f"looking for the culprit: check {event.number}, of {len(event.units)} of {merged} units"


def _still_left(
    left: Iterable[model.Finding], event: run_events.RunApplied | run_events.RunReverted
) -> list[model.Finding]:
    """What earlier applies left alone and this one did not bring in, and what it left alone itself."""
    if isinstance(event, run_events.RunReverted):
        return list(event.left)
    settled = {*event.files, *event.unchanged, *(finding.path for finding in event.left)}
    return [*(one for one in left if one.path not in settled), *event.left]


def _delivered(view: RunView, event: run_events.RunApplied, made_by: Mapping[str, set[str]]) -> model.Delivered:
    """A file whose change set is not known is left out: it is compared with the base, as the first time."""
    before = view.delivered[-1].files if view.delivered else {}
    # Of a part the user may have had more already.
    new = (*event.files, *(path for path in event.unchanged if path not in before))
    if event.merged != view.merged:
        # A part of a file that several units changed is not what a later change set grew out of.
        new = tuple(path for path in new if len(made_by.get(path, ())) < 2)  # noqa: PLR2004
    files = {**before, **dict.fromkeys(new, event.merged)}
    return model.Delivered({path: merged for path, merged in files.items() if merged}, event.rest)


def makers(units: Iterable[UnitView]) -> dict[str, set[str]]:
    """The ids of the units whose results changed a file, by its path."""
    found: dict[str, set[str]] = {}
    for unit in units:
        for path in unit.files:
            found.setdefault(path, set()).add(unit.id)
    return found


def _unit_step(unit: UnitView, event: run_events.Event) -> UnitView:
    match event:
        case run_events.AttemptStarted():
            started = event.at if unit.started is None else unit.started
            return attrs.evolve(
                unit,
                state=UnitState.RUNNING,
                attempts=event.attempt,
                started=started,
                activity="",
                message="",
                worktree=event.worktree,
            )
        case run_events.UnitReviewed():
            return attrs.evolve(unit, summary=event.summary)
        case run_events.NoteSent():
            return attrs.evolve(unit, notes=(*unit.notes, event.note))
        case run_events.AttemptActivity():
            # The journal keeps the last activity of a unit after its end, so that its tail can still be read.
            return attrs.evolve(unit, activity=event.text)
        case run_events.AttemptVerifying():
            return attrs.evolve(unit, state=UnitState.VERIFYING)
        case run_events.AttemptFailed():
            return attrs.evolve(unit, message=event.message)
        case run_events.AttemptUsed():
            return attrs.evolve(unit, cost=event.cost, tokens=event.tokens, estimated=event.estimated)
        case run_events.UnitEnded():
            return attrs.evolve(
                unit,
                state=event.state,
                message=event.message,
                seconds=event.seconds,
                result=event.result,
                files=event.files,
                # A unit that is cancelled ends without a word on what it has used.
                cost=unit.cost if event.cost is None else event.cost,
                kind=event.kind,
                session=event.session,
                tokens=event.tokens or unit.tokens,
                estimated=event.estimated or unit.estimated,
                session_cost=event.session_cost,
                session_tokens=event.session_tokens,
                notes=(),
                remarks=(),
                kept=event.kept,
                key=event.key,
                again=False,
            )
        case _:
            return unit


def progress_line(view: RunView) -> str:
    """``7/12 done, 2 running, 1 failed, $0.84``; parts that are nought are left out, but for the first."""
    return ", ".join(part for part in (_line(view.units, view.cost), view.checking) if part)


def units_line(units: Sequence[UnitView]) -> str:
    """As ``progress_line``, of some units."""
    costs = [unit.cost for unit in units if unit.cost is not None]
    return _line(units, sum(costs) if costs else None)


def _line(units: Sequence[UnitView], cost: float | None) -> str:
    counts = Counter(unit.state for unit in units)
    parts = [f"{counts[UnitState.DONE]}/{len(units)} done"]
    for count, word in (
        (counts[UnitState.RUNNING], "running"),
        (counts[UnitState.VERIFYING], "verifying"),
        (counts[UnitState.FAILED], "failed"),
        (counts[UnitState.CANCELLED], "cancelled"),
    ):
        if count:
            parts.append(f"{count} {word}")
    kept = sum(bool(unit.kept) for unit in units)
    if kept:
        parts.append(f"{kept} kept")
    if cost is not None:
        parts.append(f"${cost:.2f}")
    return ", ".join(parts)
