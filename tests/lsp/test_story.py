"""The main job in every editor: select, say what is to be done, run, watch, apply, fix, take back, cancel.

All of it as a user does it, by code actions, questions and what is in plan documents, and only with what the editor
says it can do, and was seen to do.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fanout_server.lsp.asking import WRITE
from tests.agents.running import wait_until
from tests.conftest import GitCommand
from tests.lsp.conftest import ClientMaker
from tests.lsp.editor import message, view_of
from tests.lsp.profiles import PROFILES, WITH_PLUGINS, Profile, ProfiledEditor
from tests.lsp.story import EXTRA, STRAY, Story

_LIST = "To be done:\n- src/one.py\n- src/two.py\n"
_LISTED = ((1, 0), (3, 0))
_ONE = "# not saved\ndef one():\n    return 1\n"
_LEFT_OUT = {"b.txt": ("one\ntwo\nthree\n", "one\ntwo\nfour\n"), "other.py": (None, f"{STRAY}\n")}
_OVER = "Fan out over 2 files"


@pytest.mark.parametrize("profile", [*PROFILES, *WITH_PLUGINS], ids=lambda one: one.name)
def test_the_story(profile: Profile, start: ClientMaker, checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    client, story = start(checkout), Story(tmp_path)
    (checkout / "todo.md").write_text("To be done:\n")
    editor = profile.play(client, checkout, initializationOptions=story.settings)
    editor.did_change(editor.did_open("src/one.py"), _ONE)
    todo = editor.did_open("todo.md", language="markdown")
    editor.did_change(todo, _LIST)

    run, plan = _select(editor, todo, story.instruction)
    _watch(editor, run, plan)
    story.go.touch()
    _apply(editor, run)
    assert editor.text_of("src/one.py") == _ONE.replace("return", "return 10 +")
    assert editor.text_of("src/two.py") == "def two():\n    return 10 + 2\n"
    assert editor.text_of("extra.py") == f"{EXTRA}\n"
    if profile.has("workspace.applyEdit"):
        # What the user has not saved is not saved by us.
        assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"

    _fix(editor, run)
    _take_back(editor, run)
    assert editor.text_of("src/one.py") == _ONE
    assert editor.text_of("src/two.py") == "def two():\n    return 2\n"
    assert not (checkout / "extra.py").exists()
    editor.save_all()
    assert git(checkout, "diff", "src/two.py") == ""
    _cancel(editor, todo)
    assert client.shutdown() == 0
    assert client.stderr() == ""


def _select(editor: ProfiledEditor, todo: str, instruction: str) -> tuple[str, str | None]:
    """From a selection to a run, by a code action. The run's id, and the plan document that it was written in."""
    action = _offered(editor, todo, f"{_OVER} with an instruction...")
    if editor.profile.has("experimental.interactiveResolve"):
        action = {**action, "command": _fill_in(editor, action["command"], instruction)}
    editor.client.handlers["fanout/inputBox"] = lambda _: {"value": instruction}
    started = editor.do(action)["runId"]
    if editor.profile.has("experimental"):
        assert editor.asked == []
        return started, None
    asks = editor.profile.has("window.showMessage")
    if asks and not editor.profile.writes:
        wait_until(lambda: editor.asked != [])
        assert editor.asked == ["What is to be done with each of these 2: src/one.py, src/two.py?"]
        return started, None
    path, line = _led_to(editor)
    assert [WRITE in one for one in editor.buttons] == [True] * asks
    assert view_of(editor, started)["state"] == "cancelled"
    plan = editor.did_open(path, language="markdown")
    assert editor.open[plan][1].split("\n")[line] == ""
    editor.type(plan, (line, 0), instruction)
    return _press(editor, plan, "Run 2 units")["runId"], plan


def _fill_in(editor: ProfiledEditor, command: dict[str, Any], instruction: str) -> dict[str, Any]:
    """A form is shown before the command is run."""
    asked = editor.client.call("command/resolve", command)["result"]
    (question,) = asked["formFields"]
    answers = [{"id": question["id"], "value": instruction}]
    whole = editor.client.call("command/resolve", {**asked, "formAnswers": answers})["result"]
    assert "formFields" not in whole
    return {"title": command["title"], **whole}


def _led_to(editor: ProfiledEditor) -> tuple[str, int]:
    """Where the user is to write: shown by the editor with the cursor there, or named in a message."""
    told = message(editor, "run it from there")
    if editor.profile.has("window.showDocument"):
        (shown,) = editor.client.all("window/showDocument")
        assert shown["takeFocus"]
        assert shown["selection"]["start"] == shown["selection"]["end"]
        return shown["uri"].removeprefix("file://"), shown["selection"]["start"]["line"]
    found = re.fullmatch(r"Open (.+), write what is to be done into line (\d+), and run it from there\.", told)
    assert found is not None
    return found[1], int(found[2]) - 1


def _watch(editor: ProfiledEditor, run: str, plan: str | None) -> None:
    """While one unit is done and the other at work: in the progress, behind the items of the plan, in the status."""
    client = editor.client

    def is_half_done(params: Any) -> bool:
        return str(params["value"].get("message", "")).startswith("1/2 done, 1 running")

    if editor.profile.has("window.workDoneProgress"):
        token = client.wait_for("$/progress", is_half_done)["token"]
        assert {"token": token} in client.all("window/workDoneProgress/create")
    wait_until(lambda: [one["state"] for one in view_of(editor, run)["units"]] == ["done", "running"])
    if plan is not None and editor.profile.has("textDocument.inlayHint"):
        wait_until(lambda: [hint.split()[0] for hint in _hints(editor, plan)] == ["done", "running"])
    if plan is not None:
        wait_until(lambda: any("Cancel (1/2 done" in one["title"] for one in _can_be_done(editor, plan)))


def _apply(editor: ProfiledEditor, run: str) -> None:
    """Asked by the editor's own means or with a message, or told of it and done with a code action."""
    profile, client = editor.profile, editor.client
    if not profile.has("workspace.applyEdit"):
        # The server writes on the disk, and so not below what is not saved.
        editor.save_all()
    if profile.chooses == "the first" or _confirms(profile):
        told = message(editor, "Applied")
        assert told.startswith(f"Applied 3 files of run {run}.")
        assert ("on disk itself, since the editor cannot: extra.py" in told) is ("create" not in profile.operations)
    else:
        message(editor, f"un {run} is ")
        assert client.all("workspace/applyEdit") == []
        assert (editor.asked == []) is (profile.chooses == "never")
        action = _offered(editor, (editor.root / "src/one.py").as_uri(), f"Apply all of run {run} (3 files)")
        assert _done(editor, "Applied", editor.do(action)) == 3
    if profile.has("window.workDoneProgress"):
        ended = client.wait_for("$/progress", lambda one: one["value"]["kind"] == "end")
        assert ended["value"]["message"] == "ready: 2/2 done"
    else:
        assert client.all("$/progress") == []
    if not profile.has("workspace.applyEdit"):
        editor.read_again()
    assert view_of(editor, run)["state"] == "applied"


def _fix(editor: ProfiledEditor, run: str) -> None:
    """What a unit wrote and does not own was left out. It is shown there, and taken with a quick fix."""
    assert {one["code"] for one in view_of(editor, run)["findings"]} == {"unit/out-of-scope"}
    for name, (before, after) in _LEFT_OUT.items():
        # What is no file yet is opened as a new buffer.
        uri = editor.did_open(name, editor.profile.nothing if before is None else before)
        (shown,) = editor.shown(uri, lambda found: found != [])
        assert shown["code"] == "unit/out-of-scope"
        place = shown["range"]["start"]
        at = (place["line"], place["character"])
        (fix,) = [one for one in editor.offered(uri, (at, at), [shown]) if "Take what was left out" in one["title"]]
        assert fix["kind"] == "quickfix"
        assert editor.do(fix) in ({}, {"pending": True})
        assert editor.shown(uri, lambda found: found == []) == []
        if not editor.profile.has("workspace.applyEdit"):
            editor.read_again()
        editor.save_all()
        assert (editor.root / name).read_text() == after
    assert view_of(editor, run)["findings"] == []


def _take_back(editor: ProfiledEditor, run: str) -> None:
    editor.save_all()
    action = _offered(editor, (editor.root / "src/one.py").as_uri(), f"Take back run {run}")
    assert _done(editor, "Took back", editor.do(action)) == 3
    if not editor.profile.has("workspace.applyEdit"):
        editor.read_again()
    assert view_of(editor, run)["state"] == "reverted"


def _cancel(editor: ProfiledEditor, todo: str) -> None:
    """A run of a preset, chosen in the menu itself: beside its progress, or with a code action."""
    client = editor.client
    run = editor.do(_offered(editor, todo, f"{_OVER}: Wait"))["runId"]
    if editor.profile.cancels:
        begun = client.wait_for("$/progress", lambda one: one["value"].get("title") == "fanout: Look at {file}.")
        assert begun["value"]["cancellable"]
        client.notify("window/workDoneProgress/cancel", {"token": begun["token"]})
    else:
        # Till then its files are looked at.
        wait_until(lambda: bool(view_of(editor, run)["units"]))
        assert editor.do(_offered(editor, todo, "Cancel run: Look at {file}."))["cancelled"] == ["01-one", "02-two"]
    message(editor, f"Run {run} was cancelled")
    assert view_of(editor, run)["state"] == "cancelled"
    if editor.profile.has("window.workDoneProgress"):
        client.wait_for("$/progress", lambda one: one["value"].get("message", "").startswith("cancelled: 0/2 done"))


def _offered(editor: ProfiledEditor, uri: str, title: str) -> dict[str, Any]:
    """The code action with this title, with or without our name before it."""
    found = editor.offered(uri, _LISTED)
    wanted = [one for one in found if one["title"].removeprefix("fanout: ") == title]
    assert len(wanted) == 1, [one["title"] for one in found]
    return wanted[0]


def _can_be_done(editor: ProfiledEditor, plan: str) -> list[dict[str, Any]]:
    """With a plan document: what its lenses say, or its code actions in an editor without lenses."""
    if editor.profile.has("textDocument.codeLens"):
        answer = editor.client.call("textDocument/codeLens", {"textDocument": {"uri": plan}})
        return [one["command"] for one in answer["result"]]
    return editor.offered(plan, ((0, 0), (0, 0)))


def _press(editor: ProfiledEditor, plan: str, title: str) -> Any:
    found = _can_be_done(editor, plan)
    (one,) = [one for one in found if title in one["title"]]
    return editor.do(one)


def _hints(editor: ProfiledEditor, plan: str) -> list[str]:
    span = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    answer = editor.client.call("textDocument/inlayHint", {"textDocument": {"uri": plan}, "range": span})
    return [one["label"] for one in answer["result"]]


def _done(editor: ProfiledEditor, did: str, answer: dict[str, Any]) -> int:
    """How many files a command changed: its answer says so, or a message where that takes longer."""
    if not answer.get("pending"):
        assert answer["left"] == []
        return len(answer["files"])
    told = message(editor, did)
    assert "left alone" not in told
    return int(told.removeprefix(f"{did} ").split()[0])


def _confirms(profile: Profile) -> bool:
    return profile.has("workspace.workspaceEdit.changeAnnotationSupport") and profile.confirms
