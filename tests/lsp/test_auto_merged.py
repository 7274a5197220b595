"""What was merged though git saw a conflict: shown with its sides, and undone by a quick fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import ACTIONS, CAPABILITIES, Editor, MakeEditor, message, run_files, view_of
from tests.lsp.test_fixes import diagnostics

RESOLVING = {**CAPABILITIES, "textDocument": ACTIONS}
EAGER = {
    **CAPABILITIES,
    "textDocument": {"codeAction": {**ACTIONS["codeAction"], "resolveSupport": None, "dataSupport": False}},
}
CODE = "merge/auto-merged"
BASE = "names = [\n    'a',\n]\n"
AGENT = 'sed -i "/^]/ i \\ \\ \\ \\ \'$0\'," names.py; echo "- $0" >> notes.md'
NAMES = ("src/one.py", "src/two.py", "a.txt")


def names(*found: str) -> str:
    return "names = [\n    'a',\n" + "".join(f"    '{name}',\n" for name in found) + "]\n"


def merged(editor: Editor, tmp_path: Path, **more: Any) -> str:
    return run_files(editor, tmp_path, *NAMES, command=["sh", "-c", AGENT, "{file}"], **more)


@pytest.fixture(autouse=True)
def shared_files(checkout: Path, git: GitCommand) -> None:
    (checkout / "names.py").write_text(BASE)
    (checkout / "notes.md").write_text("- a\n")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "shared")


@pytest.mark.parametrize("capabilities", [RESOLVING, EAGER], ids=["resolve", "at once"])
@pytest.mark.parametrize(
    ("title", "left"),
    [
        ("Leave out what unit 02-two did", ("src/one.py", "typed", "a.txt")),
        ("Keep of this file only what unit 02-two", ("src/two.py", "typed", "a.txt")),
    ],
)
def test_a_step_is_undone_and_what_came_since_stays(
    connect: MakeEditor, checkout: Path, tmp_path: Path, capabilities: Any, title: str, left: tuple[str, ...]
) -> None:
    editor = connect(capabilities)
    uri = editor.did_open("names.py")
    run = merged(editor, tmp_path, apply="now")
    message(editor, "Applied 2 files")
    assert editor.open[uri][1] == names(*NAMES)
    assert (checkout / "notes.md").read_text() == "- a\n" + "".join(f"- {name}\n" for name in NAMES)
    shown = [one for one in diagnostics(editor, uri, CODE) if one["code"] == CODE]
    assert [one["data"]["units"] for one in shown] == [["02-two", "01-one"], ["03-a", "01-one", "02-two"]]
    assert shown[0]["severity"] == 3
    assert "(confidence: medium)" in shown[0]["message"]
    first = next(one for one in view_of(editor, run)["findings"] if one["code"] == CODE and one["uri"] == uri)
    sides = [Path(one["uri"].removeprefix("file://")) for one in first["related"]]
    assert [side.read_text() for side in sides] == [names(*NAMES[:1]), names(NAMES[1]), names(*NAMES[:2])]
    editor.did_change(uri, editor.open[uri][1].replace("    'a.txt',\n", "    'typed',\n    'a.txt',\n"))
    assert editor.do(editor.action(uri, title)) == {}
    assert editor.open[uri][1] == names(*left)
    kept = [one for one in view_of(editor, run)["findings"] if one["code"] == CODE and one["uri"] == uri]
    assert [one["units"] for one in kept] == [["03-a", "01-one", "02-two"]]


def test_of_a_list_in_prose_as_well(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(RESOLVING)
    uri = editor.did_open("notes.md")
    merged(editor, tmp_path, apply="now")
    message(editor, "Applied 2 files")
    diagnostics(editor, uri, CODE)
    editor.do(editor.action(uri, "Leave out what unit 02-two did"))
    assert editor.open[uri][1] == "- a\n- src/one.py\n- a.txt\n"


def test_what_is_not_applied_or_in_the_way_is_said(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(RESOLVING)
    uri = editor.did_open("names.py")
    run = merged(editor, tmp_path, apply="later")
    message(editor, "is ready")
    diagnostics(editor, uri, CODE)
    error = editor.client.call("codeAction/resolve", editor.action(uri, "Leave out what unit 02-two"))["error"]
    assert error["message"].startswith("'names.py' is not applied, so there is nothing to undo in it.")
    editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    editor.did_change(uri, "names = make('src/two.py')\n")
    error = editor.client.call("codeAction/resolve", editor.action(uri, "Leave out what unit 02-two"))["error"]
    assert "was changed since in the same places" in error["message"]
    dismissals = [one for one in editor.actions(uri) if "Dismiss this finding" in one["title"]]
    editor.do(next(one for one in dismissals if one["diagnostics"][0]["code"] == CODE))
    kept = [one for one in view_of(editor, run)["findings"] if one["code"] == CODE and one["uri"] == uri]
    assert len(kept) == 1
