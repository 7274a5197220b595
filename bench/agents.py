"""What a unit costs beyond its agent's program: claude and codex below the engine, and the same programs alone.

Needs the programs (``make agents``), no key and no network: all of it runs in a network namespace of its own, where a
stand-in answers for the services at once. So next to nothing but the programs' own start-up is measured; a model's
answers take seconds to minutes, and weigh the same on both sides.

- *bare*: the command line, environment and standard input that the adapter makes, started by ``subprocess.Popen`` in
  a plain worktree, several at once; output into a file. From the first start to the last end. The worktree is there
  before, long enough for git to trust its index, and nothing is done with what was written.
- *ours*: a run from its launch until it is ready: snapshot of the user's files, worktrees, supervisors, the journal,
  results collected and checked, integration. The engine is open, the pristine checkout is there, and the agent's
  sign-in was tried before, as from the second run on.

``AGENT_overhead_ms`` is the whole run's time beyond the bare program's, for one unit; ``AGENT_overhead_ms_8`` that of
8 units at once beyond 8 bare programs at once, by 8. ``slot_overhead`` is of the units alone: from the first slot
(``AttemptStarted``) to the last end (``UnitEnded``). ``cpu_overhead`` is processor time of the run, with this process
and what is cleaned up afterwards, beyond that of the bare programs. Both sides take turns, and take turns in coming
first; figures are medians of the rounds' differences.

All of it lies in the working folder, or in memory where that is on a file system that slows rounds (``disk.py``); name
a better one by ``--place``.

Where several codex begin at the very same time, now and then one of them tidies another's folder below its home away,
which then says so and cannot edit. ``lost`` counts such units on each side; they do all the rest.
Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio
import pytest

from bench.starts import bare, disk, figures, ours, task
from bench.starts.figures import GOAL_MS, Round, Spread
from bench.worktrees import repositories
from bench.worktrees.repositories import Made
from bench.worktrees.subject import settle_index
from fanout_server import model
from fanout_server.run.engine import Engine
from tests.real import network, programs

FILES = 300
_AGENTS = ("claude", "codex")


def main() -> int:
    parser = argparse.ArgumentParser(description="Our share of a unit's time, beside the agents' own.")
    parser.add_argument("--agents", nargs="+", choices=_AGENTS, default=_AGENTS)
    parser.add_argument("--units", type=int, default=8, help="at once, besides one alone")
    parser.add_argument("--rounds", type=int, default=15, help="of one unit; of several there are half as many")
    parser.add_argument(
        "--place", type=Path, default=disk.place(), help="a folder on the disk where the state would be"
    )
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.port is not None:
        return _inside(options)
    with tempfile.TemporaryDirectory(prefix="fanout-bench-", dir=options.place) as name:
        try:
            for agent in options.agents:
                programs.path_of(agent)
            with network.opened(Path(name, "asked.jsonl")) as net:
                argv = [sys.executable, "-P", __file__, *sys.argv[1:], "--place", name, "--port", str(net.port)]
                return subprocess.run(net.inside(*argv), check=False).returncode
        except (pytest.skip.Exception, pytest.fail.Exception) as lacking:
            print(lacking, file=sys.stderr)
            return 1


def _inside(options: argparse.Namespace) -> int:
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} processors, load {load:.2f}, uid {os.geteuid()}; {FILES} files in {options.place}",
        flush=True,
    )
    _settle(options.place, options.port)
    made = repositories.make(options.place / "checkout", FILES)
    settle_index(made)
    result: dict[str, object] = {}
    lost = {"bare": 0, "ours": 0}
    print(f"{'ms for each unit':30} {'bare':>8} {'overhead':>9} {'(quarters)':>14} {'slot':>7} {'cpu':>7}")
    for agent in options.agents:
        counts = {1: options.rounds, options.units: (options.rounds + 1) // 2}
        for count, rounds in anyio.run(_measure, made, options.place / agent, agent, counts).items():
            found = _figures(rounds)
            lost["bare"] += sum(one.bare.lost for one in rounds)
            lost["ours"] += sum(one.ours.lost for one in rounds)
            print(_row(f"{agent}, {count} at once", found), flush=True)
            end = "" if count == 1 else f"_{count}"
            result |= {f"{agent}_{name}_ms{end}": round(one.median, 1) for name, one in found.items()}
    result |= {"rounds": options.rounds, "lost": lost, "load": [round(load, 2), round(os.getloadavg()[0], 2)]}
    print(f"goal: an overhead of no more than {GOAL_MS:g} ms")
    print(json.dumps(result))
    return 0


def _settle(place: Path, port: int) -> None:
    """Nobody's settings and nobody's key, here and in all that is started from here."""
    home, temp = place / "home", place / "temp"
    for folder in (home, temp):
        folder.mkdir()
    os.environ |= {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    env = programs.environment("claude", home, temp, port, network.KEY)
    os.environ.clear()
    os.environ |= env


async def _measure(made: Made, place: Path, agent: str, counts: Mapping[int, int]) -> dict[int, list[Round]]:
    """So many rounds for each number of units."""
    found: dict[int, list[Round]] = {}
    # The same again, for the worktrees of the other side.
    theirs = repositories.make(place / "checkout", FILES)
    async with Engine.open(made.root, state_root=place / "state") as engine:
        for count, rounds in counts.items():
            plan = task.plan(agent, made.files[:count])
            prepared = bare.prepare(theirs, plan, place / f"bare-{count}", rounds + 1)
            both = [await _round(engine, plan, starts, number) for number, starts in enumerate(prepared)]
            # The first is for nothing.
            found[count] = both[1:]
    return found


async def _round(engine: Engine, plan: model.Plan, starts: Sequence[bare.Start], number: int) -> Round:
    """Who comes first changes from round to round."""
    alone = bare.measure(plan, starts) if number % 2 else None
    run = await ours.measure(engine, plan)
    return Round(len(plan.units), alone or bare.measure(plan, starts), run)


def _figures(rounds: Sequence[Round]) -> dict[str, Spread]:
    return {
        "overhead": figures.overhead(rounds),
        "slot_overhead": figures.slot_overhead(rounds),
        "cpu_overhead": figures.cpu_overhead(rounds),
        "own_cpu": figures.spread(rounds, lambda one: one.ours.own),
        "bare": figures.spread(rounds, lambda one: one.bare.wall),
        "bare_cpu": figures.spread(rounds, lambda one: one.bare.cpu),
    }


def _row(name: str, found: Mapping[str, Spread]) -> str:
    whole = found["overhead"]
    quarters = f"({whole.low:.1f}-{whole.high:.1f})"
    slot, cpu = found["slot_overhead"].median, found["cpu_overhead"].median
    return f"{name:30} {found['bare'].median:8.1f} {whole.median:9.1f} {quarters:>14} {slot:7.1f} {cpu:7.1f}"


if __name__ == "__main__":
    sys.exit(main())
