"""``fanout.plan``: a plan document of a selection, where it lies, and that it makes the same units."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from fanout_server.lsp import draft_files
from tests.conftest import GitCommand
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, options
from tests.lsp.rawclient import Reply
from tests.lsp.test_commands import refused

SHOW = "window/showDocument"
WITHOUT_DOCUMENTS = {**CAPABILITIES, "window": {}}


def draft(editor: Editor, selection: Any, **more: Any) -> tuple[str, str]:
    """Its uri and its text, when it is written."""
    found = editor.client.command("fanout.plan", {"selection": selection, **more})
    assert list(found) == ["uri"]
    if editor.client.all(SHOW) == []:
        editor.client.wait_for(SHOW)
    return found["uri"], Path(found["uri"].removeprefix("file://")).read_text()


def units_of(editor: Editor, **argument: Any) -> list[tuple[str, str, Any]]:
    units = editor.client.command("fanout.preview", argument)["units"]
    return [(unit["id"], unit["title"], unit["targets"]) for unit in units]


def type_instruction(editor: Editor, uri: str, text: str) -> None:
    """Where the cursor was led to."""
    line = editor.client.wait_for(SHOW)["selection"]["start"]["line"]
    lines = text.split("\n")
    assert lines[line] == ""
    lines[line] = "Do it."
    item = {"uri": uri, "languageId": "fanout", "version": 1, "text": "\n".join(lines)}
    editor.client.notify("textDocument/didOpen", {"textDocument": item})


def test_it_makes_the_same_units_and_holds_what_the_command_said(connect: MakeEditor, git: GitCommand) -> None:
    editor = connect(initializationOptions={"options": {"jobs": 2, "attempts": 3}})
    selection = {"uris": [(editor.root / name).as_uri() for name in ("src", "a.txt")]}
    said = {"agent": "claude", "jobs": 8, "timeout": "90s"}
    uri, text = draft(editor, selection, instruction="Do {file}.\nAnd well.", options=said)
    assert text == (
        "---\nagent: claude\njobs: 8\ntimeout: 1m30s\n---\n"
        "Do {file}.\nAnd well.\n\n- src/one.py\n- src/two.py\n- a.txt\n"
    )
    shown = editor.client.wait_for(SHOW)
    assert (shown["uri"], shown["takeFocus"]) == (uri, True)
    assert shown["selection"] == {"start": {"line": 5, "character": 0}, "end": {"line": 6, "character": 9}}
    assert units_of(editor, plan=uri) == units_of(editor, selection=selection)
    # Nothing is written into the checkout, and others cannot read the draft.
    assert git(editor.root, "status", "--porcelain", "--ignored") == ""
    assert stat.S_IMODE(Path(uri.removeprefix("file://")).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("selected", "given", "expected"),
    [
        ("src/one.py\na.txt: mind the end\n", {}, "\n\n- src/one.py\n- a.txt: mind the end\n"),
        ("- fix: one\n- make src/two.py fast\n", {}, "---\nsplit: item\n---\n\n\n- fix: one\n- make src/two.py fast\n"),
        ("src", {"split": "folder"}, "---\nsplit: folder\n---\n\n\n- src\n"),
        ("src", {"split": "path"}, "\n\n- src/one.py\n- src/two.py\n"),
        ("src/one.py#one\nsrc/two.py:1-2\n", {}, "\n\n- src/one.py#one\n- src/two.py:1-2\n"),
    ],
)
def test_items_keep_what_they_name_and_say(
    connect: MakeEditor, selected: str, given: dict[str, Any], expected: str
) -> None:
    editor = connect()
    (editor.root / "list.md").write_text(selected)
    end = {"line": len(selected.splitlines()), "character": 9}
    selection = {"uri": (editor.root / "list.md").as_uri(), "range": {"start": {"line": 0, "character": 0}, "end": end}}
    uri, text = draft(editor, selection, options=given)
    assert text == expected
    type_instruction(editor, uri, text)
    chosen = {"selection": selection, "options": given}
    assert units_of(editor, plan=uri) == units_of(editor, **chosen)


def test_settings_of_the_editor_that_say_how_to_split_do_not_change_it(connect: MakeEditor) -> None:
    editor = connect(initializationOptions={"options": {"split": "item"}})
    selection = {"uris": [(editor.root / "src").as_uri()]}
    uri, text = draft(editor, selection, options={"split": "path"})
    assert text.startswith("---\nsplit: path\n---\n")
    type_instruction(editor, uri, text)
    assert len(units_of(editor, plan=uri)) == 2


def test_odd_names_and_columns_in_the_clients_units(connect: MakeEditor) -> None:
    editor = connect()
    name = "- \U0001f600 a: b\n.txt"
    (editor.root / name).write_text("x\n")
    selection = {"uris": [(editor.root / name).as_uri()]}
    uri, text = draft(editor, selection, instruction="Do \U0001f600.")
    assert editor.client.wait_for(SHOW)["selection"]["end"] == {"line": 0, "character": len("Do xx.")}
    assert units_of(editor, plan=uri) == units_of(editor, selection=selection)
    assert len(text.splitlines()) == 3


def test_a_draft_is_a_plan_of_its_checkout_whatever_is_open(
    connect: MakeEditor, tmp_path: Path, git: GitCommand
) -> None:
    first = connect()
    given = options(tmp_path, apply="now")
    uri, _ = draft(first, {"uris": [(first.root / "a.txt").as_uri()]}, instruction="Do {file}.", options=given)
    first.client.shutdown()
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "a.txt").write_text("return\n")
    second = connect(folder=other)
    assert second.client.command("fanout.preview", {"plan": uri})["units"][0]["targets"] == [
        {"uri": (first.root / "a.txt").as_uri()}
    ]


def test_two_drafts_of_one_moment_are_two_files(tmp_path: Path) -> None:
    made = [draft_files.reserve(tmp_path) for _ in range(5)]
    assert len(set(made)) == 5
    assert all(draft_files.checkout_of(str(path)) == tmp_path for path in made)
    assert draft_files.checkout_of(str(tmp_path / "x.fanout.md")) is None
    (made[0].parent / "checkout").unlink()
    assert draft_files.checkout_of(str(made[0])) is None


@pytest.mark.parametrize("capabilities", [WITHOUT_DOCUMENTS, CAPABILITIES])
def test_an_editor_that_shows_no_documents_gets_the_path(connect: MakeEditor, capabilities: dict[str, Any]) -> None:
    refusal = Reply({"error": {"code": -32603, "message": "no window"}})
    editor = connect(capabilities, handlers={SHOW: lambda _: refusal})
    found = editor.client.command("fanout.plan", {"selection": {"items": ["a.txt"]}})
    path = found["uri"].removeprefix("file://")
    assert f"The plan document is {path}; open it." in message(editor, path)


@pytest.mark.parametrize(
    ("argument", "part"),
    [
        ({}, "fanout.plan needs 'selection'."),
        ({"selection": {"items": ["x"]}, "plan": "x"}, "fanout.plan has no key 'plan'"),
        ({"selection": {"items": []}}, "There is nothing to work on"),
        ({"selection": {"items": ["x"]}, "options": {"jobs": 0}}, "jobs"),
        ({"selection": {"uris": ["file:///nowhere/at/all"]}}, "is not in a git repository"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_no_file(connect: MakeEditor, argument: Any, part: str) -> None:
    editor = connect()
    call = {"command": "fanout.plan", "arguments": [argument]}
    answer = editor.client.call("workspace/executeCommand", call)
    said = answer["error"]["message"] if "error" in answer else message(editor, part)
    assert part in said
    assert list((Path(os.environ["XDG_STATE_HOME"]) / "fanout" / "plans").rglob("*.md")) == []


def test_ten_thousand_units_do_not_keep_the_command_waiting(connect: MakeEditor) -> None:
    editor = connect()
    found = editor.client.command("fanout.plan", {"selection": {"items": [f"do thing {n}" for n in range(10_000)]}})
    editor.client.wait_for(SHOW)
    assert Path(found["uri"].removeprefix("file://")).read_text().count("\n- ") == 10_000


def test_files_of_two_repositories_are_no_plan(connect: MakeEditor, tmp_path: Path, git: GitCommand) -> None:
    editor = connect()
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "c.txt").write_text("c\n")
    uris = [(editor.root / "a.txt").as_uri(), (other / "c.txt").as_uri()]
    _, said = refused(editor, "fanout.plan", {"selection": {"uris": uris}})
    assert "more than one repository" in said
