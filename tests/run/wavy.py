"""A process that runs units in waves and is killed at the ``NUMBER``-th event that its journal gets."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from fanout_server.model import Options, Plan, Target, Unit
from fanout_server.run.engine import Engine
from tests.run.crashing import kill_at

_FILES = {
    "pkg/__init__.py": "",
    "pkg/core.py": "def core():\n    return 1\n",
    "pkg/api.py": "from pkg.core import core\n",
    "pkg/alone.py": "import json\n",
    "pkg/app.py": "from . import api\nfrom .core import core\n",
}
# Each unit notes which of the others' marks it finds.
SCRIPT = (
    "seen=; for one in core api alone app; do"
    " case $1/$one in */$one.py/* | */alone) continue;; esac;"
    ' if grep -q "# after" pkg/$one.py; then seen="$seen $one"; fi;'
    ' done; echo "# after${seen:- nothing}" >> $1'
)


def write_package(root: Path) -> None:
    for path, text in _FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)


def plan(tally: Path) -> Plan:
    script = f"{SCRIPT}; echo $1 >> '{tally}'"
    paths = {"u1": "pkg/core.py", "u2": "pkg/api.py", "u3": "pkg/alone.py", "u4": "pkg/app.py"}
    units = tuple(Unit(one, path, "", (Target(path),), variables={"file": path}) for one, path in paths.items())
    options = Options(agent="command", command=("sh", "-c", script, "agent", "{file}"), order="depends", jobs=1)
    return Plan("", units, options)


async def main(checkout: Path, state: Path, tally: Path, number: int) -> None:
    kill_at(number, "before")
    async with Engine.open(checkout, state_root=state) as engine:
        run = engine.reserve()
        engine.launch(run, plan(tally), {}, lambda error: sys.exit(str(error)))
        await engine.wait_over(run)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
