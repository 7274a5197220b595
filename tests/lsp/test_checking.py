"""What the check of the merged result comes to, in a session: progress, findings with their fixes, the status."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.lsp.editor import ACTIONS, CAPABILITIES, Editor, MakeEditor, message, run_files, view_of
from tests.lsp.test_fixes import diagnostics

_RESOLVING = {**CAPABILITIES, "textDocument": ACTIONS}
_CHECK = """\
import pathlib, sys, time
bad = [path for path in sorted(pathlib.Path('src').iterdir()) if 'bad' in path.read_text()]
for path in bad:
    print(f'{path}:1:1: error: a bad word [word]')
if pathlib.Path('hang').exists():
    time.sleep(600)
sys.exit(bool(bad))
"""
# What is told of it is mended.
_AGENT = (
    "case $0 in *two.py) if grep -q 'a bad word' $1; then echo '# mended' > $0; else echo '# bad' >> $0; fi;;"
    " *) echo '# fine' >> $0;; esac"
)


def run_checked(editor: Editor, checkout: Path, tmp_path: Path, *names: str, **more: Any) -> str:
    (checkout / "check.py").write_text(_CHECK)
    command = ["sh", "-c", _AGENT, "{file}", "{prompt_file}"]
    given = {"command": command, "check": [sys.executable, "check.py"], "apply": "later", **more}
    return run_files(editor, tmp_path, *names, **given)


def test_a_culprit_is_shown_left_out_and_sent_back(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(_RESOLVING)
    uri = editor.did_open("src/two.py")
    run = run_checked(editor, checkout, tmp_path, "src/one.py", "src/two.py")
    told = message(editor, "is ready")
    assert "The check failed because of src/two.py" in told
    view = view_of(editor, run)
    assert view["check"].startswith("The check failed because of src/two.py")
    assert [(one["code"], one["severity"], one["units"]) for one in view["findings"]] == [
        ("check/culprit", "error", ["02-two"])
    ]
    reports = [one["value"].get("message") or "" for one in editor.client.all("$/progress")]
    assert any("checking" in one or "looking for the culprit" in one for one in reports), reports
    (shown,) = diagnostics(editor, uri, "check/culprit")
    assert shown["severity"] == 1
    assert "a bad word" in shown["message"]

    assert editor.do(editor.action(uri, "Send unit 02-two back")) == {"runId": run}
    assert "is ready" in message(editor, "The check passed.")
    view = view_of(editor, run)
    assert (view["check"], view["findings"]) == ("The check passed.", [])
    assert editor.client.command("fanout.apply", {"runId": run, "mode": "now"})["applied"]
    assert editor.open[uri][1] == "# mended\n"
    assert (checkout / "src/one.py").read_text().endswith("# fine\n")
    assert editor.client.shutdown() == 0


def test_a_culprit_is_taken_in_nevertheless(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(_RESOLVING)
    uri = editor.did_open("src/two.py")
    run = run_checked(editor, checkout, tmp_path, "src/one.py", "src/two.py")
    message(editor, "is ready")
    diagnostics(editor, uri, "check/culprit")
    assert editor.client.command("fanout.apply", {"runId": run, "mode": "now"})["applied"]
    assert editor.open[uri][1] == "def two():\n    return 2\n"
    assert editor.do(editor.action(uri, "nevertheless"))["applied"]
    assert editor.open[uri][1] == "def two():\n    return 2\n# bad\n"


def test_a_problem_that_stays_is_shown_at_its_line(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(_RESOLVING)
    uri = editor.did_open("src/two.py")
    run = run_checked(editor, checkout, tmp_path, "src/two.py")
    message(editor, "is ready")
    found = {one["code"]: one for one in diagnostics(editor, uri, "check/check:word")}
    assert set(found) == {"check/check:word", "check/culprit"}
    assert found["check/check:word"]["message"] == "a bad word"
    assert found["check/check:word"]["data"]["units"] == ["01-two"]
    assert found["check/check:word"]["range"]["start"] == {"line": 0, "character": 0}
    shown = editor.client.command("fanout.show", {"runId": run, "what": "log"})
    assert shown["uri"]


def test_a_check_is_cancelled_with_the_run(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(_RESOLVING)
    (checkout / "hang").touch()
    run = run_checked(editor, checkout, tmp_path, "src/one.py")
    editor.client.wait_for("$/progress", lambda one: "checking" in (one["value"].get("message") or ""))
    assert view_of(editor, run)["check"] == "checking"
    editor.client.command("fanout.cancel", {"runId": run})
    assert "was cancelled" in message(editor, f"Run {run} was cancelled")
    assert view_of(editor, run)["state"] == "cancelled"
    assert editor.client.shutdown() == 0
