"""The extension in VS Code's own extension host: what its tests in clients/vscode/test/host say."""

from __future__ import annotations

import json
import re

from tests.vscode.conftest import EXTENSION, World

_NAMED = re.compile(r'^test\("(.+?)"', re.MULTILINE)


def test_in_the_extension_host(world: World) -> None:
    results = world.own / "results.jsonl"
    workspace = world.own / "both.code-workspace"
    workspace.write_text(json.dumps({"folders": [{"path": str(world.root)}, {"path": str(world.other)}]}))
    told = {"root": world.root, "other": world.other, "gate": world.gate, "results": results}
    done = world.drive(
        "host.mjs",
        {
            "settings": world.settings,
            "open": {"workspace": str(workspace)},
            "tests": {name: str(value) for name, value in told.items()},
        },
    )
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    failed = {one["name"]: one["error"] for one in lines if "error" in one}
    assert failed == {}, done.stdout[-6000:]
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    named = [name for path in (EXTENSION / "test" / "host").glob("*.ts") for name in _NAMED.findall(path.read_text())]
    assert sorted(one["name"] for one in lines if "name" in one) == sorted(named)
