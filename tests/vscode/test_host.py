"""The extension in VS Code's own extension host: what its tests in clients/vscode/test/host say."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from tests.lacking import lacking
from tests.vscode.conftest import EXTENSION, ROOT, World

_NAMED = re.compile(r'^test\(\s*"(.+?)"', re.MULTILINE)
_WHEELS = ROOT / "build" / "wheels"

# On two processors, with all other tests beside it.
pytestmark = pytest.mark.timeout(200)


def _run(world: World, suite: str, *, but: tuple[str, ...] = (), **config: Any) -> None:
    results = world.own / "results.jsonl"
    told = {"root": world.root, "other": world.other, "gate": world.gate, "results": results, "python": sys.executable}
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
    _run(world, "main", but=("environment",), settings=world.settings, open={"workspace": str(workspace)})


def test_the_server_that_comes_with_it(world: World) -> None:
    """From no Python at all to a real result in the sample, without a network."""
    if not (_WHEELS / ".ready").exists():
        lacking("The wheels of what the server needs are not there: run 'make vscode-wheels'")
    others = tuple(path.stem for path in (EXTENSION / "test" / "host").glob("*.ts") if path.stem != "environment")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(_WHEELS), "PIP_CONFIG_FILE": "/dev/null"}
    _run(
        world,
        "environment",
        but=others,
        settings={"fanout.python": str(world.own / "no-such-python")},
        open={"folder": str(world.root)},
        env={**world.env, **offline},
    )
