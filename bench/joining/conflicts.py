"""Conflicts: a made case of 12 units on 12 shared files and one on 40, and the time of many units.

*completed* is a file to which nobody's part is missing; *right* is one that parses and has each part once; *wrong* is
completed and not right; *left* is the rest. Two of the twelve files, and four of the forty, cannot be merged: there
each unit wants another value. ``git`` is ``git merge-tree`` alone, ``union`` is ``merge=union`` for all files.

``integrate_128_s``: 128 units in a repository of 70,000 files, of which each makes a file, edits one, and adds to one
of 8 shared registries; all results are merged at once and reviewed, with nothing known of any file before.
``integrate_share``: that, of the least that one unit takes.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
from attrs import frozen

from bench.joining import cases, judging
from bench.joining.cases import Shared
from bench.worktrees import repositories
from fanout_server.merging.ladder import Ladder
from fanout_server.model import FanoutError, Options, Plan, RunState, Target, Unit
from fanout_server.repo import merge, objects, trees
from fanout_server.repo.repository import Repository
from fanout_server.repo.unmerged import Settle
from fanout_server.run import reviewing
from fanout_server.run.engine import Engine
from fanout_server.run.integrate import integrate
from tests.repo.results import Units

Log = Callable[[str], None]
_UNITS = range(1, 13)
_FILES, _MANY = 70_000, 128
_LIMIT_SECONDS = 600.0


@frozen
class _Outcome:
    completed: int
    right: int
    wrong: int
    left: int
    broken: int
    seconds: float


def measure(log: Log) -> dict[str, float | int]:
    found: dict[str, float | int] = {
        "mergeable_done": 0,
        "mergeable_total": 0,
        "broken_syntax": 0,
        "mergeable_wrong": 0,
    }
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as name:
        for count, disputed in ((12, 2), (40, 4)):
            made = cases.make(count, disputed)
            outcomes = _outcomes(Path(name) / str(count), made)
            for way, one in outcomes.items():
                log(
                    f"{count} files, {way:6} completed {one.completed:2}, right {one.right:2}, wrong {one.wrong:2},"
                    f" left {one.left:2} (of {disputed} that must be), {one.seconds:.2f} s"
                )
            ours = outcomes["ours"]
            found["mergeable_done"] += ours.right
            found["mergeable_total"] += count - disputed
            found["broken_syntax"] += ours.broken
            found["mergeable_wrong"] += ours.wrong
        found |= _many(Path(name) / "many", log)
    return found


def _outcomes(root: Path, made: Sequence[Shared]) -> dict[str, _Outcome]:
    repository = repositories.make(root, 50)
    units = Units(Repository.discover(repository.root))
    units.base = units.on({shared.path: shared.base for shared in made})
    results = [(f"u{unit}", units.on({shared.path: shared.of(unit) for shared in made})) for unit in _UNITS]
    with Ladder() as ladder:
        ours = _merged(units, results, made, ladder.climb)
    return {"ours": ours, "git": _merged(units, results, made, None), "union": _union(root, made)}


def _merged(
    units: Units, results: Sequence[tuple[str, str]], made: Sequence[Shared], settle: Settle | None
) -> _Outcome:
    began = time.perf_counter()
    merged = merge.merge(units.repo, units.base, results, settle)
    seconds = time.perf_counter() - began
    left = {path for conflict in merged.conflicts for path in conflict.paths}
    store = objects.of(units.repo)
    tree = store.tree_of(merged.commit)
    texts: dict[str, str] = {}
    for shared in made:
        entry = trees.lookup(store, tree, shared.path)
        texts[shared.path] = "" if entry is None else store.read_blob(entry.oid).decode()
    return _judged(made, texts, left, seconds)


def _union(root: Path, made: Sequence[Shared]) -> _Outcome:
    began = time.perf_counter()
    texts = {shared.path: _united(root, shared) for shared in made}
    return _judged(made, texts, set(), time.perf_counter() - began)


def _united(root: Path, shared: Shared) -> str:
    base, ours, theirs = (root / name for name in ("union-base", "union-ours", "union-theirs"))
    base.write_text(shared.base)
    ours.write_text(shared.base)
    for unit in _UNITS:
        theirs.write_text(shared.of(unit))
        subprocess.run(["git", "merge-file", "--union", ours, base, theirs], check=True, stderr=subprocess.DEVNULL)
    return ours.read_text()


def _judged(made: Sequence[Shared], texts: dict[str, str], left: set[str], seconds: float) -> _Outcome:
    done = [shared for shared in made if shared.path not in left]
    right = sum(judging.is_right(shared, texts[shared.path], _UNITS) for shared in done)
    broken = sum(not judging.parses(shared.path, texts[shared.path]) for shared in made)
    return _Outcome(len(done), right, len(done) - right, len(left), broken, seconds)


def _made(number: int, text: str) -> str:
    """A module of five functions."""
    words = list(dict.fromkeys(re.findall(r"[a-z]+_[a-z]+", text)))[:20] or ["load", "save"]
    functions = []
    for at in range(5):
        calls = "".join(f"    total = {words[(at + step) % len(words)]}(total, {step})\n" for step in range(at + 6))
        functions.append(f"def made_{number}_{at}(given, total):\n    for one in given:\n        total += one\n{calls}")
    return "\n\n".join(f"{one}    return total\n" for one in functions)


def _many(root: Path, log: Log) -> dict[str, float | int]:
    began = time.perf_counter()
    repository = repositories.make(root, _FILES)
    units = Units(Repository.discover(repository.root))
    shared = [cases.make(8, 0)[at] for at in range(8)]
    units.base = units.on({one.path: one.base for one in shared})
    results: dict[str, str] = {}
    for number in range(1, _MANY + 1):
        one = shared[number % len(shared)]
        edited = repository.files[number]
        text = (repository.root / edited).read_text()
        # Beside what is there, and with names that stand there: the review looks for the like of it in the base.
        made_path = f"{edited.rpartition('/')[0]}/made{number}.py".removeprefix("/")
        files = {made_path: _made(number, text), edited: f"{text}edited = {number}\n", one.path: one.of(number)}
        results[f"u{number}"] = units.on(files)
    plan = Plan("", tuple(Unit(unit, unit, "") for unit in results))
    log(f"a repository of {_FILES} files and {_MANY} results: {time.perf_counter() - began:.0f} s to make")
    began = time.perf_counter()
    made = integrate(units.repo, "bench", units.base, plan, results, root.parent / "sides")
    seconds = time.perf_counter() - began
    found = reviewing.look(units.repo, units.base, plan, results, made, reviewing.SECONDS)
    both = time.perf_counter() - began
    said = Counter(one.code for one in (*made.findings, *found))
    log(f"integrate: {seconds:.2f} s, {len(made.owners)} files, with {os.cpu_count()} processors")
    log(f"review: {both - seconds:.2f} s; found in all: {dict(said)}")
    least = anyio.run(_least, repository.root, root.parent / "state")
    log(f"a run of one unit that adds a line: {least:.2f} s at least, of which {_MANY} have {_MANY * least:.0f} s")
    return {"integrate_128_s": round(both, 3), "integrate_share": round(both / least, 2)}


async def _least(root: Path, state: Path) -> float:
    """Seconds that one unit takes in the repository at least, from launch to its end, with a program that only writes.

    No agent of a model is as quick: its program alone takes half a second to start.
    """
    command = ("sh", "-c", "echo more >> $1", "agent", "{file}")
    unit = Unit("one", "one", "", (Target("one.txt"),), variables={"file": "one.txt"})
    plan = Plan("", (unit,), Options(agent="command", command=command, review="none", cache="renew"))
    took: list[float] = []
    async with Engine.open(root, state_root=state) as engine:
        for _ in range(3):
            run, failures = engine.reserve(), list[FanoutError]()
            began = time.perf_counter()
            engine.launch(run, plan, {}, failures.append)
            with anyio.fail_after(_LIMIT_SECONDS):
                view = await engine.wait(run)
            took.append(time.perf_counter() - began)
            if view.state is not RunState.READY:
                raise RuntimeError(f"the run ended as {view.state}: {view.message} {failures}")
    # The first one makes the checkout that all others start from.
    return min(took[1:])
