"""The extension in VS Code's own extension host: what its tests in clients/vscode/test/host say."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vscode.conftest import EXTENSION, World

_NAMED = re.compile(r'^test\(\s*"(.+?)"', re.MULTILINE)

# On two processors, with all other tests beside it.
pytestmark = pytest.mark.timeout(200)


def _run(world: World, suite: str, *, but: tuple[str, ...] = (), **config: Any) -> None:
    results = world.own / "results.jsonl"
    told = {"root": world.root, "other": world.other, "gate": world.gate, "results": results}
    told["server"] = Path(sys.executable).with_name("fanout")
    tests = {"suite": suite, **{name: str(value) for name, value in told.items()}}
    done = world.drive("host.mjs", {"tests": tests, **config})
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    failed = {one["name"]: one["error"] for one in lines if "error" in one}
    logged = [one["log"] for one in lines if "log" in one]
    assert failed == {}, (logged, done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    files = [path for path in (EXTENSION / "test" / "host").glob("*.ts") if path.stem not in but]
    named = [name for path in files for name in _NAMED.findall(path.read_text())]
    assert sorted(one["name"] for one in lines if "name" in one) == sorted(named)


def test_in_the_extension_host(world: World) -> None:
    workspace = world.own / "both.code-workspace"
    workspace.write_text(json.dumps({"folders": [{"path": str(world.root)}, {"path": str(world.other)}]}))
    _run(world, "main", but=("environment", "scale"), settings=world.settings, open={"workspace": str(workspace)})


def test_without_a_server(world: World) -> None:
    """None that can be started, for want of a Python or because it ends at once. One that can: ``test_hands.py``."""
    others = tuple(path.stem for path in (EXTENSION / "test" / "host").glob("*.ts") if path.stem != "environment")
    settings = {"fanout.python": str(world.own / "no-such-python")}
    _run(world, "environment", but=others, settings=settings, open={"folder": str(world.root)})
