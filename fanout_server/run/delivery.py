"""The change set goes to the user, and comes back: edits are worked out, written, recorded and taken back.

An editor asks for the edits, applies them itself and has them recorded; the terminal has them written here.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

import anyio
import anyio.to_thread
from attrs import evolve

from fanout_server import model, run_events
from fanout_server.apply import changeset, edits, files
from fanout_server.apply.content import Content, FileChange, Present
from fanout_server.apply.paths import shown
from fanout_server.model import RunState, RunView, UnitState
from fanout_server.repo import blobs, refs
from fanout_server.repo.keeping import Made, keep
from fanout_server.run import locks, waves
from fanout_server.run.services import Services
from fanout_server.run.state import makers

_APPLY_LIMIT_SECONDS = 60.0
_DELIVERABLE = frozenset({RunState.READY, RunState.APPLIED, RunState.REVERTED, RunState.CANCELLED, RunState.FAILED})


class NotDeliverable(model.FanoutError):
    """The run is in no state to be applied or reverted; the text says which and what to do."""


def check_mode(view: RunView) -> None:
    """Raises NotDeliverable where units were not to change anything."""
    if view.plan.options.mode == "review":
        raise NotDeliverable(
            f"Run {view.id} only reviewed: nothing was changed, so there is nothing to apply. 'fanout show {view.id}"
            " --what report' (in the editor: fanout.show with report) has what was found."
        )


async def plan_apply(
    services: Services,
    view: RunView,
    present: Present,
    units: Collection[str] | None = None,
    paths: Collection[str] | None = None,
) -> edits.EditPlan:
    """What applying the run, or some of its units or files, would change now. Changes nothing of the user's.

    Raises NotDeliverable.
    """
    check_mode(view)
    if view.state is RunState.INTERRUPTED:
        raise NotDeliverable(f"Run {view.id} was interrupted. 'fanout resume {view.id}' finishes it; then apply it.")
    if view.state is RunState.DISCARDED:
        raise NotDeliverable(f"Run {view.id} was discarded. Start a new run.")
    if view.merged is None or view.state not in _DELIVERABLE:
        raise NotDeliverable(f"Run {view.id} is {view.state} and has no results to apply yet. Wait for it to be ready.")
    return await anyio.to_thread.run_sync(_plan_apply, services, view, present, units, paths)


def _plan_apply(
    services: Services,
    view: RunView,
    present: Present,
    units: Collection[str] | None,
    paths: Collection[str] | None,
) -> edits.EditPlan:
    repository = services.repository
    merged, owners = view.merged, view.owners
    if units is not None:
        unknown = set(units) - {unit.id for unit in view.units}
        if unknown:
            raise NotDeliverable(f"Run {view.id} has no unit {', '.join(sorted(unknown))}.")
        results = {
            unit.id: unit.result
            for unit in view.units
            if unit.id in units and unit.result and unit.state is UnitState.DONE
        }
        part = waves.integrate(repository, view.id, view.base, view.plan, results)
        merged, owners = part.merged, part.owners
    if merged is None:
        raise AssertionError("checked by plan_apply")
    changes = changeset.load(repository, view.base, merged, owners)
    whole = {change.path for change in changes}
    if view.delivered:
        has = _comparable(view, view.delivered[-1], merged, units)
        changes = _since(services, has, merged, owners, changes)
    if paths is not None:
        changes = _of(view, changes, whole, paths)
    plan = edits.plan_edits(changes, present, sides=services.sides(view.id))
    return evolve(plan, merged=merged, rest=_rest(view, changes, units, paths))


def _comparable(
    view: RunView, before: model.Delivered, merged: str, units: Collection[str] | None
) -> Mapping[str, str]:
    """The files of which the user has another change set than this one, by their change set.

    Of a part only those that nobody else had a hand in: what the others did would be taken away again.
    """
    by = {} if units is None else makers(view.units)
    return {
        path: older
        for path, older in before.files.items()
        if older != merged and (units is None or by.get(path, set()) <= set(units))
    }


def _since(
    services: Services,
    has: Mapping[str, str],
    merged: str,
    owners: Mapping[str, tuple[str, ...]],
    changes: tuple[FileChange, ...],
) -> tuple[FileChange, ...]:
    """Some units were done again after an apply: where the user has an older change set, the newer one is about it.

    Where both made the same of a file it is taken for new: the user may have undone it since.
    """
    newer: list[FileChange] = []
    for older in dict.fromkeys(has.values()):
        found = changeset.load(services.repository, older, merged, owners)
        newer += [change for change in found if has.get(change.path) == older]
    differ = {change.path for change in newer}
    return (*newer, *(change for change in changes if change.path not in differ))


def _of(
    view: RunView, changes: tuple[FileChange, ...], whole: Collection[str], paths: Collection[str]
) -> tuple[FileChange, ...]:
    """The changes of these paths; a renamed file has two. Raises NotDeliverable."""
    wanted = set(paths)
    chosen = tuple(change for change in changes if wanted & {change.path, change.renamed_from})
    named = {path for change in chosen for path in (change.path, change.renamed_from)}
    strange = sorted(wanted - named - set(whole))
    if strange:
        raise NotDeliverable(
            f"Run {view.id} has no change of {', '.join(shown(path) for path in strange)} to apply. Its status lists"
            " the files of its units."
        )
    return chosen


def _rest(
    view: RunView, chosen: Collection[FileChange], units: Collection[str] | None, paths: Collection[str] | None
) -> tuple[str, ...]:
    """The files of the whole change set that are left for another time."""
    before = view.delivered[-1].rest if view.delivered else tuple(view.owners)
    named = {path for change in chosen for path in (change.path, change.renamed_from)}
    return tuple(
        path
        for path in before
        if (units is not None and not set(view.owners.get(path, ())) <= set(units))
        or (paths is not None and path not in named and path not in paths)
    )


async def plan_revert(services: Services, view: RunView, present: Present) -> edits.EditPlan:
    """What taking the last apply of the run back would change now, keeping what was typed since."""
    if not view.applied:
        raise NotDeliverable(f"Run {view.id} is not applied, so there is nothing to take back.")
    return await anyio.to_thread.run_sync(_plan_revert, services, view, present)


def _plan_revert(services: Services, view: RunView, present: Present) -> edits.EditPlan:
    after = view.applied[-1]
    changes = changeset.load_raw(services.repository, after, f"{after}^", view.owners)
    return edits.plan_edits(changes, present, sides=services.sides(view.id), taking_back=True)


async def write(services: Services, plan: edits.EditPlan) -> None:
    """Writes the edits into the checkout, all or none. Raises ChangedMeanwhile, RunBusy, FanoutError."""
    root = services.repository.root
    async with locks.waiting_for(services.apply_lock, _APPLY_LIMIT_SECONDS, "applying results to this checkout"):
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(files.write, root, plan.edits, services.apply_store)


async def keep_applied(services: Services, run: str, plan: edits.EditPlan) -> str:
    """Keeps what the edits write, and what stood there before, as commits; returns the commit of the former."""
    return await anyio.to_thread.run_sync(_keep, services, run, plan, (refs.applied_ref(run),))


async def keep_replaced(services: Services, run: str, plan: edits.EditPlan) -> None:
    """Keeps the same of edits that are no apply of the run and are not taken back with it."""
    await anyio.to_thread.run_sync(_keep, services, run, plan, ())


def _keep(services: Services, run: str, plan: edits.EditPlan, also: Collection[str]) -> str:
    repository = services.repository
    before: dict[str, Content] = {}
    after: dict[str, Content] = {}
    for edit in plan.edits:
        if edit.before is not None:
            before[edit.renamed_from or edit.path] = edit.before
        if edit.after is not None:
            after[edit.path] = edit.after

    def make() -> Made[str]:
        was = blobs.commit_files(repository, _plain(before), None, f"fanout run {run}: before apply")
        commit = blobs.commit_files(repository, _plain(after), was, f"fanout run {run}: applied")
        kept = {refs.kept_ref(run, plan.merged): plan.merged} if plan.merged else {}
        kept |= dict.fromkeys((*also, refs.kept_ref(run, commit)), commit)
        return Made(commit, kept)

    return keep(repository, make, "What apply replaces")


async def last_kept(services: Services, run: str) -> str | None:
    """The commit of an apply that was begun but not recorded, if there is one."""
    return await anyio.to_thread.run_sync(refs.read_ref, services.repository, refs.applied_ref(run))


def _plain(contents: Mapping[str, Content]) -> dict[str, tuple[int, bytes]]:
    return {path: (content.mode, content.data) for path, content in contents.items()}


def applied_event(run: str, kept: str, plan: edits.EditPlan) -> run_events.RunApplied:
    return run_events.RunApplied(
        run, time.time(), kept, _paths(plan), plan.left, plan.merged, plan.unchanged, plan.rest
    )


def unchanged_event(run: str, kept: str, plan: edits.EditPlan) -> run_events.RunApplied:
    return run_events.RunApplied(
        run, time.time(), kept, (), merged=plan.merged, unchanged=plan.unchanged, rest=plan.rest
    )


def reverted_event(run: str, plan: edits.EditPlan) -> run_events.RunReverted:
    return run_events.RunReverted(run, time.time(), _paths(plan), plan.left)


def _paths(plan: edits.EditPlan) -> tuple[str, ...]:
    return tuple(edit.path for edit in plan.edits)
