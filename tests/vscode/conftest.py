"""Two repositories, a scripted agent, and VS Code itself in a network of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from tests.agents.running import wait_until
from tests.conftest import GitCommand
from tests.lacking import lacking
from tests.real.network import MARK, Network, opened

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "clients" / "vscode"
TOOLS = ROOT / "build" / "vscode"
PICTURES = ROOT / "docs" / "pictures"
WHEELS = ROOT / "build" / "wheels"
# What the server needs is installed from there.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "PIP_CONFIG_FILE": "/dev/null"}
CHROMIUM = "/usr/bin/chromium"
_SECONDS = 180
_PASSED = ("LANG", "LC_ALL", "PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "HOME", "XDG_STATE_HOME")

_AGENT = """\
import pathlib, sys, time
path, gate = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
told = sys.stdin.read()
print("changing", path, flush=True)
while ("WAIT" in told or "carefully" in told) and not gate.exists():
    time.sleep(0.02)
if "FAIL " + path.stem in told and "four" in path.stem and "MEND" not in told:
    sys.exit("no such luck")
text = path.read_text().replace("return ", "return 10 + ")
if path.stem == "one":
    text += "\\n\\nprint(\\"debug\\")\\n"
path.write_text(text)
print("changed", path)
print('{"spent": 0.12}')
"""
_OUTPUT = {"format": "jsonl", "cost": "spent"}


@frozen
class World:
    """``own`` is where VS Code and what drives it keep their things."""

    network: Network
    own: Path
    root: Path
    other: Path
    env: Mapping[str, str]

    @property
    def gate(self) -> Path:
        """Agents that were told to wait do so until it is there."""
        return self.own / "gate"

    @property
    def settings(self) -> dict[str, Any]:
        agent = [sys.executable, str(self.own / "agent.py"), "{file}", str(self.gate)]
        return {
            "fanout.server.path": str(Path(sys.executable).with_name("fanout")),
            "fanout.options": {"agent": "command", "command": agent, "output": _OUTPUT, "cache": "off"},
        }

    def drive(self, script: str, config: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Runs one of the extension's own drivers, with its configuration in a file."""
        path = self.own / "config.json"
        path.write_text(
            json.dumps({"own": str(self.own), "extension": str(EXTENSION), "env": dict(self.env), **config})
        )
        argv = self.network.inside("node", str(EXTENSION / "test" / "drive" / script), str(path))
        env = {**self.env, "FANOUT_VSCODE_TOOLS": str(TOOLS), "FANOUT_CHROMIUM": CHROMIUM}
        try:
            done = subprocess.run(argv, env=env, capture_output=True, check=False, text=True, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            for process in self.network.running():
                os.kill(process, signal.SIGKILL)
            raise
        wait_until(lambda: not self.network.running())
        return done


@pytest.fixture
def make_world(tmp_path: Path, git: GitCommand) -> Iterator[Callable[[], World]]:
    for needed, made_by in ((TOOLS / ".ready", "vscode-tools"), (EXTENSION / "dist" / "host", "vscode-built")):
        if not needed.exists():
            lacking(f"{needed.relative_to(ROOT)} is not there: run 'make {made_by}'")
    if shutil.which(CHROMIUM) is None:
        lacking("Chromium is not installed: run 'make vscode-tools'")
    with opened(tmp_path / "asked.jsonl") as network:

        def make() -> World:
            own = tmp_path / "own"
            own.mkdir()
            (own / "agent.py").write_text(_AGENT)
            root, other = tmp_path / "work", tmp_path / "elsewhere"
            numbers = ("one", "two", "three", "four")
            files = {f"src/{name}.py": f"def {name}():\n    return {at}\n" for at, name in enumerate(numbers, 1)}
            _repository(git, root, files)
            _repository(git, other, {"there.py": "def there():\n    return 0\n"})
            passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
            return World(network, own, root, other, {**passed, MARK: str(network.log)})

        yield make


@pytest.fixture
def world(make_world: Callable[[], World]) -> World:
    return make_world()


def _repository(git: GitCommand, root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
