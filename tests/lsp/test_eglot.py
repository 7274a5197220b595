"""The main job in Emacs itself, with eglot: no plugin, only the server in the configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lacking import lacking
from tests.lsp.editor import AGENT
from tests.lsp.rawclient import SERVE

_STORY = Path(__file__).parent / "eglot" / "story.el"
_ALL_SECONDS = 90

_BEFORE = ["# not saved\ndef one():\n    return 1\n", "def two():\n    return 2\n"]
_AFTER = [text.replace("return", "return 10 +") for text in _BEFORE]


def test_the_story(checkout: Path, tmp_path: Path) -> None:
    emacs = shutil.which("emacs")
    if emacs is None:
        lacking("Emacs is not installed. On Debian: apt-get install emacs-nox elpa-eglot")
    script = tmp_path / "agent.py"
    script.write_text(f'{AGENT}\nif path.endswith("two.py"):\n    open("other.py", "w").write("nobody owns this")\n')
    env = {
        **os.environ,
        "CHECKOUT": str(checkout),
        "SERVER": json.dumps(SERVE),
        "AGENT": json.dumps([sys.executable, str(script)]),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    argv = [emacs, "--batch", "-q", "-l", str(_STORY)]
    done = subprocess.run(argv, cwd=checkout, env=env, capture_output=True, check=False, timeout=_ALL_SECONDS)
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (told, done.stderr.decode(errors="replace"))
    steps = {one["step"]: one["what"] for one in told}
    # It asks by itself before it takes an edit, and the server asks before that.
    assert [one["step"] for one in told] == [
        "run",
        "asked",
        "edits",
        "texts",
        "findings",
        "edits",
        "revert",
        "texts",
    ]
    assert "2 of 2 units done, 3 files changed, 1 findings" in steps["asked"]
    assert steps["findings"] == ["unit/out-of-scope"]
    assert [one["what"] for one in told if one["step"] == "texts"] == [_AFTER, _BEFORE]
    # Eglot says yes to making a file and to deleting one, and does neither: the server does.
    assert not (checkout / "extra.py").exists()
    assert b"extra.py" in done.stderr
    # What was not saved is saved by nobody.
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"
