"""A run of many units in VS Code, in a repository of many old runs, with its view open and somebody who uses it.

The same run is then done by a server that nobody asks about it: what it works more with the view is the view's share.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from fanout_server import model, run_events
from fanout_server.run.journal import Journal

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "clients" / "vscode"
_LIMIT_SECONDS = 900
_OLD_UNITS = 20
_NAMES = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.invalid"}
_ENV = {**_NAMES, "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.invalid"}


def measure(place: Path, units: int, old: int, options: Mapping[str, Any]) -> dict[str, object]:
    """Figures of a run of so many units, after so many ``old`` ones."""
    seen = _drive(place / "seen", units, old, options, unseen=False)
    alone = _drive(place / "alone", units, old, options, unseen=True)
    told, hands = seen["figures"], seen["hands"]
    return {
        "seconds": round(told["seconds"], 1),
        "host_share": round(told["hostCpu"] / told["seconds"], 3),
        "host_block_ms": round(told["blockMs"]),
        "view_share": round(1 - alone["figures"]["serverCpu"] / told["serverCpu"], 3),
        "server_s": round(told["serverCpu"], 1),
        "status_mb": round((told["bytes"] - alone["figures"]["bytes"]) / 1e6, 2),
        "statuses": told["statuses"],
        "draws_s": round(told["refreshes"] / told["seconds"], 2),
        "items_unit": round(told["items"] / units, 2),
        "click_ms": _middle_and_worst(hands["clicks"]),
        "unfold_ms": _middle_and_worst(hands["unfoldings"]),
        "missed": len(hands["missed"]),
        "loaded_ms": told["loadedMs"],
        "host_mb": round(told["hostMb"]),
        "server_mb": round(told["serverMb"]),
    }


def _middle_and_worst(times: Sequence[float]) -> list[float]:
    return [round(statistics.median(times)), round(max(times))] if times else []


def _drive(place: Path, units: int, old: int, options: Mapping[str, Any], *, unseen: bool) -> dict[str, Any]:
    work = place / "work"
    _repository(work, units)
    anyio.run(_old_runs, work, old)
    results, hands, config = place / "results.jsonl", place / "hands.json", place / "config.json"
    limit = _LIMIT_SECONDS * 1000
    tests = {"suite": "scale", "results": str(results), "root": str(work), "limitMs": limit}
    given = {
        "own": str(place),
        "extension": str(EXTENSION),
        "env": {"FANOUT_UNSEEN": "1"} if unseen else {},
        "settings": {
            "fanout.server.path": str(Path(sys.executable).with_name("fanout")),
            "fanout.options": {"cache": "off", **options},
        },
        "open": {"folder": str(work)},
        "tests": tests,
        "limitMs": limit,
        **({} if unseen else {"hands": str(hands)}),
    }
    config.write_text(json.dumps(given))
    env = {**os.environ, **_ENV, "HOME": str(place), "FANOUT_VSCODE_TOOLS": str(ROOT / "build" / "vscode")}
    argv = ["node", str(EXTENSION / "test" / "drive" / "host.mjs"), str(config)]
    done = subprocess.run(argv, env=env, capture_output=True, check=False, text=True, timeout=_LIMIT_SECONDS)
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    if done.returncode != 0:
        sys.exit(f"VS Code could not be measured: {done.stdout[-2000:]}{done.stderr[-2000:]}{lines}")
    figures = next(one["figures"] for one in lines if "figures" in one)
    return {"figures": figures, "hands": json.loads(hands.read_text()) if hands.exists() else {}}


def _repository(work: Path, files: int) -> None:
    for number in range(files):
        path = work / "src" / f"part{number // 100:02}" / f"m{number:04}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"def f{number}():\n    return {number}\n")
    for argv in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *argv], cwd=work, env={**os.environ, **_ENV}, check=True)


async def _old_runs(work: Path, count: int) -> None:
    """What the journal has of runs that were applied, as if they had been there."""
    state = work / ".git" / "fanout"
    state.mkdir()
    journal = await Journal.open(state / "journal.db")
    for number in range(count):
        await journal.append(*_old_run(work, number, time.time() - 60 * (count - number)))
    await journal.aclose()


def _old_run(work: Path, number: int, at: float) -> Sequence[run_events.Event]:
    run = f"old-{number:04}"
    paths = [f"src/part00/m{one:04}.py" for one in range(_OLD_UNITS)]
    units = [
        model.Unit(f"{one:02}-m", path, f"Change {path}.", (model.Target(path),)) for one, path in enumerate(paths)
    ]
    ended = [
        run_events.UnitEnded(run, at, unit.id, model.UnitState.DONE, "", 12.5, files=(unit.title,), cost=0.02)
        for unit in units
    ]
    plan = model.Plan(f"Change what was to be changed, {number}.", tuple(units), model.Options(agent="claude"))
    return (
        run_events.RunStarted(run, at, str(work), "0" * 40, plan),
        *ended,
        run_events.RunEnded(run, at, model.RunState.READY, "All done."),
        run_events.RunApplied(run, at, "0" * 40, tuple(paths)),
    )
