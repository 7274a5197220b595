"""What dead processes left is put right at the start. What a living process has is known by the run's lock."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import anyio
import anyio.to_thread

from fanout_server import run_events
from fanout_server.agents import process
from fanout_server.apply import files
from fanout_server.model import RunState
from fanout_server.repo import deleting, pristine, refs, retiring, usage, worktrees
from fanout_server.repo.usage import Usage
from fanout_server.run import temporary
from fanout_server.run.locks import FileLock, is_held
from fanout_server.run.services import Services
from fanout_server.run.state import ACTIVE, fold

_log = logging.getLogger(__name__)

# Folders are counted for the sake of a message; nobody waits longer for that when an editor starts.
_COUNT_SECONDS = 0.2


async def recover(services: Services) -> Usage:
    """After a crash: an apply broken off half-way is taken back, and runs without a process are marked interrupted.

    What they had in use is removed; returns how much that was.
    """
    await anyio.to_thread.run_sync(_recover_apply, services)
    freed = usage.NOTHING
    for run in await anyio.to_thread.run_sync(_dead_runs, services):
        freed += await bury(services, run)
    return freed + await anyio.to_thread.run_sync(_reap_rest, services)


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
    """Those with a lock that nobody holds: whoever lets go removes its file, so that tells of a sudden death. And those
    that have worktrees and no lock: somebody removed it, or died between two steps of cleaning.
    """
    locks = {path.stem for path in locked(services)}
    with_worktrees = worktrees.runs_below(services.repository, services.worktrees_root)
    return sorted(run for run in locks | with_worktrees if not is_held(services.folders(run).lock))


def locked(services: Services) -> list[Path]:
    """The locks of runs that somebody works on, or did when it died."""
    return list((services.repository.state_dir / "runs").glob("*.lock"))


async def bury(services: Services, run: str) -> Usage:
    """The run has no process any more, or so it seems: what it had in use is removed, and it is marked interrupted."""
    path = services.folders(run).lock
    began = path.exists()
    lock = FileLock(path)
    if not await anyio.to_thread.run_sync(lock.acquire):
        return usage.NOTHING
    freed = usage.NOTHING
    try:
        try:
            freed = await anyio.to_thread.run_sync(reap_run, services, run)
        except OSError as error:
            # It stays where it is found again at the next start.
            _log.warning("Cannot remove all that run %s left: %s.", run, error)
        view = fold(await services.journal.events(run))
        if view is None and began:
            await anyio.to_thread.run_sync(_forget_base, services, run)
        elif view is not None and view.state in ACTIVE:
            ended = run_events.RunEnded(run, time.time(), RunState.INTERRUPTED, died(run))
            await services.journal.append(ended)
            services.publish(ended)
    finally:
        lock.release()
    return freed


def died(run: str) -> str:
    """What a run whose process is gone has to say."""
    return f"The process that had it ended suddenly. 'fanout resume {run}' goes on without doing done units again."


def _forget_base(services: Services, run: str) -> None:
    """The run died before its first event. With results it did not: then it is the journal that was lost."""
    if not refs.has_results(services.repository, run):
        refs.delete_run(services.repository, run)


def reap_run(services: Services, run: str) -> Usage:
    """Ends processes that outlived their server and removes the run's worktrees; how much that was. Blocking.

    To be called with the run's lock held.
    """
    process.sweep(f"{run}/")
    temporary.reap(run)
    folder = services.folders(run).worktrees
    taken = usage.of(folder, seconds=_COUNT_SECONDS)
    worktrees.reap(services.repository, folder)
    deleting.discard(folder, pristine.trash(services.state_root))
    empty_trash(services)
    return taken


def empty_trash(services: Services) -> None:
    """What is in our trash folders goes, at once or in the background."""
    deleting.empty(pristine.trash(services.state_root), worktrees.trash(services.repository))


def _reap_rest(services: Services) -> Usage:
    repository, state = services.repository, services.state_root
    freed = usage.NOTHING
    try:
        freed += worktrees.reap_strays(repository)
        freed += retiring.reap(repository, state)
        empty_trash(services)
    except OSError as error:
        _log.warning("Cannot remove all that dead processes left: %s. The next start tries again.", error)
    return freed
