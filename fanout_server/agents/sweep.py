"""Finding and killing what belongs to an attempt by the mark in its environment, when all else has failed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

# Every agent has this in its environment, and so has whatever it starts.
MARK_VARIABLE = "FANOUT_ATTEMPT"

_ROUNDS = 20
_ROUND_SECONDS = 0.25
_YOUNG_SECONDS = 5.0
_MOMENT = 0.005


def sweep(prefix: str) -> int:
    """Kills the processes whose ``FANOUT_ATTEMPT`` starts with ``prefix``; answers how many there were. Blocks.

    For use at start, on the runs of a server that is dead. Never touches this process or those it runs under.
    A process that was started with an environment of its own choosing is not found.
    """
    if not prefix:
        raise ValueError("an empty prefix would stop the agents of every server of this user")
    return kill_marked(lambda mark: mark.startswith(prefix))


def kill_marked(wanted: Callable[[str], bool]) -> int:
    """Kills until nobody is left: what was found may have forked before it died."""
    spared = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        others = [process for process in psutil.process_iter() if process.pid not in spared]
        found = [process for process in others if _is_marked(process, wanted)]
        if not found:
            if not any(_is_beginning(process) for process in others):
                break
            time.sleep(_MOMENT)
            continue
        killed.update(process.pid for process in found if _kill(process))
        psutil.wait_procs(found, timeout=_ROUND_SECONDS)
    return len(killed)


def _is_marked(process: psutil.Process, wanted: Callable[[str], bool]) -> bool:
    try:
        mark = process.environ().get(MARK_VARIABLE)
        return mark is not None and wanted(mark) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False  # Gone meanwhile, or another user's: not ours either way.


def _is_beginning(process: psutil.Process) -> bool:
    """Whether it is just becoming another program: for that moment it has no environment to be seen."""
    try:
        young = time.time() - process.create_time() < _YOUNG_SECONDS
        return young and not process.environ() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _kill(process: psutil.Process) -> bool:
    try:
        process.kill()
    except psutil.Error:
        return False
    return True
