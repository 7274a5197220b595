"""What dead processes left is put right at the start; what nobody needs any more is removed when asked."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import anyio
import anyio.to_thread
from attrs import frozen

from fanout_server import model
from fanout_server.agents import process
from fanout_server.apply import files
from fanout_server.model import RunState, RunView
from fanout_server.repo import deleting, pristine, refs, worktrees
from fanout_server.run.locks import FileLock, is_held
from fanout_server.run.services import Services
from fanout_server.run.state import ACTIVE, fold

_log = logging.getLogger(__name__)

_OLD_SECONDS = 14 * 24 * 3600.0


@frozen
class Freed:
    """``runs`` were removed; ``kept`` still have results that nobody applied; ``size`` counts bytes of files."""

    runs: tuple[str, ...]
    kept: tuple[str, ...]
    size: int


def now() -> float:
    return time.time()


async def recover(services: Services) -> None:
    """After a crash: an apply broken off half-way is taken back, and runs without a process are marked interrupted."""
    await anyio.to_thread.run_sync(_recover_apply, services)
    for run in await anyio.to_thread.run_sync(_dead_runs, services):
        await _interrupt(services, run)


def _recover_apply(services: Services) -> None:
    lock = FileLock(services.apply_lock)
    if not lock.acquire():
        return
    try:
        for path in files.recover(services.repository.root, services.apply_store):
            _log.warning("An apply was broken off; %s is as it was before.", path)
    finally:
        lock.release()


def _dead_runs(services: Services) -> list[str]:
    """A lock's file is removed by whoever lets go of it, so a file that nobody holds tells of a sudden death."""
    folder = services.repository.state_dir / "runs"
    return [path.stem for path in sorted(folder.glob("*.lock")) if not is_held(path)]


async def _interrupt(services: Services, run: str) -> None:
    lock = FileLock(services.folders(run).lock)
    if not await anyio.to_thread.run_sync(lock.acquire):
        return
    try:
        await anyio.to_thread.run_sync(reap_run, services, run)
        view = fold(await services.journal.events(run))
        if view is None:
            await anyio.to_thread.run_sync(refs.delete_run, services.repository, run)
        elif view.state in ACTIVE:
            message = (
                f"The process that had it ended suddenly. 'fanout resume {run}' goes on without doing done units again."
            )
            await services.journal.append(model.RunEnded(run, now(), RunState.INTERRUPTED, message))
    finally:
        lock.release()


def reap_run(services: Services, run: str) -> None:
    """Ends processes that outlived their server and removes the run's worktrees. Blocking."""
    process.sweep(f"{run}/")
    folders = services.folders(run)
    if folders.worktrees.is_dir():
        worktrees.reap(services.repository, folders.worktrees)
        deleting.discard(folders.worktrees, pristine.trash(services.state_root))
    deleting.empty(pristine.trash(services.state_root), worktrees.trash(services.repository))


async def clean(
    services: Services, views: Iterable[RunView], *, also_unapplied: bool, older_than: float | None
) -> Freed:
    """Removes refs, files and journal of runs that are discarded, taken back, or old and delivered.

    ``older_than`` is the age in seconds from which a delivered or empty run counts as old, 14 days if ``None``.
    A run with results that nobody applied goes only with ``also_unapplied``; a running one never.
    """
    age = _OLD_SECONDS if older_than is None else older_than
    removed: list[str] = []
    kept: list[str] = []
    size = 0
    for view in views:
        if view.state in ACTIVE:
            continue
        if _unneeded(view, age) or also_unapplied:
            size += await anyio.to_thread.run_sync(_remove, services, view.id)
            await services.journal.forget(view.id)
            removed.append(view.id)
        elif view.state is not RunState.APPLIED:
            kept.append(view.id)
    return Freed(tuple(removed), tuple(kept), size)


def _unneeded(view: RunView, age: float) -> bool:
    if view.state in {RunState.DISCARDED, RunState.REVERTED}:
        return True
    old = now() - (view.ended or view.started) >= age
    empty = view.state is not RunState.INTERRUPTED and not any(unit.result for unit in view.units)
    return old and (empty or view.state is RunState.APPLIED)


def _remove(services: Services, run: str) -> int:
    reap_run(services, run)
    folders = services.folders(run)
    size = 0
    if folders.opened.is_dir():
        worktrees.reap(services.repository, folders.opened)
    for folder in (folders.logs, folders.worktrees, folders.opened, services.sides(run)):
        size += _size(folder)
        if folder.is_dir():
            shutil.rmtree(folder)
    folders.lock.unlink(missing_ok=True)
    refs.delete_run(services.repository, run)
    return size


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(Path(parent) / name).st_size for name in names)
    return total
