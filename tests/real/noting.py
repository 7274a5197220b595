"""A unit is told something while its agent runs a tool: ``python -m tests.real.noting AGENT CHECKOUT TEMP``.

Prints how the note was delivered and what the unit came to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio

from fanout_server.model import Options, Plan, Target, Unit
from fanout_server.run.engine import Engine

NOTE = "Mind this, too.\nstandin: read b.txt\nstandin: write more.txt = as the note said"


async def main(agent: str, checkout: Path, temp: Path) -> None:
    began, go = temp / "began", temp / "go"
    # The tool that runs tells when, and waits.
    wait = f"standin: run touch {began}; while ! test -e {go}; do sleep 0.05; done"
    prompt = f"Greet.\nstandin: read a.txt\nstandin: write a.txt = hello\n{wait}"
    unit = Unit("u", "u", prompt, (Target("a.txt"),))
    plan = Plan("Greet.", (unit,), Options(agent=agent, allow=("Bash",), attempts=1, timeout=30.0))
    async with Engine.open(checkout) as engine:
        run = engine.reserve()
        engine.launch(run, plan, {}, lambda error: sys.exit(str(error)))
        with anyio.fail_after(20):
            while not began.exists():  # noqa: ASYNC110  another process tells
                await anyio.sleep(0.02)
        delivered = await engine.send(run, "u", NOTE)
        go.touch()
        view = await engine.wait(run)
    (seen,) = view.units
    told = {"delivered": delivered, "state": seen.state, "attempts": seen.attempts, "files": seen.files}
    sys.stdout.write(json.dumps(told | {"message": seen.message}) + "\n")
    began.unlink()
    go.unlink()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
