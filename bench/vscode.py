"""What the VS Code extension costs when it is activated: in VS Code's own extension host, several times.

``activation_ms`` is the time of the extension's own code (the median, and the worst), measured around ``activate``; and
whether it started its server then. ``vsix_kb`` is the size of the packed extension, with the server's wheel in it.
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

_ROOT = Path(__file__).parents[1]
_EXTENSION = _ROOT / "clients" / "vscode"
_LIMIT_SECONDS = 120


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
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
    }
    print(json.dumps(answer))
    return 0


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
