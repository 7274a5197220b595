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


MANY = 'printf "\\nprint(1)\\n" >> "$0"; echo "# by $0" >> "new-$(basename $0)"; echo "$0" >> "$(dirname $0)/list"'


def test_a_unit_is_left_out_as_a_whole(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    """Before the run is applied, and afterwards, when its files were changed further."""
    editor = connect(RESOLVING)
    one, two = (editor.did_open(name) for name in ("src/one.py", "src/two.py"))
    before = {uri: editor.open[uri][1] for uri in (one, two)}
    command = ["sh", "-c", MANY, "{file}"]
    first = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=command, apply="later")
    message(editor, "is ready")
    editor.do(editor.action(one, f"Apply run {first} without unit 01-one"))
    assert editor.open[one][1] == before[one]
    assert editor.open[two][1] == before[two] + "\nprint(1)\n"
    assert not (checkout / "new-one.py").exists()
    assert (checkout / "new-two.py").read_text() == "# by src/two.py\n"
    editor.client.command("fanout.revert", {"runId": first})
    assert editor.open[two][1] == before[two]
    editor.client.command("fanout.discard", {"runId": first})
    run = run_files(editor, tmp_path, "src/one.py", command=command, apply="now")
    (shown,) = [found for found in diagnostics(editor, one, "review/debug-output") if found["data"]["runId"] == run]
    editor.type(one, (0, 0), "# typed\n")
    editor.do(editor.action(one, "Drop unit 01-one from all files", shown["range"]["start"]["line"] + 1))
    assert editor.open[one][1] == "# typed\n" + before[one]
    assert not (checkout / "new-one.py").exists()
    assert not (checkout / "src/list").exists()
    diagnostics(editor, one, "review/debug-output", gone=True)
    assert [found["code"] for found in view_of(editor, run)["findings"] if found["code"].startswith("review/")] == []


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
