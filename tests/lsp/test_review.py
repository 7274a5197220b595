"""Findings of the review in a real session: shown once the result is there, and what can be done about them."""

from __future__ import annotations

from pathlib import Path

from tests.lsp.editor import MakeEditor, message, run_files, view_of
from tests.lsp.test_fixes import RESOLVING, diagnostics

SCRIPT = 'printf "\\n\\ndef more(:\\n    pass\\n" >> "$0"'


def test_a_units_part_of_a_file_is_dropped_and_what_was_typed_stays(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(RESOLVING)
    uri = editor.did_open("src/one.py")
    run = run_files(editor, tmp_path, "src/one.py", command=["sh", "-c", SCRIPT, "{file}"], apply="later")
    message(editor, "is ready")
    # Its line is one of the merged text, which the editor does not have yet.
    assert [one["code"] for one in view_of(editor, run)["findings"]] == ["unit/syntax-error"]
    assert [one for one in editor.actions(uri, 0) if "Drop unit" in one["title"]] == []
    editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    shown = diagnostics(editor, uri, "unit/syntax-error")
    assert [one["range"]["start"]["line"] for one in shown] == [4]
    editor.type(uri, (0, 0), "# typed\n")
    editor.do(editor.action(uri, "Drop unit 01-one's part of this file", 5))
    assert editor.open[uri][1] == "# typed\ndef one():\n    return 1\n"
    diagnostics(editor, uri, "unit/syntax-error", gone=True)
    assert view_of(editor, run)["findings"] == []


def test_a_unit_is_done_again_or_its_finding_dismissed(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(RESOLVING)
    uri = editor.did_open("src/one.py")
    run = run_files(editor, tmp_path, "src/one.py", command=["sh", "-c", SCRIPT, "{file}"], apply="now")
    message(editor, "Applied 1 file")
    diagnostics(editor, uri, "unit/syntax-error")
    again = editor.action(uri, "again", 4)
    assert again["command"]["arguments"] == [{"runId": run, "units": ["01-one"]}]
    editor.do(editor.action(uri, "Dismiss", 4))
    diagnostics(editor, uri, "unit/syntax-error", gone=True)
