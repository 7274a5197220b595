"""Select and go: the code actions on a selection, what they carry, and how fast they come."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, options, run_files

KIND = "refactor.rewrite.fanout"
INVOKED, AUTOMATIC = 1, 2
LITERALS = {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}, "disabledSupport": True}
ACTIONS = {**CAPABILITIES, "textDocument": {"codeAction": LITERALS}}
TEXT = "\U0001f600 these:\nsrc/one.py\nsrc/two.py\na.txt\n"
ALL = ((0, 0), (9, 0))
PRESET_TITLES = ["Write unit tests", "Document", "Migrate", "Review"]


def actions(
    editor: Editor,
    uri: str,
    span: tuple[tuple[int, int], tuple[int, int]] = ALL,
    trigger: int | None = INVOKED,
    **context: Any,
) -> list[dict[str, Any]]:
    start, end = ({"line": line, "character": character} for line, character in span)
    given = {"diagnostics": [], **({"triggerKind": trigger} if trigger else {}), **context}
    params = {"textDocument": {"uri": uri}, "range": {"start": start, "end": end}, "context": given}
    found = editor.client.call("textDocument/codeAction", params)
    assert "error" not in found, found
    result: list[dict[str, Any]] = found["result"]
    return result


def titles(found: list[dict[str, Any]]) -> list[str]:
    return [one["title"] for one in found]


def choose(editor: Editor, found: list[dict[str, Any]], title: str) -> Any:
    (action,) = [one for one in found if one["title"] == title]
    call = action["command"]
    return editor.client.command(call["command"], call["arguments"][0])


def test_each_way_to_split_comes_with_every_preset_the_best_first(connect: MakeEditor) -> None:
    editor = connect(ACTIONS)
    uri = editor.did_open("list.md", TEXT)
    found = actions(editor, uri)
    assert titles(found)[:6] == [
        "Fan out over 3 files with an instruction...",
        *(f"Fan out over 3 files: {title}" for title in PRESET_TITLES),
        "Fan out over 3 files: make a plan document",
    ]
    assert {one["kind"] for one in found} == {KIND}
    # Items and lines are the same here.
    assert [title for title in titles(found)[6:] if title.endswith("with an instruction...")] == [
        f"Fan out over {what} with an instruction..." for what in ("2 functions", "4 items", "2 folders")
    ]
    command = found[1]["command"]
    assert command["command"] == "fanout.run"
    (argument,) = command["arguments"]
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
    assert argument["selection"] == {"uri": uri, "range": span}
    assert argument["options"] == {"split": "path"}
    assert "Write unit tests" in argument["instruction"]


def test_a_part_of_the_text_counts_in_the_clients_units(connect: MakeEditor) -> None:
    editor = connect(ACTIONS)
    uri = editor.did_open("list.md", "\U0001f600 src/one.py\nsrc/two.py\n")
    assert "Fan out over 1 file: Document" in titles(actions(editor, uri, ((0, 3), (0, 13))))
    # The emoji is two units in utf-16; one unit less, and the name is cut off.
    assert not [title for title in titles(actions(editor, uri, ((0, 3), (0, 12)))) if "file" in title]


def test_presets_of_the_settings_bring_their_options_and_run(connect: MakeEditor, tmp_path: Path) -> None:
    given = options(tmp_path, apply="now")
    mine = {"title": "Ten more", "instruction": "Change it.", "options": {**given, "split": "item"}}
    editor = connect(ACTIONS, initializationOptions={"presets": [mine]})
    found = actions(editor, editor.did_open("list.md", TEXT))
    assert titles(found)[:3] == [
        "Fan out over 3 files with an instruction...",
        "Fan out over 3 files: Ten more",
        "Fan out over 3 files: make a plan document",
    ]
    # What the user chose of the menu counts, whatever the preset says.
    assert found[1]["command"]["arguments"][0]["options"] == {**given, "split": "path"}
    choose(editor, found, "Fan out over 3 files: Ten more")
    assert "run" in message(editor, "Applied")
    assert (editor.root / "src/one.py").read_text() == "def one():\n    return 10 + 1\n"


def test_with_an_instruction_goes_down_the_ladder(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(ACTIONS, initializationOptions={"options": {"agent": "acp:x", "command": ["x"]}})
    found = actions(editor, editor.did_open("list.md", TEXT))
    assert list(choose(editor, found, "Fan out over 3 files with an instruction...")) == ["runId"]
    shown = editor.client.wait_for("window/showDocument")
    assert Path(shown["uri"].removeprefix("file://")).read_text().endswith("- src/one.py\n- src/two.py\n- a.txt\n")
    made = choose(editor, found, "Fan out over 3 files: make a plan document")
    assert made["uri"] != shown["uri"]


@pytest.mark.parametrize(
    ("only", "offered"),
    [
        (None, True),
        ([], False),
        (["refactor"], True),
        (["refactor.rewrite"], True),
        ([KIND], True),
        ([""], True),
        (["quickfix", "refactor.rewrite"], True),
        (["quickfix"], False),
        (["refactor.rewrite.fan"], False),
        ([f"{KIND}.other"], False),
        (["source.organizeImports"], False),
        (["of.its.own"], False),
    ],
)
def test_only_where_the_client_wants_this_kind(connect: MakeEditor, only: list[str] | None, offered: bool) -> None:
    editor = connect(ACTIONS)
    uri = editor.did_open("list.md", TEXT)
    context: dict[str, Any] = {} if only is None else {"only": only}
    assert bool(actions(editor, uri, **context)) is offered


def test_nothing_where_there_is_nothing_to_select(connect: MakeEditor) -> None:
    editor = connect(ACTIONS)
    uri = editor.did_open("list.md", f"{TEXT}\n   \nword\n")
    for span in (((1, 3), (1, 3)), ((4, 0), (5, 2)), ((6, 0), (6, 4)), ((90, 0), (99, 0)), ((3, 0), (1, 0))):
        assert actions(editor, uri, span) == [], span
    assert actions(editor, (editor.root / "a.txt").as_uri()) == []  # not open
    assert actions(editor, "untitled:gone") == []
    plan = editor.did_open("p.fanout.md", TEXT)
    assert actions(editor, plan) == []


def test_an_untitled_document_is_of_the_only_folder(connect: MakeEditor) -> None:
    editor = connect(ACTIONS)
    item = {"uri": "untitled:list", "languageId": "x", "version": 1, "text": "src/one.py\r\nsrc/two.py\r\n"}
    editor.client.notify("textDocument/didOpen", {"textDocument": item})
    assert "Fan out over 2 files: Review" in titles(actions(editor, "untitled:list"))


def test_commands_where_the_editor_knows_no_code_action_literals(connect: MakeEditor) -> None:
    editor = connect()
    found = actions(editor, editor.did_open("list.md", TEXT), trigger=None)
    assert found[0]["command"] == "fanout.run"
    assert found[0]["arguments"][0]["options"] == {"split": "path"}


def test_a_document_in_no_repository_says_so_where_it_is_asked_for(connect: MakeEditor, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "list.md").write_text(TEXT)
    editor = connect(ACTIONS, folder=tmp_path / "plain")
    uri = editor.did_open("list.md")
    (action,) = actions(editor, uri)
    assert "is not in a git repository. Run 'git init'" in action["disabled"]["reason"]
    assert actions(editor, uri, ALL, AUTOMATIC) == []
    plain = connect(folder=tmp_path / "plain")
    plain.did_open("list.md")
    assert actions(plain, uri) == []


SLOW = "import pathlib, sys, time\npathlib.Path(sys.argv[2]).touch()\ntime.sleep(600)\n"


def test_a_run_that_goes_on_can_be_cancelled(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(ACTIONS)
    uri = editor.did_open("src/one.py")
    assert actions(editor, uri, ((0, 0), (0, 0))) == []
    (tmp_path / "slow.py").write_text(SLOW)
    started = tmp_path / "started"
    command = [sys.executable, str(tmp_path / "slow.py"), "{file}", str(started)]
    run = run_files(editor, tmp_path, "a.txt", command=command)
    # The command may be answered before there is anything to cancel.
    editor.client.wait_for("$/progress", lambda one: one["value"]["kind"] == "begin")
    (action,) = actions(editor, uri, ((0, 0), (0, 0)))
    assert action["title"] == "Cancel run: Change {file}."
    # The light bulb does not burn because of it.
    assert actions(editor, uri, ((0, 0), (0, 0)), AUTOMATIC) == []
    assert choose(editor, [action], action["title"]) == {"cancelled": ["01-a"]}
    message(editor, f"Run {run} was cancelled")
    assert actions(editor, uri, ((0, 0), (0, 0))) == []


def test_ten_thousand_files_and_a_cursor_that_moves(connect: MakeEditor, git: GitCommand) -> None:
    editor = connect(ACTIONS)
    names = [f"src/deep/p{number % 100}/file{number}.py" for number in range(10_000)]
    for name in names:
        (editor.root / name).parent.mkdir(parents=True, exist_ok=True)
        (editor.root / name).touch()
    git(editor.root, "add", "-A")
    git(editor.root, "commit", "-qm", "many")
    uri = editor.did_open("list.md", "\n".join(names) + "\n")
    assert "Fan out over 10000 files: Document" in titles(actions(editor, uri, ((0, 0), (10_000, 0))))
    longest = 0.0
    for line in range(30):
        begun = time.monotonic()
        actions(editor, uri, ((line, 0), (line + 20, 0)), AUTOMATIC)
        longest = max(longest, time.monotonic() - begun)
    # A limit of 90 ms, and what a busy machine adds.
    assert longest < 1.0
    assert editor.client.shutdown() == 0


def test_code_actions_ask_the_editor_nothing(connect: MakeEditor) -> None:
    editor = connect(ACTIONS)
    actions(editor, editor.did_open("list.md", TEXT))
    assert [one for one in editor.client.received if "method" in one and "id" in one] == []


CODE = """import os


def one():
    return 1


class Two:
    def three(self):
        return 3
"""


def problem(line: int, message: str, **more: Any) -> dict[str, Any]:
    span = {"start": {"line": line, "character": 4}, "end": {"line": line, "character": 10}}
    return {"range": span, "message": message, **more}


def test_functions_and_problems_of_code(connect: MakeEditor, tmp_path: Path) -> None:
    given = {"options": {"agent": "acp:x", "command": ["x"]}}
    editor = connect(ACTIONS, initializationOptions=given)
    uri = editor.did_open("src/one.py", CODE)
    shown = [
        problem(4, "no", severity=1, code=12, source="ruff", data={"x": 1}, tags=[1]),
        problem(9, "bad", severity=2),
        problem(9, "unused", severity=4),
    ]
    found = actions(editor, uri, ((3, 0), (9, 5)), diagnostics=shown)
    assert titles(found)[0].startswith("Fan out over 2 functions or classes with an instruction")
    assert "Fan out over 2 problems: Document" in titles(found)
    made = choose(editor, found, "Fan out over 2 problems with an instruction...")
    assert list(made) == ["runId"]
    text = Path(editor.client.wait_for("window/showDocument")["uri"].removeprefix("file://")).read_text()
    assert "split: diagnostic" in text
    assert "line 5: error: no (ruff 12)" in text
    assert "line 10: warning: bad" in text
    assert "unused" not in text


def test_a_cursor_on_a_problem_is_a_selection_of_it(connect: MakeEditor) -> None:
    editor = connect(ACTIONS)
    uri = editor.did_open("src/one.py", CODE)
    found = actions(editor, uri, ((4, 5), (4, 5)), AUTOMATIC, diagnostics=[problem(4, "no")])
    assert {title.split(":")[0].split(" with ")[0] for title in titles(found)} == {"Fan out over 1 problem"}
    (argument,) = found[0]["command"]["arguments"]
    assert argument["selection"]["diagnostics"] == [problem(4, "no")]
    previewed = editor.client.command("fanout.preview", argument)
    assert [one["title"] for one in previewed["units"]] == ["src/one.py"]


@pytest.mark.parametrize(
    ("shown", "part"),
    [
        (3, "'selection.diagnostics' of fanout.preview should be a list of objects, but is a whole number."),
        ([3], "'selection.diagnostics[0]'"),
        ([{"message": "x"}], "fanout.preview needs 'selection.diagnostics[0].range'."),
        (
            [{**problem(1, "x"), "message": 3}],
            "'selection.diagnostics[0].message' of fanout.preview should be a string",
        ),
        ([problem(1, "x", tags=[])], "has no key 'selection.diagnostics[0].tags'; its keys are range, message,"),
    ],
)
def test_problems_that_are_none_are_named(connect: MakeEditor, shown: Any, part: str) -> None:
    editor = connect()
    selection = {"uri": (editor.root / "a.txt").as_uri(), "diagnostics": shown}
    call = {"command": "fanout.preview", "arguments": [{"selection": selection}]}
    assert part in editor.client.call("workspace/executeCommand", call)["error"]["message"]
