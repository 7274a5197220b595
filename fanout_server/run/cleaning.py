"""``clean``: what nobody needs any more is removed when asked, and told."""

from __future__ import annotations

import time
from collections.abc import Iterable

import anyio.to_thread
from attrs import field, frozen

from fanout_server.model import RunState, RunView
from fanout_server.repo import deleting, pristine, refs, retiring, usage, worktrees
from fanout_server.repo.retiring import Retired
from fanout_server.repo.usage import NOTHING, Usage
from fanout_server.repo.ways import pool
from fanout_server.run import recovery
from fanout_server.run.locks import FileLock
from fanout_server.run.services import Services
from fanout_server.run.state import ACTIVE

_OLD_SECONDS = 14 * 24 * 3600.0


@frozen
class Freed:
    """``runs`` were removed, with ``refs`` refs; ``kept`` still have results that nobody applied.

    ``usage`` is what they had on the disk, ``pristine`` the checkouts that went, ``pooled`` the worktrees that
    waited for another use.
    """

    runs: tuple[str, ...]
    kept: tuple[str, ...]
    usage: Usage
    refs: int = 0
    pristine: tuple[Retired, ...] = field(default=())
    pooled: Usage = NOTHING


async def clean(
    services: Services, views: Iterable[RunView], *, also_unapplied: bool, older_than: float | None
) -> Freed:
    """Removes refs, files and journal of runs that are discarded, taken back, or old and delivered.

    ``older_than`` is the age in seconds from which a delivered or empty run counts as old, 14 days if ``None``.
    A run with results that nobody applied goes only with ``also_unapplied``, as does this repository's pristine
    checkout before its time; a running one never.
    """
    age = _OLD_SECONDS if older_than is None else older_than
    removed: list[str] = []
    kept: list[str] = []
    size, names = usage.NOTHING, 0
    for view in views:
        if view.state in ACTIVE:
            continue
        if _unneeded(view, age) or also_unapplied:
            lock = FileLock(services.folders(view.id).lock)
            if not await anyio.to_thread.run_sync(lock.acquire):
                # Somebody has just resumed it.
                continue
            try:
                taken, count = await anyio.to_thread.run_sync(_remove, services, view.id)
                await services.journal.forget(view.id)
            finally:
                lock.release()
            size, names = size + taken, names + count
            removed.append(view.id)
        elif view.state is not RunState.APPLIED or view.rest:
            kept.append(view.id)
    retired = await anyio.to_thread.run_sync(_retire, services, also_unapplied)
    await anyio.to_thread.run_sync(recovery.empty_trash, services)
    pooled = await anyio.to_thread.run_sync(pool.drop, services.state_root, services.repository)
    return Freed(tuple(removed), tuple(kept), size, names, retired, pooled)


def _retire(services: Services, this_one: bool) -> tuple[Retired, ...]:  # noqa: FBT001 - run_sync takes no keywords
    return retiring.retire(services.repository, services.state_root, this_one=this_one)


def _unneeded(view: RunView, age: float) -> bool:
    if view.state in {RunState.DISCARDED, RunState.REVERTED}:
        return True
    old = time.time() - (view.ended or view.started) >= age
    empty = view.state is not RunState.INTERRUPTED and not any(unit.result for unit in view.units)
    return old and (empty or (view.state is RunState.APPLIED and not view.rest))


def _remove(services: Services, run: str) -> tuple[Usage, int]:
    """What it had on the disk, and how many refs."""
    taken = recovery.reap_run(services, run)
    folders = services.folders(run)
    if folders.opened.is_dir():
        taken += usage.of(folders.opened)
        worktrees.reap(services.repository, folders.opened)
    for folder in (folders.logs, services.sides(run)):
        taken += usage.of(folder)
        deleting.discard(folder, pristine.trash(services.state_root))
    deleting.discard(folders.opened, pristine.trash(services.state_root))
    return taken, refs.delete_run(services.repository, run)
