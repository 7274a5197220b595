"""A review in a real session: what agents find is shown in the text that is not saved, and what can be done with it."""

from __future__ import annotations

from pathlib import Path

from tests.lsp.editor import MakeEditor, message, run_files, view_of
from tests.lsp.test_commands import refused
from tests.lsp.test_fixes import RESOLVING, diagnostics
from tests.run.test_review_mode import answer, remark

SAID = answer(
    remark("src/one.py", "return 1", "It should be two.", replacement="return 2"),
    remark("src/one.py", "def one():", "The name says nothing."),
    summary="Short, and wrong.",
)


def test_what_agents_find_is_shown_fixed_and_dismissed(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(RESOLVING)
    uri = editor.did_open("src/one.py")
    editor.type(uri, (0, 0), "# typed\n")
    command = ["sh", "-c", 'echo "# strange" >> "$1"; cat "$0"', str(tmp_path / "said.json"), "{file}"]
    (tmp_path / "said.json").write_text(SAID)
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=command, mode="review")
    message(editor, "found 4 things")
    shown = diagnostics(editor, uri, "review/agent")
    by_line = {one["range"]["start"]["line"]: one for one in shown if one["code"] == "review/agent"}
    assert {line: one["message"] for line, one in by_line.items()} == {
        1: "The name says nothing.",
        2: "It should be two.",
    }
    assert sorted(by_line[2]["data"]["units"]) == ["01-one", "02-two"]
    assert [one for one in editor.actions(uri, 2) if "Drop" in one["title"] or "Send" in one["title"]] == []
    editor.type(uri, (0, 0), "# typed again\n")
    editor.do(editor.action(uri, "Replace it as suggested", 3))
    assert editor.open[uri][1] == "# typed again\n# typed\ndef one():\n    return 2\n"
    editor.do(editor.action(uri, "Dismiss", 2))
    diagnostics(editor, uri, "review/agent", gone=True)
    view = view_of(editor, run)
    assert view["state"] == "ready"
    assert [one["summary"] for one in view["units"]] == ["Short, and wrong."] * 2
    assert [one["code"] for one in view["findings"]] == ["unit/edits-dropped"] * 2
    _, said = refused(editor, "fanout.apply", {"runId": run})
    assert "nothing to apply" in said
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"
