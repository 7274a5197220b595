"""What a run costs beyond its agents: the engine beside ``xargs -P`` over plain ``git worktree add``, in one run.

32 units, 8 at a time, each done by the same scripted agent of known length: it sleeps, then adds a line to its file.
Real agents work for minutes; ten seconds make the overhead weigh far more than it does in use. Measured is

- ours: from the launch of the run (snapshot of the user's files) until its merged result is ready;
- xargs: the shell loop one would write by hand: worktree, agent, commit to a branch, worktree removed. Nothing is
  snapshotted, checked or merged there: 32 branches are left to look after.

``makespan_ratio`` is our wall time by the ideal one (the agents end to end, in rounds of ``jobs``), ``xargs_ratio``
the wall time of xargs by ours, ``overhead_ms_per_unit`` how long a unit keeps its slot beyond its agent's work, the
start and the end of the run included. Ends with one line of JSON; medians over the rounds.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anyio
from attrs import frozen

from fanout_server import model, run_events
from fanout_server.run.engine import Engine

FILES, FOLDERS = 500, 25
_LIMIT_SECONDS = 600

# The agent: how long it works and the file it writes are its arguments.
_AGENT = """\
sleep "$1"
echo "# done" >> "$2"
"""

_BY_HAND = """\
set -e
name=$(echo "$1" | tr ./ --)
git worktree add -q -b "unit-$name" "$WORKTREES/$name"
cd "$WORKTREES/$name"
/bin/sh "$AGENT" "$SECONDS_EACH" "$1"
git commit -qam "$1"
cd "$CHECKOUT"
git worktree remove "$WORKTREES/$name"
"""


class WrongResultError(Exception):
    """What was measured did not do the work, so its time says nothing."""


@frozen
class Measured:
    """Seconds from the launch: until the base was made, until all slots were taken first, until the merged result was
    ready; and how long a unit was at work beyond its agent's time, in the middle of all units.
    """

    base: float
    filled: float
    ready: float
    beside: float


def _memory() -> str | None:
    """A file system in memory, where there is one: on some disks every delete slows the creates of the next round."""
    place = "/dev/shm"  # noqa: S108 - a folder of a random name is made in it
    return place if os.access(place, os.W_OK | os.X_OK) else None


def main() -> int:
    parser = argparse.ArgumentParser(description="The engine's overhead, beside xargs.")
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each agent works")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    ideal = math.ceil(options.units / options.jobs) * options.seconds
    print(f"{options.units} units, {options.jobs} at a time, {options.seconds:g} s each: ideally {ideal:.2f} s")
    print(f"{FILES} files; {os.cpu_count()} processors; load before: {os.getloadavg()[0]:.2f}")
    print(f"{'round':>5} {'ours':>9} {'xargs':>9}")
    ours: list[Measured] = []
    by_hand: list[float] = []
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fanout-bench-", dir=_memory()) as name:
        for number in range(options.rounds):
            place = Path(name, str(number))
            ours.append(_measure_ours(place / "ours", options.units, options.jobs, options.seconds))
            seconds, lost = _measure_xargs(place / "xargs", options.units, options.jobs, options.seconds)
            by_hand.append(seconds)
            failed += lost
            print(f"{number + 1:5} {ours[-1].ready:8.2f}s {by_hand[-1]:8.2f}s", flush=True)
            shutil.rmtree(place)
    wall, other = _median(ours, "ready"), statistics.median(by_hand)
    result = {
        "makespan_ratio": round(wall / ideal, 4),
        "overhead_ms_per_unit": round((wall * options.jobs / options.units - options.seconds) * 1000, 1),
        "xargs_ratio": round(other / wall, 4),
        "wall_s": round(wall, 3),
        "xargs_wall_s": round(other, 3),
        "xargs_units_failed": failed,
        "ideal_s": ideal,
        "rounds": options.rounds,
    }
    print(
        f"base after {_median(ours, 'base') * 1000:.0f} ms,"
        f" all slots taken after {_median(ours, 'filled') * 1000:.0f} ms,"
        f" a unit's own overhead {_median(ours, 'beside') * 1000:.0f} ms"
    )
    print(f"ours {wall / ideal:.3f} of the ideal (goal 1.02), xargs {other / ideal:.3f}")
    print(json.dumps(result))
    return 0


def _median(measured: list[Measured], name: str) -> float:
    return statistics.median(float(getattr(one, name)) for one in measured)


def _make_checkout(place: Path) -> Path:
    """A repository of 500 Python files of 1 to 8 KB, and the agent beside it. Returns the checkout."""
    checkout = place / "checkout"
    dice = random.Random(32)
    for number in range(FILES):
        path = checkout / f"part{number % FOLDERS:02}" / f"module{number:03}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"value_{line} = {dice.randrange(10**9)}\n" for line in range(dice.randrange(50, 400)))
        path.write_text("".join(lines))
    (place / "agent.sh").write_text(_AGENT)
    (place / "by_hand.sh").write_text(_BY_HAND)
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], cwd=checkout, check=True)
    return checkout


def _targets(units: int) -> list[str]:
    return [f"part{number % FOLDERS:02}/module{number:03}.py" for number in range(units)]


def _measure_ours(place: Path, units: int, jobs: int, seconds: float) -> Measured:
    checkout = _make_checkout(place)
    command = ("/bin/sh", str(place / "agent.sh"), f"{seconds:g}", "{file}")
    plan = model.Plan(
        instruction="",
        units=tuple(
            model.Unit(
                id=f"{number + 1:02}",
                title=path,
                prompt="",
                targets=(model.Target(path),),
                variables={"file": path},
                owns=(path,),
            )
            for number, path in enumerate(_targets(units))
        ),
        options=model.Options(agent="command", command=command, jobs=jobs, cache="renew"),
    )
    return anyio.run(_run_plan, checkout, place / "state", plan, seconds)


async def _run_plan(checkout: Path, state: Path, plan: model.Plan, seconds: float) -> Measured:
    ended = anyio.Event()
    heard: dict[type[run_events.Event], list[float]] = {}
    working: dict[str, float] = {}
    failures: list[str] = []

    def hear(event: run_events.Event) -> None:
        now = time.perf_counter() - began
        if isinstance(event, run_events.UnitEnded):
            working[event.unit] = now - working[event.unit]
        elif isinstance(event, run_events.AttemptStarted):
            working[event.unit] = now
        heard.setdefault(type(event), []).append(now)
        if isinstance(event, run_events.RunEnded):
            ended.set()

    def fail(error: model.FanoutError) -> None:
        failures.append(str(error))
        ended.set()

    async with Engine.open(checkout, state_root=state) as engine:
        engine.subscribe(hear)
        run = engine.reserve()
        began = time.perf_counter()
        engine.launch(run, plan, {}, fail)
        with anyio.fail_after(_LIMIT_SECONDS):
            await ended.wait()
        view = await engine.view(run)
    if failures or view.state is not model.RunState.READY or len(view.owners) != len(plan.units):
        raise WrongResultError(f"the run ended as {view.state}: {view.message} {failures} {view.findings}")
    return Measured(
        base=heard[run_events.RunStarted][0],
        filled=heard[run_events.AttemptStarted][plan.options.jobs - 1],
        ready=heard[run_events.RunEnded][0],
        beside=statistics.median(working.values()) - seconds,
    )


def _measure_xargs(place: Path, units: int, jobs: int, seconds: float) -> tuple[float, int]:
    """The seconds that the loop by hand took, and how many of its units failed.

    Parallel ``git worktree`` commands race for git's files now and then; the loop has no answer to that, and is the
    faster for each unit it loses.
    """
    checkout = _make_checkout(place)
    environment = {
        **os.environ,
        "CHECKOUT": str(checkout),
        "WORKTREES": str(place / "worktrees"),
        "AGENT": str(place / "agent.sh"),
        "SECONDS_EACH": f"{seconds:g}",
        "GIT_AUTHOR_NAME": "bench",
        "GIT_AUTHOR_EMAIL": "bench@localhost",
        "GIT_COMMITTER_NAME": "bench",
        "GIT_COMMITTER_EMAIL": "bench@localhost",
    }
    began = time.perf_counter()
    subprocess.run(
        ["xargs", "-P", str(jobs), "-n", "1", "/bin/sh", str(place / "by_hand.sh")],
        cwd=checkout,
        env=environment,
        input="\n".join(_targets(units)).encode(),
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=_LIMIT_SECONDS,
    )
    wall = time.perf_counter() - began
    results = ["git", "log", "--branches=unit-*", "--format=%H", "--not", "HEAD"]
    done = subprocess.run(results, cwd=checkout, capture_output=True, check=True).stdout.split()
    return wall, units - len(done)


if __name__ == "__main__":
    sys.exit(main())
