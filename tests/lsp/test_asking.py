"""The instruction that a command came without: every rung of the ladder, with editors that answer and that do not."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from fanout_server.lsp.asking import WRITE, Asking, Otherwise
from fanout_server.lsp.client import Client
from fanout_server.lsp.presets import DEFAULTS
from fanout_server.lsp.protocol import Protocol
from fanout_server.lsp.session import Session
from tests.lsp.conftest import Sent
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, view_of
from tests.lsp.rawclient import Message, Reply
from tests.lsp.test_commands import ended, refused

INPUT_BOX, MESSAGE, SHOW = "fanout/inputBox", "window/showMessageRequest", "window/showDocument"
ERROR = Reply({"error": {"code": -32601, "message": "no such method"}})
SILENCE = Reply(None)
AGENT = Path(__file__).parents[1] / "agents" / "acp_agent.py"
CHANGE = "write {file} changed"
PRESETS = [{"title": "Change", "instruction": CHANGE, "options": {"apply": "now", "attempts": 1}}]


def capable(*, opted_in: bool = False, buttons: bool = False, documents: bool = True) -> dict[str, Any]:
    window: dict[str, Any] = {"workDoneProgress": True, "showDocument": {"support": documents}}
    if buttons:
        window["showMessage"] = {"messageActionItem": {"additionalPropertiesSupport": True}}
    return {**CAPABILITIES, "window": window, **({"experimental": {"fanout": True}} if opted_in else {})}


def answers(**given: Any) -> dict[str, Callable[[Any], Any]]:
    """Handlers: what is ``typed`` into the input box, ``chosen`` of a message, and if a document is ``shown``."""
    methods = {"typed": INPUT_BOX, "chosen": MESSAGE, "shown": SHOW}
    return {methods[key]: functools.partial(_always, value) for key, value in given.items()}


def _always(value: Any, _params: Any) -> Any:
    return value


def scripted(tmp_path: Path, **more: Any) -> dict[str, Any]:
    """Options of an agent that has to be told what to do, and does what it is told."""
    environment = {"ACP_SAW": str(tmp_path / "saw")}
    return {"agent": "acp:test", "command": [sys.executable, str(AGENT)], "env": environment, **more}


def run(editor: Editor, tmp_path: Path, **more: Any) -> str:
    selection = {"uris": [(editor.root / name).as_uri() for name in ("a.txt", "b.txt")]}
    found = editor.client.command("fanout.run", {"selection": selection, "options": scripted(tmp_path, **more)})
    assert list(found) == ["runId"]
    return str(found["runId"])


def test_what_is_typed_into_the_input_box_is_the_instruction(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(capable(opted_in=True, buttons=True), handlers=answers(typed={"value": CHANGE}))
    found = run(editor, tmp_path, apply="now")
    message(editor, "Applied 2 files")
    assert (editor.root / "a.txt").read_text() == "changed\n"
    assert view_of(editor, found)["instruction"] == CHANGE
    (asked,) = editor.client.all(INPUT_BOX)
    assert asked["prompt"] == "What is to be done with each of these 2: a.txt, b.txt?"
    assert not [one for one in editor.client.all(MESSAGE) if "What is to be done" in one["message"]]


def test_a_preset_that_is_chosen_brings_its_options_below_those_of_the_command(
    connect: MakeEditor, tmp_path: Path
) -> None:
    editor = connect(
        capable(buttons=True),
        handlers=answers(chosen={"title": "Change"}),
        initializationOptions={"presets": PRESETS, "options": {"apply": "later"}},
    )
    run(editor, tmp_path, apply="later")
    message(editor, "is ready")
    (asked,) = [one for one in editor.client.all(MESSAGE) if "What is to be done" in one["message"]]
    assert [one["title"] for one in asked["actions"]] == ["Change", WRITE]
    run(editor, tmp_path)
    message(editor, "Applied 2 files")


def test_the_last_rung_is_a_plan_document_with_the_cursor_where_the_instruction_goes(
    connect: MakeEditor, tmp_path: Path
) -> None:
    editor = connect(capable(buttons=True), handlers=answers(chosen={"title": WRITE}, shown={"success": True}))
    found = run(editor, tmp_path, apply="now")
    shown = editor.client.wait_for(SHOW)
    assert message(editor, "and run it from there").startswith("Write into ")
    view = ended(editor, found, "cancelled")
    assert "and run it from there" in view["message"]
    assert shown["takeFocus"] is True
    assert shown["selection"]["start"] == shown["selection"]["end"]
    # The user types the instruction at the cursor, and runs the document.
    path = Path(shown["uri"].removeprefix("file://"))
    lines = path.read_text().split("\n")
    line = shown["selection"]["start"]["line"]
    assert (lines[line - 1], lines[line], lines[line + 2 :]) == ("---", "", ["- a.txt", "- b.txt", ""])
    lines[line] = CHANGE
    item = {"uri": shown["uri"], "languageId": "fanout", "version": 1, "text": "\n".join(lines)}
    editor.client.notify("textDocument/didOpen", {"textDocument": item})
    editor.client.command("fanout.run", {"plan": shown["uri"]})
    message(editor, "Applied 2 files")
    assert (editor.root / "b.txt").read_text() == "changed\n"


DECLINED, DRAFT = "No instruction was given, so nothing was started.", "and run it from there."


@pytest.mark.parametrize(
    ("able", "given", "said", "asked"),
    [
        ({"opted_in": True}, {"typed": ERROR}, DRAFT, [INPUT_BOX, SHOW]),
        ({"opted_in": True}, {"typed": None}, DRAFT, [INPUT_BOX, SHOW]),
        ({"opted_in": True}, {"typed": ["x"]}, DRAFT, [INPUT_BOX, SHOW]),
        ({"opted_in": True, "buttons": True}, {"typed": ERROR}, DECLINED, [INPUT_BOX, MESSAGE]),
        ({"opted_in": True, "buttons": True}, {"typed": {"cancelled": True}}, DECLINED, [INPUT_BOX]),
        ({"opted_in": True}, {"typed": {"value": " \n"}}, DECLINED, [INPUT_BOX]),
        ({"opted_in": True}, {"typed": {"value": 3}}, DECLINED, [INPUT_BOX]),
        ({"opted_in": True}, {"typed": {"value": "x", "cancelled": True}}, DECLINED, [INPUT_BOX]),
        ({"buttons": True}, {"chosen": None}, DECLINED, [MESSAGE]),
        ({"buttons": True}, {"chosen": {"title": "of its own"}}, DECLINED, [MESSAGE]),
        ({"buttons": True}, {"chosen": ERROR}, DRAFT, [MESSAGE, SHOW]),
        ({"buttons": True}, {"chosen": "Document"}, DRAFT, [MESSAGE, SHOW]),
        ({}, {"shown": None}, "Write into ", [SHOW]),
        ({}, {"shown": {"success": False}}, "Open ", [SHOW]),
        ({}, {"shown": ERROR}, "Open ", [SHOW]),
        ({"documents": False}, {}, "Open ", []),
    ],
)
def test_an_editor_that_fails_on_one_rung_is_asked_on_the_next(
    connect: MakeEditor, tmp_path: Path, able: dict[str, bool], given: dict[str, Any], said: str, asked: list[str]
) -> None:
    editor = connect(capable(**able), handlers=answers(**given))
    found = run(editor, tmp_path)
    assert said in message(editor, said)
    assert ended(editor, found, "cancelled")["units"] == []
    seen = [one["method"] for one in editor.client.received if one.get("method") in {INPUT_BOX, MESSAGE, SHOW}]
    assert seen == asked
    assert (editor.root / "a.txt").read_text() == "alpha\nbeta\ngamma\n"


def test_an_editor_that_does_not_answer_keeps_nobody_waiting_and_the_question_can_be_taken_back(
    connect: MakeEditor, tmp_path: Path
) -> None:
    editor = connect(capable(opted_in=True), handlers=answers(typed=SILENCE))
    found = run(editor, tmp_path)
    editor.client.wait_for(INPUT_BOX)
    view = view_of(editor, found)
    assert (view["state"], view["message"]) == ("running", "It waits for its instruction.")
    assert editor.client.command("fanout.cancel", {"runId": found}) == {"cancelled": []}
    gone = editor.client.call("workspace/executeCommand", {"command": "fanout.status", "arguments": [{"runId": found}]})
    assert "There is no run" in gone["error"]["message"]
    # The answer that comes after all starts nothing.
    (question,) = [one for one in editor.client.received if one.get("method") == INPUT_BOX]
    editor.client.send({"jsonrpc": "2.0", "id": question["id"], "result": {"value": CHANGE}})
    assert editor.client.command("fanout.status") == {"runs": []}
    run(editor, tmp_path)
    assert editor.client.shutdown() == 0


@pytest.mark.parametrize(
    ("argument", "part"),
    [
        ({"selection": {"items": []}}, "nothing to work on"),
        ({"selection": {"items": ["x"]}, "options": {"jbos": 1}}, "jobs"),
    ],
)
def test_what_cannot_be_run_at_all_is_said_before_anything_is_asked(
    connect: MakeEditor, argument: Message, part: str
) -> None:
    editor = connect(capable(opted_in=True, buttons=True))
    answer = editor.client.call("workspace/executeCommand", {"command": "fanout.run", "arguments": [argument]})
    said = answer["error"]["message"] if "error" in answer else message(editor, part)
    assert part in said
    assert editor.client.all(INPUT_BOX) == editor.client.all(MESSAGE) == []


def test_an_agent_that_knows_what_to_do_is_not_asked_about(connect: MakeEditor, checkout: Path) -> None:
    editor = connect(capable(opted_in=True))
    rules = {"rewrite": [{"pattern": "one", "to": "uno", "language": "python"}], "apply": "now"}
    editor.client.command(
        "fanout.run", {"selection": {"uri": (checkout / "src/one.py").as_uri()}, "options": rules, "instruction": ""}
    )
    message(editor, "Applied 1 file")
    assert editor.client.all(INPUT_BOX) == []


def test_a_typed_instruction_that_is_wrong_is_told_with_what_is_wrong(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(capable(opted_in=True), handlers=answers(typed={"value": "Do {fil}."}))
    argument = {"selection": {"items": ["a.txt"]}, "options": scripted(tmp_path)}
    _, said = refused(editor, "fanout.run", argument)
    assert said.startswith("The plan cannot be run")
    assert "did you mean 'file'?" in said


@pytest.mark.anyio
@pytest.mark.parametrize("client", [Client(input_box=True, asks=True), Client(asks=True)])
async def test_every_question_has_a_limit(protocol: Protocol, sent: Sent, client: Client) -> None:
    async with anyio.create_task_group() as tasks:
        session = Session(protocol, tasks)
        session.client = client
        with anyio.fail_after(10):
            assert await Asking(session, limit=0.01).instruction("What?", DEFAULTS) is Otherwise.DECLINED
    assert [one["method"] for one in sent.messages if "method" in one] == [INPUT_BOX if client.input_box else MESSAGE]


# Forms.

TEXT = {"experimental": {"interactiveResolve": {"inputTypes": ["string", "enum"]}}}
CHOICE = {"experimental": {"interactiveResolve": {"inputTypes": ["enum"]}}}


def resolve(editor: Editor, argument: Any, command: str = "fanout.run", **more: Any) -> Message:
    return editor.client.call("command/resolve", {"command": command, "arguments": [argument], **more})


def answered(value: Any) -> list[dict[str, Any]]:
    return [{"id": "instruction", "value": value}]


@pytest.fixture
def whole(checkout: Path, tmp_path: Path) -> dict[str, Any]:
    """A command's argument without an instruction."""
    return {"selection": {"uri": (checkout / "a.txt").as_uri()}, "options": scripted(tmp_path, apply="now")}


def test_a_form_asks_for_the_instruction_until_it_is_right(connect: MakeEditor, whole: dict[str, Any]) -> None:
    editor = connect({**CAPABILITIES, **TEXT})
    first = resolve(editor, whole)["result"]
    (question,) = first["formFields"]
    assert (question["id"], question["required"], question["type"]) == ("instruction", True, {"kind": "string"})
    assert question["description"] == "What is to be done with a.txt?"
    assert (first["command"], first["arguments"], "formAnswers" in first) == ("fanout.run", [whole], False)
    for value, part in [(" ", "Say what"), (None, "Say what"), (3, "Say what"), ("Do {fil}", "did you mean 'file'?")]:
        again = resolve(editor, whole, formAnswers=answered(value))["result"]
        assert part in again["formFields"][0]["error"]
        assert again["formAnswers"] == answered(value)
    done = resolve(editor, whole, formAnswers=answered(CHANGE))["result"]
    assert "formFields" not in done
    assert done["arguments"] == [{**whole, "instruction": CHANGE}]
    editor.client.call("workspace/executeCommand", done)
    message(editor, "Applied 1 file")


def test_an_editor_without_a_text_field_chooses_a_preset(connect: MakeEditor, whole: dict[str, Any]) -> None:
    editor = connect({**CAPABILITIES, **CHOICE}, initializationOptions={"presets": PRESETS})
    (question,) = resolve(editor, whole)["result"]["formFields"]
    assert question["type"]["entries"] == [{"value": "Change", "description": "Change"}]
    assert "error" in resolve(editor, whole, formAnswers=answered("Other"))["result"]["formFields"][0]
    (argument,) = resolve(editor, whole, formAnswers=answered("Change"))["result"]["arguments"]
    assert argument["instruction"] == CHANGE
    assert argument["options"] == {**whole["options"], "attempts": 1}


def test_what_needs_no_form_comes_back_as_it_is(connect: MakeEditor, whole: dict[str, Any]) -> None:
    editor = connect({**CAPABILITIES, **TEXT})
    plan = {"plan": (editor.root / "p.fanout.md").as_uri()}
    (editor.root / "p.fanout.md").write_text("Do it.\n\n- a.txt\n")
    for command, argument in [
        ("fanout.run", {**whole, "instruction": "x"}),
        ("fanout.run", plan),
        ("fanout.status", {}),
        ("other.command", 3),
    ]:
        assert resolve(editor, argument, command)["result"] == {"command": command, "arguments": [argument]}


def test_forms_are_announced_only_to_editors_that_have_them(connect: MakeEditor, checkout: Path) -> None:
    def announced(capabilities: dict[str, Any]) -> Any:
        client = connect(capabilities).client
        return client.answer(1)["result"]["capabilities"].get("experimental")

    assert announced(TEXT) == {"interactiveResolveProvider": {"kinds": ["command"]}}
    assert announced(CAPABILITIES) is None


@pytest.mark.parametrize(
    ("params", "part"),
    [
        (None, "takes a command"),
        ({"command": 3}, "takes a command"),
        ({"command": "fanout.run", "arguments": {"a": 1}}, "'arguments' of command/resolve should be a list"),
        ({"command": "fanout.run", "formAnswers": [3]}, "an object with an 'id'"),
        ({"command": "fanout.run", "arguments": [{"selektion": {}}]}, "has no key 'selektion'"),
        ({"command": "fanout.run", "arguments": []}, "takes either 'plan' or 'selection'"),
    ],
)
def test_a_form_of_a_command_that_makes_no_sense(connect: MakeEditor, params: Any, part: str) -> None:
    editor = connect({**CAPABILITIES, **TEXT})
    error = editor.client.call("command/resolve", params)["error"]
    assert (error["code"], part in error["message"]) == (-32602, True), error
