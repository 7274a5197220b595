"""How many checks it takes to find who spoils the merged result, and how long, with real worktrees.

The search alone, for 8, 32 and 128 units and ``jobs`` of 4: the most checks over every place of one culprit, and over
many pairs of two that only fail together. Each count holds the proof: every verdict that a name hangs on, given twice.
Then two whole runs of 32 units, whose check is a program in worktrees of its own; what is counted there are programs
that ran after the first one failed, the base among them.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anyio
from attrs import define

from fanout_server import run_events
from fanout_server.model import FanoutError, Options, Plan, RunView, Target, Unit
from fanout_server.review.culprits import find_culprits
from fanout_server.run.engine import Engine

COUNTS = (8, 32, 128)
JOBS = 4
_PAIRS = 400
_REAL = 32
_LIMIT_SECONDS = 300

# What is wrong is not located, as with a test suite that only says that it fails: nobody can be suspected.
_CHECK = """\
import pathlib, sys
words = {word for path in pathlib.Path('.').glob('*.txt') for word in path.read_text().split()}
sys.exit('bad' in words or {'left', 'right'} <= words)
"""


class WrongResultError(Exception):
    """What was measured did not find who was planted, so its figures say nothing."""


@define
class _Counting:
    culprits: frozenset[str]
    asked: int = 0

    async def __call__(self, units: frozenset[str], *, again: bool) -> bool:
        del again
        self.asked += 1
        return not self.culprits <= units


def measure(log: Callable[[str], None]) -> dict[str, float | int]:
    """Raises WrongResultError."""
    found: dict[str, float | int] = {}
    for count in COUNTS:
        found[f"bisect_checks_{count}"] = _most(count, [frozenset({unit}) for unit in _names(count)])
        found[f"bisect_pair_checks_{count}"] = _most(count, _pairs(count))
        log(
            f"bisection, {count} units: one culprit in {found[f'bisect_checks_{count}']} checks at most,"
            f" a pair in {found[f'bisect_pair_checks_{count}']}"
        )
    for name, words in (("", {"u19": "bad"}), ("_pair", {"u07": "left", "u22": "right"})):
        checks, seconds = anyio.run(_real_run, words)
        found[f"bisect_real{name}_checks_{_REAL}"] = checks
        found[f"bisect_real{name}_s_{_REAL}"] = round(seconds, 2)
        log(
            f"bisection, {_REAL} units in real worktrees, culprits {', '.join(words)}: {checks} checks, {seconds:.1f} s"
        )
    return found


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"u{number:02}" for number in range(count))


def _pairs(count: int) -> list[frozenset[str]]:
    pairs = [frozenset(pair) for pair in itertools.combinations(_names(count), 2)]
    return random.Random(6).sample(pairs, min(_PAIRS, len(pairs)))


def _most(count: int, planted: list[frozenset[str]]) -> int:
    return max(anyio.run(_checks, count, culprits) for culprits in planted)


async def _checks(count: int, culprits: frozenset[str]) -> int:
    judge = _Counting(culprits)
    found = await find_culprits(_names(count), judge, jobs=JOBS)
    if found.culprits != culprits or len(found.groups) != 1:
        raise WrongResultError(f"planted {sorted(culprits)}, found {found.groups}")
    return judge.asked


async def _real_run(words: dict[str, str]) -> tuple[int, float]:
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder:
        checkout = Path(folder) / "checkout"
        await anyio.to_thread.run_sync(_make, checkout)
        async with Engine.open(checkout, state_root=Path(folder) / "state") as engine:
            started: list[run_events.CheckStarted] = []
            ended: list[run_events.CheckEnded] = []
            engine.subscribe(
                lambda event: started.append(event) if isinstance(event, run_events.CheckStarted) else None
            )
            engine.subscribe(lambda event: ended.append(event) if isinstance(event, run_events.CheckEnded) else None)
            begun = time.monotonic()
            view = await _run(engine, _plan(words))
            if [set(one.units) for one in view.findings if one.code == "check/culprit"] != [set(words)]:
                raise WrongResultError(f"planted {sorted(words)}: {view.message} {time.monotonic() - begun:.0f} s")
            return len(started) - 1, ended[0].seconds


async def _run(engine: Engine, plan: Plan) -> RunView:
    failures: list[FanoutError] = []
    run = engine.reserve()
    engine.launch(run, plan, {}, failures.append)
    with anyio.fail_after(_LIMIT_SECONDS):
        view = await engine.wait(run)
    if failures:
        raise failures[0]
    return view


def _make(checkout: Path) -> None:
    checkout.mkdir()
    for name in _names(_REAL):
        (checkout / f"{name}.txt").write_text("first\n")
    (checkout / "check.py").write_text(_CHECK)
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=checkout, check=True, timeout=60)


def _plan(words: dict[str, str]) -> Plan:
    units = tuple(_unit(name, words.get(name, "good")) for name in _names(_REAL))
    command = ("sh", "-c", 'echo "$1" >> "$2"', "agent", "{word}", "{file}")
    check = (sys.executable, "check.py")
    options = Options(agent="command", command=command, jobs=JOBS, check=check, cache="renew")
    return Plan("Add a word.", units, options)


def _unit(name: str, word: str) -> Unit:
    file = f"{name}.txt"
    return Unit(name, name, "Add a word.", (Target(file),), variables={"word": word, "file": file})
