"""A process that is killed in the middle of a step. Used as: ``python -m tests.run.dying CHECKOUT STATE POINT``."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio

from fanout_server.model import Options, Plan, Target, Unit
from fanout_server.repo import deleting, entries, refs
from fanout_server.repo.pristine import Pristine
from fanout_server.run import working
from fanout_server.run.engine import Engine
from fanout_server.run.journal import Journal

PATHS = ("a.txt", "b.txt", "src/one.py")


def _die(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(function: Callable[..., Any]) -> Callable[..., Any]:
    def work(*args: object, **more: object) -> Any:
        function(*args, **more)
        return _die()

    return work


def _at_the_entry(work: Callable[..., Any]) -> Callable[..., Any]:
    """When the entry is about to go, and what lies beside it is gone."""

    def discard(path: Path, trash: Path) -> Any:
        return _die() if path.parent.name == "worktrees" else work(path, trash)

    return discard


POINTS: dict[str, tuple[object, str, Callable[..., Any]]] = {
    "the base is made and has no ref": (refs, "set_ref", _die),
    "the base has a ref and there is no event": (refs, "set_ref", _after(refs.set_ref)),
    "the pristine checkout is not finished": (Pristine, "_finish", _die),
    "an entry is made aside": (entries, "_put_in_place", _die),
    "an entry is in place": (entries, "_put_in_place", _after(entries._put_in_place)),
    "a worktree is not finished": (entries, "link", _die),
    "a worktree is ready": (working, "run_program", _die),
    "a worktree goes": (deleting, "discard", _at_the_entry(deleting.discard)),
    "a run is cleaned and not forgotten": (Journal, "forget", _die),
}


async def main() -> None:
    checkout, state, point = sys.argv[1:]
    owner, name, dying = POINTS[point]
    setattr(owner, name, dying)
    units = tuple(
        Unit(id=f"u{number}", title=path, prompt="", targets=(Target(path),), variables={"file": path})
        for number, path in enumerate(PATHS)
    )
    command = ("sh", "-c", 'echo done >> "$1"', "agent", "{file}")
    async with Engine.open(Path(checkout), state_root=Path(state)) as engine:
        run = engine.reserve()
        engine.launch(
            run, Plan("", units, Options(agent="command", command=command)), {}, lambda error: sys.exit(str(error))
        )
        await engine.wait_over(run)
        await engine.clean(also_unapplied=True)


if __name__ == "__main__":
    anyio.run(main)
