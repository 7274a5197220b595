"""The agents' programs, as ``make agents`` installs them, and the environment in which they meet the stand-in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.real.network import lacking

_INSTALLED = Path(__file__).parents[2] / "build" / "agents"

# Nothing else of the environment gets to the programs: least of all somebody's real key.
_PASSED = ("LANG", "LC_ALL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")

_CODEX = """\
analytics.enabled = false
model = "stand-in"
model_provider = "standin"

[model_providers.standin]
name = "stand-in"
base_url = "http://127.0.0.1:{port}/v1"
env_key = "STANDIN_KEY"
wire_api = "responses"
"""


def path_of(program: str) -> str:
    """A PATH on which it is, and what it needs. Skips the test where it is not installed; fails it in CI."""
    path = f"{_INSTALLED}/node_modules/.bin:{os.environ['PATH']}"
    if not (_INSTALLED / "node_modules" / ".bin" / program).exists():
        lacking(f"{program} is not installed for the tests: run 'make agents'")
    if shutil.which("node") is None:
        lacking("node is not on PATH, and codex is started by it")
    return path


def environment(program: str, home: Path, temp: Path, port: int, key: str) -> Mapping[str, str]:
    """Writes its configuration into ``home``, too."""
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(_CODEX.format(port=port))
    return {
        **{name: os.environ[name] for name in _PASSED if name in os.environ},
        "PATH": path_of(program),
        "TMPDIR": str(temp),
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
        "ANTHROPIC_API_KEY": key,
        "STANDIN_KEY": key,
    }
