"""The main job in Emacs itself, with eglot: no plugin, only the configuration of our page on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lacking import lacking
from tests.lsp.story import Story

_HERE = Path(__file__).parent
_PAGE = _HERE.parents[1] / "docs" / "editors" / "emacs.md"
_ALL_SECONDS = 90
_ONE = "# not saved\ndef one():\n    return 1\n"
_TWO = "def two():\n    return 2\n"


def test_the_story(checkout: Path, tmp_path: Path) -> None:
    emacs = shutil.which("emacs")
    if emacs is None:
        lacking("Emacs is not installed. On Debian: apt-get install emacs-nox elpa-eglot")
    story = Story(tmp_path)
    (checkout / "todo.txt").write_text("To be done:\n")
    part = _PAGE.read_text().partition("## eglot")[2].partition("\n## ")[0]
    (configuration,) = re.findall(r"^```elisp\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)
    (tmp_path / "init.el").write_text(configuration)
    env = {
        **os.environ,
        "PATH": f"{_program(tmp_path)}{os.pathsep}{os.environ['PATH']}",
        "CHECKOUT": str(checkout),
        "CONFIGURATION": str(tmp_path / "init.el"),
        "OPTIONS": json.dumps(story.settings),
        "INSTRUCTION": story.instruction,
        "GO": str(story.go),
    }
    argv = [emacs, "--batch", "-q", "-l", str(_HERE / "eglot" / "story.el")]
    done = subprocess.run(argv, cwd=checkout, env=env, capture_output=True, check=False, timeout=_ALL_SECONDS)
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (told, done.stderr.decode(errors="replace"))
    steps = [(one["step"], one["what"]) for one in told]
    # It asks by itself before it takes an edit, and the server asks before that.
    assert [step for step, _ in steps] == [
        "line",
        "asked",
        "edits",
        "texts",
        "finding",
        "texts",
        "texts",
        "edits",
        "texts",
        "cancelled",
    ]
    assert steps[0][1] == ""
    assert "2 of 2 units done, 3 files changed, 2 findings" in steps[1][1]
    changed = [text.replace("return", "return 10 +") for text in (_ONE, _TWO)]
    texts = [what for step, what in steps if step == "texts"]
    assert texts == [changed, ["one\ntwo\nfour\n"], ["nobody owns this\n"], [_ONE, _TWO]]
    ((finding,),) = [what for step, what in steps if step == "finding"]
    assert finding.startswith("fanout [unit/out-of-scope]: src/one.py wrote b.txt, which it does not own")
    # Eglot says yes to making a file and to deleting one, and does neither: the server does.
    assert not (checkout / "extra.py").exists()
    assert b"extra.py" in done.stderr
    # What was not saved is saved by nobody, nor what a fix put into a new buffer.
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"
    assert not (checkout / "other.py").exists()


def _program(tmp_path: Path) -> Path:
    """A folder with the program as a user has it on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "fanout"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={str(_HERE.parents[1])!r} exec {sys.executable!r} -m fanout_server "$@"\n'
    )
    program.chmod(0o755)
    return folder
