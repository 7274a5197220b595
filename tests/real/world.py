"""All that one test has: a repository, a home, the network, and ``fanout`` to run in them as a user would."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.real.network import Network

_LIMIT = 40

# Seconds until a program has heard its prompt and begun a tool: some take seven of them on an idle machine.
START = 60


@frozen
class Ran:
    """How a command of ``fanout`` went; ``told`` are the JSON lines that it printed."""

    status: int
    told: tuple[dict[str, Any], ...]
    errors: str

    @property
    def summary(self) -> dict[str, Any]:
        assert self.told, self.errors
        assert self.told[-1]["type"] == "summary", self.errors
        return self.told[-1]

    @property
    def units(self) -> dict[str, dict[str, Any]]:
        """By their titles."""
        return {unit["title"]: unit for unit in self.summary["units"]}

    @property
    def codes(self) -> set[str]:
        return {finding["code"] for finding in self.summary["findings"]}

    @property
    def message(self) -> str:
        """All that a person was told about how it ended."""
        said = [self.errors, self.summary.get("message", "")]
        said += [finding["message"] for finding in self.summary["findings"]]
        return "\n".join(said)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.told if one["type"] == kind]


@frozen
class World:
    network: Network
    checkout: Path
    temp: Path
    state: Path
    env: Mapping[str, str]

    def plan(self, options: str, instruction: str, *units: str) -> str:
        """Writes a plan document; its name."""
        items = "".join(f"- {unit}\n" for unit in units)
        (self.checkout / "job.fanout.md").write_text(f"---\n{options}\n---\n{instruction}\n\n{items}")
        return "job.fanout.md"

    def run(self, *args: str) -> Ran:
        """``fanout run --json ARGS``, to its end."""
        with self.start("run", "--json", *args) as process:
            return over(process)

    def fanout(self, *args: str) -> str:
        """Any other command, which must end well; what it printed."""
        with self.start(*args) as process:
            out, errors = process.communicate(timeout=_LIMIT)
        assert process.returncode == 0, errors.decode(errors="replace")
        return out.decode("utf-8", "surrogateescape")

    @contextlib.contextmanager
    def start(self, *args: str) -> Iterator[subprocess.Popen[bytes]]:
        argv = self.network.inside(sys.executable, "-m", "fanout_server", *args)
        process = subprocess.Popen(
            argv,
            cwd=self.checkout,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            try:
                yield process
            finally:
                process.terminate()

    def left(self) -> dict[str, Any]:
        """What is still there of runs that are over: processes, worktrees, and files in the temporary folder."""
        worktrees = sorted(str(path) for path in self.state.glob("fanout/worktrees/*/*"))
        entries = sorted(path.name for path in self.checkout.glob(".git/worktrees/*"))
        temp = sorted(path.name for path in self.temp.iterdir())
        found = {"running": self.network.running(), "worktrees": worktrees, "entries": entries, "temp": temp}
        return {name: value for name, value in found.items() if value}


def over(process: subprocess.Popen[bytes]) -> Ran:
    """Waits for the end of ``fanout run --json``."""
    out, errors = process.communicate(timeout=_LIMIT)
    told = tuple(json.loads(line) for line in out.splitlines())
    return Ran(process.returncode, told, errors.decode(errors="replace"))
