"""What the VS Code extension costs: when it is activated, and while a large run goes on that its view shows.

``activation_ms`` is the time of the extension's own code (the median, and the worst), measured around ``activate`` in
VS Code's own extension host; it fails where anything is started by it. ``vsix_kb`` is the size of the packed extension,
with the server's wheel in it.

Then a run of ``--units`` (0: none), each a ``sed``, in a repository of 200 old runs, with the run open in the view and
somebody who clicks and folds in it all the time; agents that work for minutes would make little of all this. Of it:

- ``host_share``: the extension host's part of one processor; ``host_block_ms``: what its loop worked at a stretch at
  most;
- ``view_share``: the part of the server's work that a run that nobody looks at does without;
- ``status_mb``: what the server said for it; ``draws_s``: how often a part of the view was drawn anew in a second,
  and ``items_unit``: how many rows were made for that, for each unit;
- ``click_ms``, ``unfold_ms``: from the click or the key until it is seen, in the middle and at worst; ``missed``: not
  within five seconds;
- ``host_mb``, ``server_mb``: what both have in memory in the end.

At the end what the view has is compared with what the server has. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.viewing import large_runs

_ROOT = Path(__file__).parents[1]
_EXTENSION = _ROOT / "clients" / "vscode"
_LIMIT_SECONDS = 120
_OLD_RUNS = 200


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--units", type=int, default=1000)
    options = parser.parse_args()
    rounds = options.rounds
    figures = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as place:
            figures.append(_activate(Path(place)))
    vsix = _ROOT / "build" / "fanout.vsix"
    answer = {
        "activation_ms": round(statistics.median(figures), 1),
        "worst_ms": round(max(figures), 1),
        "rounds": rounds,
        "vsix_kb": round(vsix.stat().st_size / 1000),
        **(_large(options.units) if options.units else {}),
    }
    print(json.dumps(answer))
    return 0


def _large(units: int) -> dict[str, object]:
    agent = {
        "agent": "command",
        "command": ["sed", "-i", "s/return/return 1 +/", "{file}"],
        "jobs": 16,
        "split": "path",
    }
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as place:
        return {"units": units, **large_runs.measure(Path(place), units, _OLD_RUNS, agent)}


def _activate(place: Path) -> float:
    """Milliseconds; the tests fail where anything is started by it."""
    work = place / "work"
    work.mkdir()
    results = place / "results.jsonl"
    config = place / "config.json"
    given = {
        "own": str(place),
        "extension": str(_EXTENSION),
        "env": {},
        "settings": {},
        "open": {"folder": str(work)},
        "tests": {"suite": "main", "results": str(results), "only": "activation is quick and starts nothing"},
    }
    config.write_text(json.dumps(given))
    env = {**os.environ, "HOME": str(place), "FANOUT_VSCODE_TOOLS": str(_ROOT / "build" / "vscode")}
    argv = ["node", str(_EXTENSION / "test" / "drive" / "host.mjs"), str(config)]
    done = subprocess.run(argv, env=env, capture_output=True, check=False, text=True, timeout=_LIMIT_SECONDS)
    if done.returncode != 0:
        said = results.read_text() if results.exists() else ""
        sys.exit(f"VS Code could not be measured: {done.stdout[-2000:]}{done.stderr[-2000:]}{said}")
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    return float(next(one["activationMs"] for one in lines if "activationMs" in one))


if __name__ == "__main__":
    sys.exit(main())
