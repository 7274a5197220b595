"""The packed extension in VS Code's window, driven by keys and clicks. Pictures go where FANOUT_PICTURES says."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.lacking import lacking
from tests.vscode.conftest import EXTENSION, OFFLINE, ROOT, WHEELS, World

_PLAN = """\
---
jobs: 2
---
Add ten to what {file} returns.

- src/two.py
- src/three.py: mind the old name
"""
_VSIX = ROOT / "build" / "fanout.vsix"

# On two processors, with all other tests beside it.
pytestmark = pytest.mark.timeout(200)


def _stories(world: World, *names: str, **more: Any) -> None:
    if not _VSIX.exists():
        lacking("The extension is not packed: run 'make vsix'")
    pictures = os.environ.get("FANOUT_PICTURES")
    config = {
        "vsix": str(_VSIX),
        "pictures": str(Path(pictures).resolve()) if pictures else None,
        "settings": world.settings,
        "open": {"folder": str(world.root)},
        "root": str(world.root),
        "gate": str(world.gate),
        "stories": names,
        **more,
    }
    done = world.drive("ui.mjs", config)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]


def test_a_job_by_hands(world: World) -> None:
    (world.root / "add-ten.fanout.md").write_text(_PLAN)
    _stories(world, "wholeFlow", "results", "origins", "planDocument", "cancel", "reload")


_PILOT = """\
---
pilot: 1
---
Raise {file}.

- src/two.py
- src/three.py
"""
_OTHER_VERSION = """\
import sys, fanout_server
fanout_server.__version__ = "9.9.9"
from fanout_server.cli import main
sys.exit(main())
"""


def test_runs_are_steered_by_hands(world: World) -> None:
    """With a server of another version, which is told of."""
    (world.root / "pilot.fanout.md").write_text(_PILOT)
    (world.root / "broken.json").write_text('{"a": }')
    server = _program(world.own / "server", f"#!{sys.executable} -P\n{_OTHER_VERSION}")
    version_gate = world.own / "version-gate"
    wait = f"until [ -e {version_gate} ]; do sleep 0.05; done"
    _program(world.own / "bin" / "claude", f"#!/bin/sh\n{wait}\necho '2.1.330 (Claude Code)'\n")
    more = {
        "settings": {**world.settings, "fanout.server.path": str(server)},
        "env": {**world.env, "PATH": f"{world.own / 'bin'}:{world.env['PATH']}"},
        "versionGate": str(version_gate),
    }
    first = ("otherVersion", "explorerMenu", "otherMenus", "slowAgent")
    _stories(world, *first, "notes", "leavingOut", "pilot", "undoing", "contrast", **more)


def test_two_windows_by_hands(world: World) -> None:
    _stories(world, "twoWindows")


_WRONG = """\
---
jobs: 0
nosuch: 1
---
Raise {file} and {nosuch}.

- src/two.py
"""


def test_what_goes_wrong_by_hands(world: World) -> None:
    """The server crashes more often than it is started again by itself; a plan that is no plan."""
    (world.root / "wrong.fanout.md").write_text(_WRONG)
    pid, broken = world.own / "pid", world.own / "broken"
    program = world.settings["fanout.server.path"]
    fails = f'if [ -e {broken} ]; then echo "It is broken." >&2; exit 3; fi'
    server = _program(world.own / "server", f'#!/bin/sh\n{fails}\necho $$ > {pid}\nexec {program} "$@"\n')
    settings = {**world.settings, "fanout.server.path": str(server)}
    world.gate.write_text("")
    _stories(world, "crashes", "hidingOver", "wrongPlan", settings=settings, serverPid=str(pid), broken=str(broken))


def test_first_steps_by_hands(world: World) -> None:
    """On a machine whose Python is too old: another one is chosen in the Python extension, and then in this one."""
    if not (WHEELS / ".ready").exists():
        lacking("The wheels of what the server needs are not there: run 'make vscode-wheels'")
    programs = world.own / "bin"
    programs.mkdir()
    for program in (*Path("/usr/bin").iterdir(), *Path("/bin").iterdir()):
        if not program.name.startswith("python") and not (programs / program.name).exists():
            (programs / program.name).symlink_to(program)
    old = programs / "python3"
    old.write_text(f"#!/bin/sh\nprintf '3.9\\n{old}\\n'\n")
    old.chmod(0o755)
    env = {**world.env, **OFFLINE, "PATH": str(programs)}
    storage = world.own / "data" / "data" / "User" / "globalStorage" / "fanout.fanout"
    # As a window leaves it that was killed, of a process that cannot be.
    half_made = storage / f"server-0123456789ab.{2**22 + 1}"
    half_made.mkdir(parents=True)
    more = {"env": env, "python": sys.executable, "others": [str(_python_extension(world))]}
    _stories(world, "cancelEnvironment", "choosePython", "walkthrough", settings={}, **more)
    [environment] = storage.glob("server-*")
    assert re.fullmatch(r"server-[0-9a-f]{12}", environment.name)
    assert list(environment.glob("*.whl")) == []


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def _python_extension(world: World) -> Path:
    """The one that stands in for Microsoft's, packed."""
    vsix = world.own / "python.vsix"
    with zipfile.ZipFile(vsix, "w") as packed:
        for path in (EXTENSION / "dist" / "python").iterdir():
            packed.write(path, f"extension/{path.name}")
    return vsix


def test_nothing_starts_where_nobody_is_trusted_by_hands(world: World) -> None:
    began = world.own / "began"
    server = world.own / "server"
    server.write_text(f"#!/bin/sh\ntouch {began}\n")
    server.chmod(0o755)
    settings = {**world.settings, "fanout.server.path": str(server)}
    _stories(world, "untrusted", settings=settings, trusted=False, began=str(began))
