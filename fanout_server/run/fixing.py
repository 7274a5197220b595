"""What was left out of the change set or of the user's files is brought in after all, as the user says. Blocking."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from attrs import evolve

from fanout_server.apply import automatic, changeset
from fanout_server.apply.conflicts import CODE, SIDE_BASE, SIDE_RESULT
from fanout_server.apply.content import REGULAR, Content, FileChange, Present
from fanout_server.apply.edits import EditPlan, file_edits, plan_edits
from fanout_server.apply.resolving import Choice, resolve
from fanout_server.merging import lines
from fanout_server.merging.ladder import Ladder
from fanout_server.model import Finding, RunView, Severity
from fanout_server.repo import commits
from fanout_server.run import replacing
from fanout_server.run.integrate import not_owned
from fanout_server.run.replacing import NotFixable
from fanout_server.run.services import Services
from fanout_server.run.state import is_of_review


def choices(view: RunView, finding: Finding) -> tuple[Choice, ...]:
    """What the user can choose from; what is there to be dismissed only has none."""
    replaced = (Choice.REPLACE,) if finding.replacement is not None else ()
    if view.plan.options.mode == "review":
        return replaced
    if finding.path is not None and finding.code == CODE:
        return (Choice.MINE, Choice.THEIRS, Choice.BOTH)
    if automatic.can_be_undone(finding):
        return (Choice.MINE, Choice.THEIRS)
    if finding.path is not None and finding.units and finding.range is not None and is_of_review(finding):
        unit = next((one for one in view.units if one.id == finding.units[0]), None)
        whole = (Choice.DROP_UNIT,) if unit is not None and len(unit.files) > 1 else ()
        return (*replaced, Choice.DROP, *whole)
    if finding.code == "unit/out-of-scope" and finding.severity is Severity.WARNING:
        return (Choice.THEIRS,)
    return ()


def plan(services: Services, view: RunView, finding: Finding, choice: Choice, present: Present) -> EditPlan:
    """What the choice would change now. Changes nothing. Raises NotFixable, Unresolvable, Unreadable."""
    if finding.path is None or choice not in choices(view, finding):
        raise NotFixable(f"A finding of the kind {finding.code} has no such sides to choose from.")
    if choice is Choice.REPLACE:
        return replacing.plan(services, view, finding, present)
    if choice is Choice.DROP:
        return _plan_of_drop(services, view, finding, present)
    if choice is Choice.DROP_UNIT:
        return _plan_to_drop_unit(services, view, finding, present)
    if finding.code == automatic.CODE:
        return _plan_to_undo(view, finding, finding.path, choice, present)
    if finding.code != CODE:
        return _plan_of_strays(services, view, finding, present)
    now = present.read(finding.path)
    mode = REGULAR if now is None else now.mode
    sides = _kept(finding, mode) or of_unit(services, view, finding)
    if sides is None:
        raise NotFixable(
            f"What was left out of '{finding.path}' is kept no more. The diff of run {view.id} may still have it."
        )
    old, new = sides
    after = resolve(finding.path, old, now, new, choice)
    return EditPlan(file_edits(finding.path, now, after, finding.units), (), ())


def _plan_to_undo(view: RunView, finding: Finding, path: str, choice: Choice, present: Present) -> EditPlan:
    now = present.read(path)
    if now is None or not view.delivered or path not in view.delivered[-1].files:
        raise NotFixable(f"'{path}' is not applied, so there is nothing to undo in it. Apply run {view.id} first.")
    after = automatic.undo(finding, now, choice, _merged)
    return EditPlan(file_edits(path, now, after, finding.units), (), ())


def _merged(path: str, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    with Ladder() as ladder:
        settled = ladder.climb(path, base, ours, theirs)
    return lines.merge_beside(base, ours, theirs) if settled is None else settled.data


def _kept(finding: Finding, mode: int) -> tuple[Content | None, Content | None] | None:
    """The sides that were written down when the user's text and the result did not fit."""
    sides: dict[str, Content] = {}
    for one in finding.related:
        ending = next((ending for ending in (SIDE_BASE, SIDE_RESULT) if one.path.endswith(ending)), None)
        if ending is not None and one.path.startswith("/"):
            try:
                sides[ending] = Content(mode, Path(one.path).read_bytes())
            except FileNotFoundError:
                return None
            except OSError as error:
                raise NotFixable(f"{one.path} cannot be read: {error.strerror}. Mend that, then try again.") from error
    return (sides.get(SIDE_BASE), sides.get(SIDE_RESULT)) if sides else None


def _plan_of_strays(services: Services, view: RunView, finding: Finding, present: Present) -> EditPlan:
    """What the unit wrote and does not own; what you changed of it meanwhile is merged."""
    unit = next((one for one in view.plan.units if one.id in finding.units), None)
    result = next((one.result for one in view.units if unit is not None and one.id == unit.id), None)
    if unit is None or unit.owns is None or result is None:
        raise NotFixable(f"What was left out is kept no more. The report of run {view.id} says what it was.")
    base = commits.parent(services.repository, result) or view.base
    found = changeset.load(services.repository, base, result, {})
    strays = set(not_owned(unit.owns, [change.path for change in found]))
    changes = [evolve(change, units=finding.units) for change in found if change.path in strays]
    made = plan_edits(changes, present)
    if made.left:
        raise NotFixable(" ".join(one.message for one in made.left))
    return made


def settled_with(view: RunView, finding: Finding, choice: Choice) -> tuple[Finding, ...]:
    """What else is settled by the choice: of a unit that goes, what was found in its parts alone."""
    if choice is not Choice.DROP_UNIT:
        return ()
    gone = finding.units[:1]
    return tuple(one for one in view.findings if one != finding and one.units == gone and is_of_review(one))


def _plan_of_drop(services: Services, view: RunView, finding: Finding, present: Present) -> EditPlan:
    """The first unit's change of the file, backwards; what others and you changed of it stays."""
    unit, found = _parts_of(services, view, finding)
    change = next((one for one in found if one.path == finding.path), None)
    if not view.delivered or finding.path not in view.delivered[-1].files:
        raise NotFixable(f"'{finding.path}' does not have the unit's part yet. Apply run {view.id} to it first.")
    if change is None or change.renamed_from is not None:
        raise NotFixable(f"Unit {unit} moved '{finding.path}' or did not change it. Change the file by hand.")
    return _backwards([change], unit, present)


def _plan_to_drop_unit(services: Services, view: RunView, finding: Finding, present: Present) -> EditPlan:
    """All that the first unit changed of what you have, backwards, or nothing of it."""
    unit, found = _parts_of(services, view, finding)
    has = view.delivered[-1].files if view.delivered else {}
    changes = [one for one in found if one.path in has]
    moved = next((one for one in changes if one.renamed_from is not None), None)
    if moved is not None:
        raise NotFixable(f"Unit {unit} moved '{moved.renamed_from}' to '{moved.path}'. Take back its changes by hand.")
    if not changes:
        raise NotFixable(f"Nothing of unit {unit} is applied. Apply run {view.id} without it.")
    return _backwards(changes, unit, present)


def _parts_of(services: Services, view: RunView, finding: Finding) -> tuple[str, tuple[FileChange, ...]]:
    """The id of the finding's first unit, and what it changed."""
    unit = next((one for one in view.units if one.id in finding.units[:1]), None)
    if unit is None or unit.result is None:
        raise NotFixable(f"What the unit made of '{finding.path}' is kept no more, so it cannot be taken out.")
    began = commits.parent(services.repository, unit.result) or view.base
    return unit.id, tuple(changeset.load(services.repository, began, unit.result, {}))


def _backwards(changes: Collection[FileChange], unit: str, present: Present) -> EditPlan:
    back = [FileChange(change.path, change.new, change.old, (unit,)) for change in changes]
    made = plan_edits(back, present, taking_back=True)
    if made.left:
        names = ", ".join(f"'{one.path}'" for one in made.left)
        raise NotFixable(
            f"Others changed the same lines of {names} as unit {unit}, so its part cannot be taken out alone. Change"
            " the file by hand."
        )
    if not made.edits:
        raise NotFixable(f"Nothing of unit {unit} is left in {len(back)} file(s). Dismiss the finding.")
    return made


def of_unit(services: Services, view: RunView, finding: Finding) -> tuple[Content | None, Content | None] | None:
    """What the unit made of the file that does not fit what earlier units made of it."""
    unit = next((one for one in view.units if one.id in finding.units[:1]), None)
    if unit is None or unit.result is None:
        return None
    base = commits.parent(services.repository, unit.result) or view.base
    found = changeset.load(services.repository, base, unit.result, {})
    change = next((one for one in found if finding.path in {one.path, one.renamed_from}), None)
    return None if change is None else (change.old, change.new)
