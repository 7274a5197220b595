"""What the servers are given to work on: a checkout, plans, and the agents' programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

FILES = 1000
LINES = 100
EDITS = 10

_QUICK = """\
import sys
path = sys.argv[1]
text = open(path).read()
open(path, "w").write(text.replace("value", "other", 1))
"""
_CHATTY = """\
import sys, time
path, lines, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
for number in range(lines):
    print("line", number, "of what the agent does", flush=True)
    time.sleep(pause)
open(path, "a").write("# done\\n")
"""
_EVERYWHERE = """\
import glob
for path in glob.glob("src/*.py"):
    lines = open(path).read().splitlines(keepends=True)
    for at in range(0, len(lines), 10):
        lines[at] = lines[at].replace("value", "another")
    open(path, "w").writelines(lines)
"""


@frozen
class Place:
    """A checkout of ``FILES`` files, with the agents beside it."""

    root: Path
    agents: Path

    def uri(self, number: int) -> str:
        return (self.root / name(number)).as_uri()

    def options(self, agent: str, *arguments: str, **more: Any) -> dict[str, Any]:
        command = [sys.executable, "-S", "-E", str(self.agents / f"{agent}.py"), *arguments]
        return {"agent": "command", "command": command, "apply": "later", "cache": "renew", **more}


def name(number: int) -> str:
    return f"src/module{number:04}.py"


def make(place: Path) -> Place:
    root, agents = place / "checkout", place / "agents"
    (root / "src").mkdir(parents=True)
    agents.mkdir()
    for agent, text in (("quick", _QUICK), ("chatty", _CHATTY), ("everywhere", _EVERYWHERE)):
        (agents / f"{agent}.py").write_text(text)
    for number in range(FILES):
        lines = (f"    value_{line} = compute(argument_{line}, {number})\n" for line in range(LINES))
        (root / name(number)).write_text("".join(lines))
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return Place(root, agents)


def restore(place: Place) -> None:
    subprocess.run(["git", "checkout", "-q", "."], cwd=place.root, check=True)


def plan(place: Place, count: int, agent: str, *arguments: str, jobs: int = 4) -> str:
    """A plan document over so many files."""
    command = place.options(agent, *arguments)["command"]
    items = "".join(f"- {name(number)}\n" for number in range(count))
    head = f"agent: command\ncommand: {command}\njobs: {jobs}\napply: later\nattempts: 1\ncache: renew\n"
    return f"---\n{head}---\nChange {{file}}.\n\n{items}"


def settle(place: Path) -> None:
    """Nobody's settings, here and in all that is started from here."""
    home = place / "home"
    home.mkdir()
    os.environ |= {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config")}
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
