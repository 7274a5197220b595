"""The agents' programs, as ``make agents`` installs them, and the environment in which they meet the stand-in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.lacking import lacking

_INSTALLED = Path(__file__).parents[2] / "build" / "agents"

_FIRST = ("claude", "codex")

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


_GEMINI = {"security": {"auth": {"selectedType": "gemini-api-key"}}}


def path_of(program: str) -> str:
    """A PATH on which it is, and what it needs. Skips the test where it is not installed; fails it in CI."""
    folder = _INSTALLED if program in _FIRST else _INSTALLED / "others"
    found = folder / "node_modules" / ".bin" / program
    if not found.exists():
        lacking(f"{program} is not installed for the tests: run 'make agents{'' if program in _FIRST else '-all'}'")
    if shutil.which("node") is None:
        lacking("node is not on PATH, and some agents are started by it")
    return f"{found.parent}:{os.environ['PATH']}"


def environment(program: str, home: Path, temp: Path, port: int, key: str) -> Mapping[str, str]:
    """Writes its configuration into ``home``, too."""
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(_CODEX.format(port=port))
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text(json.dumps(_GEMINI))
    service = f"http://127.0.0.1:{port}"
    return {
        **{name: os.environ[name] for name in _PASSED if name in os.environ},
        "PATH": path_of(program),
        "TMPDIR": str(temp),
        "ANTHROPIC_BASE_URL": service,
        "ANTHROPIC_API_KEY": key,
        "STANDIN_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": service,
        "GEMINI_API_KEY": key,
        "OPENCODE_CONFIG_CONTENT": json.dumps(_opencode(f"{service}/v1", key)),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_BASE_URL": f"{service}/v1",
        "COPILOT_PROVIDER_API_KEY": key,
        "COPILOT_MODEL": "stand-in",
    }


def _opencode(url: str, key: str) -> dict[str, object]:
    cost = {"input": 3, "output": 15}
    options = {"baseURL": url, "apiKey": key}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"m": {"cost": cost}}}
    return {"provider": {"standin": provider}, "model": "standin/m"}
