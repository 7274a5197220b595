"""A unit's work as a plain folder that the user can open, build and look around in, whatever way its worktree is."""

from __future__ import annotations

import time
from pathlib import Path

from fanout_server.model import FanoutError, RunView, UnitState, UnitView
from fanout_server.repo import collect, commits, objects
from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.ways import plain
from fanout_server.run.services import Services

_AT_WORK = {UnitState.RUNNING, UnitState.VERIFYING}


def folder(services: Services, view: RunView, unit: UnitView) -> Path:
    """A git worktree of what the unit has done: of its result, or while it works of its files as they are now.

    The same work is in the same folder each time, with what the user did there. Blocking; raises FanoutError.
    """
    repo = services.repository
    commit = _present(services, view, unit) if unit.state in _AT_WORK else unit.result
    if commit is None:
        raise FanoutError(f"Unit {unit.id} of run {view.id} has no work yet that a folder could show.")
    tree = objects.of(repo).tree_of(commit)
    place = services.folders(view.id).opened / f"{unit.id}-{tree[:8]}"
    if not (place / ".git").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        plain.create(repo, commit, place, f"fanout {view.id}/{unit.id} opened by the user")
    return place


def _present(services: Services, view: RunView, unit: UnitView) -> str:
    repo = services.repository
    place = services.folders(view.id).worktree(unit.id, unit.attempts)
    try:
        tree = collect.present(repo, place, view.base)
    except (OSError, WorktreeFailed) as error:
        # It may end, or write, at this very moment.
        raise FanoutError(f"The files of unit {unit.id} are changing just now ({error}). Try again.") from error
    message = f"fanout run {view.id}, unit {unit.id}: as it was at {time.strftime('%H:%M:%S')}"
    return commits.create(repo, tree, view.base, message)
