"""A process that works on a run and is killed at the N-th write to the journal, just before or just after it.

Used as: ``python -m tests.run.crashing CHECKOUT STATE TALLY N before|after [retry]``. With ``retry`` it is killed when
a unit of a run that is over is done again with a note. The agents write their unit's name to TALLY each time they do
their work, so that a test can count how often each was done.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import anyio

from fanout_server import run_events
from fanout_server.model import Options, Plan, Target, Unit
from fanout_server.run.engine import Engine
from fanout_server.run.journal import Journal

PATHS = ("a.txt", "b.txt", "src/one.py")


def plan(tally: Path) -> Plan:
    script = f'echo "$1" >> \'{tally}\'; echo done >> "$1"'
    units = tuple(
        Unit(id=f"u{number}", title=path, prompt="", targets=(Target(path),), variables={"file": path})
        for number, path in enumerate(PATHS)
    )
    return Plan("", units, Options(agent="command", command=("sh", "-c", script, "agent", "{file}"), jobs=1))


def kill_at(number: int, when: str) -> None:
    """From now on the ``number``-th append of a Journal is the last thing that this process does."""
    append = Journal.append
    count = 0

    async def counted(journal: Journal, *events: run_events.Event) -> None:
        nonlocal count
        count += 1
        if count == number and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await append(journal, *events)
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(Journal, "append", counted)  # noqa: B010  mypy forbids the plain assignment


async def main() -> None:
    checkout, state, tally, number, when, *retry = sys.argv[1:]
    if not retry:
        kill_at(int(number), when)
    async with Engine.open(Path(checkout), state_root=Path(state)) as engine:
        run = engine.reserve()
        engine.launch(run, plan(Path(tally)), {}, lambda error: sys.exit(str(error)))
        await engine.wait_over(run)
        if retry:
            kill_at(int(number), when)
            await engine.retry(run, ["u1"], "once more", lambda error: sys.exit(str(error)))
            await engine.wait_over(run)


if __name__ == "__main__":
    anyio.run(main)
