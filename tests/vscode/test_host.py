"""The extension in VS Code's own extension host: what its tests in clients/vscode/test/host say."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.vscode.conftest import EXTENSION, World

# More than are shown without groups.
_MANY = 300
# Of the view, for each unit: about two are made.
_MOST_ITEMS = 8
_MOST_BLOCKED_MS = 100
_NAMED = re.compile(r'^test\(\s*"(.+?)"', re.MULTILINE)

# On two processors, with all other tests beside it.
pytestmark = pytest.mark.timeout(200)


def _run(
    world: World, suite: str, *, but: tuple[str, ...] = (), limit_ms: int | None = None, **config: Any
) -> list[dict[str, Any]]:
    """What the tests wrote down."""
    results = world.own / "results.jsonl"
    told = {"root": world.root, "other": world.other, "gate": world.gate, "results": results}
    told["server"] = Path(sys.executable).with_name("fanout")
    tests = {"suite": suite, **{name: str(value) for name, value in told.items()}}
    limit = {} if limit_ms is None else {"limitMs": limit_ms}
    done = world.drive("host.mjs", {"tests": {**tests, **limit}, **config})
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    failed = {one["name"]: one["error"] for one in lines if "error" in one}
    logged = [one["log"] for one in lines if "log" in one]
    assert failed == {}, (logged, done.stdout[-4000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    files = [path for path in (EXTENSION / "test" / "host").glob("*.ts") if path.stem not in but]
    named = [name for path in files for name in _NAMED.findall(path.read_text())]
    assert sorted(one["name"] for one in lines if "name" in one) == sorted(named)
    return lines


def _others(suite: str) -> tuple[str, ...]:
    return tuple(path.stem for path in (EXTENSION / "test" / "host").glob("*.ts") if path.stem != suite)


def test_in_the_extension_host(world: World) -> None:
    workspace = world.own / "both.code-workspace"
    workspace.write_text(json.dumps({"folders": [{"path": str(world.root)}, {"path": str(world.other)}]}))
    _run(world, "main", but=("environment", "scale"), settings=world.settings, open={"workspace": str(workspace)})


def test_without_a_server(world: World) -> None:
    """None that can be started, for want of a Python or because it ends at once. One that can: ``test_hands.py``."""
    settings = {"fanout.python": str(world.own / "no-such-python")}
    _run(world, "environment", but=_others("environment"), settings=settings, open={"folder": str(world.root)})


def test_a_large_run_that_is_looked_at(world: World) -> None:
    """At its end the view has what the server has; and it cost what it may. ``bench/vscode.py`` has more of it."""
    for number in range(_MANY):
        (world.root / "src" / f"m{number}.py").write_text(f"def f():\n    return {number}\n")
    hands = world.own / "hands.json"
    agent = {"agent": "command", "command": ["sed", "-i", "s/return/return 1 +/", "{file}"], "jobs": 16, "cache": "off"}
    settings = {**world.settings, "fanout.options": {**agent, "split": "path"}}
    place = {"folder": str(world.root)}
    lines = _run(
        world, "scale", but=_others("scale"), limit_ms=100_000, settings=settings, open=place, hands=str(hands)
    )
    figures = next(one["figures"] for one in lines if "figures" in one)
    assert figures["items"] < _MOST_ITEMS * _MANY
    assert figures["blockMs"] < _MOST_BLOCKED_MS
    assert len(json.loads(hands.read_text())["clicks"]) > 0
