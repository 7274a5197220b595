"""Settings: their layers, what is wrong with them, and how they and the workspace's folders change meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fanout_server.lsp.configuration import Configuration
from fanout_server.lsp.presets import DEFAULTS
from tests.conftest import GitCommand
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message
from tests.lsp.rawclient import LIMIT, Reply

CHANGED = "workspace/didChangeConfiguration"
FOLDERS = "workspace/didChangeWorkspaceFolders"


def capable(**workspace: Any) -> dict[str, Any]:
    return {**CAPABILITIES, "workspace": {**CAPABILITIES["workspace"], **workspace}}


def told(*values: object, given: object = None) -> tuple[Configuration, list[str]]:
    """After the initialization options ``given`` and the general settings ``values``, one after the other."""
    said: list[str] = []
    configuration = Configuration(said.append)
    configuration.begin(given)
    for value in values:
        configuration.change(value, {})
    return configuration, said


def test_each_layer_stands_above_the_one_before() -> None:
    configuration, said = told(given={"options": {"jobs": 1, "attempts": 3, "agent": "claude"}})
    folders = {Path("/w/a"): {"options": {"jobs": 5}}, Path("/w/a/in"): {"presets": []}}
    configuration.change({"options": {"jobs": 2, "attempts": None}}, folders)
    assert configuration.options() == {"jobs": 2, "attempts": 3, "agent": "claude"}
    assert configuration.options(Path("/w/a"))["jobs"] == 5
    assert configuration.options(Path("/w/a/other"))["jobs"] == 5
    assert configuration.options(Path("/w/a/in/deep"))["jobs"] == 2
    assert configuration.options(Path("/w"))["jobs"] == 5  # the folder is a part of the repository
    assert configuration.options(Path("/elsewhere"))["jobs"] == 2
    assert configuration.presets(Path("/w/a/in")) == ()
    assert configuration.presets(Path("/w/a")) == DEFAULTS
    configuration.change(None, {})
    assert configuration.options() == {"jobs": 1, "attempts": 3, "agent": "claude"}
    assert said == []


def test_a_wrong_value_is_told_once_and_left_out_and_the_rest_counts() -> None:
    wrong = {"options": {"jobs": "many", "jbos": 3, "attempts": 4}, "presets": [{"title": "x"}, 3]}
    configuration, said = told(wrong, wrong)
    assert len(said) == 1
    for part in ("options.jobs:", "options.jbos:", "presets[0] needs a text as its instruction.", "presets[1] should"):
        assert part in said[0]
    assert configuration.options() == {"attempts": 4}
    assert configuration.presets() == ()
    configuration.change({"options": {"jobs": 3}}, {})
    configuration.change(wrong, {})
    assert len(said) == 2


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (3, "fanout should be an object, but is a whole number."),
        ([], "fanout should be an object, but is a list."),
        ({"options": []}, "options should be an object, but is a list."),
        ({"options": {"rewrite": {"a": [{}]}}}, "options.rewrite:"),
        ({"presets": {}}, "presets should be a list, but is an object."),
        ({"presets": [{"title": " ", "instruction": 3}]}, "needs a text as its title and its instruction."),
        ({"presets": [{"title": "a", "instruction": "b", "option": {}}]}, "presets[0] has no key 'option'"),
        ({"presets": [{"title": "a", "instruction": "b", "options": {"jobs": -1}}]}, "presets[0].options.jobs:"),
        ({"option": {}}, "There is no setting 'option'; did you mean 'options'?"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(value: object, part: str) -> None:
    for said in (told(value)[1], told(given=value)[1]):
        assert len(said) == 1
        assert part in said[0]


@pytest.mark.parametrize("value", [None, {}, {"serverPath": "x", "trace": {"server": "off"}}, {"options": None}])
def test_what_says_nothing_about_it_is_no_mistake(value: object) -> None:
    configuration, said = told(value, given=value)
    assert (dict(configuration.options()), configuration.presets(), said) == ({}, DEFAULTS, [])


def test_presets_of_the_user_take_the_place_of_ours() -> None:
    mine = {"title": "Port\nit", "instruction": " Port {item}. ", "options": {"jobs": 2}}
    configuration, said = told({"presets": [mine]})
    (preset,) = configuration.presets()
    assert (preset.title, preset.instruction, preset.options) == ("Port it", "Port {item}.", {"jobs": 2})
    assert said == []


def settings_of(*values: Any) -> Callable[[Any], Any]:
    """A client's answers to workspace/configuration, one after the other, for as many items as it asks for."""
    left = list(values)

    def answer(params: Any) -> Any:
        value = left.pop(0) if len(left) > 1 else left[0]
        return [value] * len(params["items"]) if not isinstance(value, Reply) else value

    return answer


def asked(editor: Editor, times: int) -> list[Any]:
    """Waits until the server has asked for the settings so often, and taken the answers."""
    editor.client.wait(lambda _: len(editor.client.all("workspace/configuration")) >= times, f"{times} questions")
    return editor.client.all("workspace/configuration")


def reviews(editor: Editor, name: str = "a.txt") -> bool:
    """Whether the settings say ``review: agent``, which a preview warns of where rules do the work."""
    argument = {"selection": {"uri": (editor.root / name).as_uri()}, "options": RULES}
    found = editor.client.command("fanout.preview", argument)
    return any("'review'" in warning["message"] for warning in found["warnings"])


REVIEW = {"options": {"review": "agent"}}
RULES = {"agent": "rewrite", "rewrite": [{"pattern": "a", "to": "b"}]}


def start(connect: MakeEditor, handler: Callable[[Any], Any], **workspace: Any) -> Editor:
    """An editor whose handlers stand before the server asks anything."""
    return connect(capable(**workspace), handlers={"workspace/configuration": handler})


def test_settings_are_asked_for_and_asked_for_again_when_they_change(connect: MakeEditor) -> None:
    editor = start(connect, settings_of(REVIEW, None), configuration=True)
    assert asked(editor, 1) == [{"items": [{"section": "fanout"}]}]
    assert reviews(editor)
    editor.client.notify(CHANGED, {"settings": None})
    asked(editor, 2)
    assert not reviews(editor)
    assert editor.client.all("client/registerCapability") == []


def test_a_client_that_tells_of_changes_only_when_asked_to_is_asked(connect: MakeEditor) -> None:
    editor = start(connect, settings_of(None), configuration=True, didChangeConfiguration={"dynamicRegistration": True})
    found = editor.client.wait_for("client/registerCapability")
    (wanted,) = found["registrations"]
    assert (wanted["method"], wanted["registerOptions"]) == (CHANGED, {"section": "fanout"})


def test_settings_that_are_sent_along_count_for_a_client_that_cannot_be_asked(connect: MakeEditor) -> None:
    editor = connect()
    for sent, expected in [
        ({"fanout": REVIEW}, True),
        ({"python": {}}, True),
        (None, True),
        ([3], True),
        ({"fanout": {}}, False),
    ]:
        editor.client.notify(CHANGED, {"settings": sent})
        assert reviews(editor) is expected
    editor.client.notify(CHANGED, {"settings": {"fanout": {"options": {"jobs": "x"}}}})
    assert "options.jobs:" in message(editor, "were left out")
    assert editor.client.all("workspace/configuration") == []


@pytest.mark.parametrize("answer", [None, [], ["x", "y"], "x", Reply({"error": {"code": -32601, "message": "no"}})])
def test_an_answer_that_is_none_changes_nothing(connect: MakeEditor, answer: Any) -> None:
    editor = connect(
        capable(configuration=True),
        initializationOptions=REVIEW,
        handlers={"workspace/configuration": lambda _: answer},
    )
    asked(editor, 1)
    assert reviews(editor)
    assert editor.client.shutdown() == 0


def test_a_client_that_never_answers_keeps_nobody_waiting(connect: MakeEditor) -> None:
    editor = start(connect, settings_of(Reply(None)), configuration=True)
    asked(editor, 1)
    assert not reviews(editor)
    assert editor.client.shutdown() == 0


def test_of_two_answers_the_one_that_was_asked_for_last_counts(connect: MakeEditor) -> None:
    editor = start(connect, settings_of(None), configuration=True)
    asked(editor, 1)
    client = editor.client
    client.hold("workspace/configuration")
    client.notify(CHANGED, {"settings": None})
    client.notify(CHANGED, {"settings": None})
    asked(editor, 3)
    older, newer = [one for one in client.received if one.get("method") == "workspace/configuration"][1:]
    client.send({"jsonrpc": "2.0", "id": newer["id"], "result": [REVIEW]})
    client.send({"jsonrpc": "2.0", "id": older["id"], "result": [None]})
    assert reviews(editor)


@pytest.fixture
def other(tmp_path: Path, git: GitCommand) -> Path:
    """Another repository."""
    root = tmp_path / "other"
    root.mkdir()
    git(root, "init", "-q")
    (root / "c.txt").write_text("c\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


def folder(path: Path) -> dict[str, str]:
    return {"uri": path.as_uri(), "name": path.name}


def change_folders(editor: Editor, *, added: tuple[Path, ...] = (), removed: tuple[Path, ...] = ()) -> None:
    event = {"added": [folder(one) for one in added], "removed": [folder(one) for one in removed]}
    editor.client.notify(FOLDERS, {"event": event})


def test_each_folder_has_its_own_settings(connect: MakeEditor, other: Path) -> None:
    def answer(params: Any) -> Any:
        return [REVIEW if one.get("scopeUri") == other.as_uri() else None for one in params["items"]]

    editor = start(connect, answer, configuration=True)
    asked(editor, 1)
    change_folders(editor, added=(other,))
    scopes = [one.get("scopeUri") for one in asked(editor, 2)[1]["items"]]
    assert scopes == [None, editor.root.as_uri(), other.as_uri()]
    assert not reviews(editor)
    assert reviews(editor, str(other / "c.txt"))


def test_folders_come_and_go(connect: MakeEditor, other: Path, tmp_path: Path) -> None:
    editor = connect()
    items = {"selection": {"items": ["c.txt"]}, "instruction": "x"}
    change_folders(editor, added=(other,), removed=(tmp_path / "never",))
    call = {"command": "fanout.preview", "arguments": [items]}
    assert (
        "More than one repository is open" in editor.client.call("workspace/executeCommand", call)["error"]["message"]
    )
    change_folders(editor, removed=(editor.root,))
    found = editor.client.command("fanout.preview", items)
    assert found["units"][0]["targets"] == [{"uri": (other / "c.txt").as_uri()}]
    change_folders(editor, removed=(other,))
    assert "No folder is open" in editor.client.call("workspace/executeCommand", call)["error"]["message"]


def test_runs_of_a_folder_that_is_gone_are_listed_no_more_until_it_is_back(connect: MakeEditor, other: Path) -> None:
    editor = connect()
    change_folders(editor, added=(other,))
    rewrite = {"agent": "rewrite", "rewrite": [{"pattern": "a", "to": "b"}]}
    argument = {"selection": {"uris": [(other / "c.txt").as_uri()]}, "options": rewrite}
    run = editor.client.command("fanout.run", argument)["runId"]
    editor.client.wait_for(
        "window/showMessage", lambda one: run in one["message"] or "nothing" in one["message"], limit=LIMIT
    )

    def listed() -> list[str]:
        return [one["runId"] for one in editor.client.command("fanout.status")["runs"]]

    assert listed() == [run]
    change_folders(editor, removed=(other,))
    # The folder is looked up beside the loop.
    deadline = time.monotonic() + LIMIT
    while listed() != []:
        assert time.monotonic() < deadline
    assert editor.client.command("fanout.status", {"runId": run})["runs"][0]["runId"] == run
    change_folders(editor, added=(other,))
    assert listed() == [run]
