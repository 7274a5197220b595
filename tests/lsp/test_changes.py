"""Clients that ask by themselves: what an apply would do, what is ready, and only some units of a plan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, options, run_files, view_of

ASKING = {**CAPABILITIES, "experimental": {"fanout": {"review": True}}}
ONE, TWO = "def one():\n    return 10 + 1\n", "def two():\n    return 10 + 2\n"


def ready(editor: Editor, state: str = "ready") -> dict[str, Any]:
    found = editor.client.wait_for("fanout/ended", lambda one: one["state"] == state and one["asks"])
    assert isinstance(found, dict)
    return found


def changes(editor: Editor, run: str, **more: Any) -> dict[str, Any]:
    found = editor.client.command("fanout.changes", {"runId": run, **more})
    assert isinstance(found, dict)
    return found


def test_the_client_is_told_and_asks_by_itself(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(ASKING)
    uri = editor.did_open("src/one.py")
    editor.did_change(uri, "# mine\ndef one():\n    return 1\n")
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py")
    told = ready(editor)
    assert told["runId"] == run
    assert "is ready: 2 of 2 units done, 3 files changed" in told["message"]
    editor.did_change(uri, "# mine, later\ndef one():\n    return 1\n")
    # Nothing is asked, and nothing is changed by looking.
    found = changes(editor, run, texts=True)
    assert [(one["uri"].rpartition("/")[2], one["kind"], one["units"]) for one in found["files"]] == [
        ("extra.py", "create", ["02-two"]),
        ("one.py", "modify", ["01-one"]),
        ("two.py", "modify", ["02-two"]),
    ]
    assert found["left"] == []
    extra, one, two = found["files"]
    assert "before" not in extra
    assert extra["after"] == "made by the unit of two.py\n"
    assert one["before"] == "# mine, later\ndef one():\n    return 1\n"
    assert one["after"] == f"# mine, later\n{ONE}"
    assert two["after"] == TWO
    assert view_of(editor, run)["state"] == "ready"
    assert editor.edits == []
    part = changes(editor, run, units=["02-two"], files=[two["uri"]])
    assert part["files"] == [{"uri": two["uri"], "kind": "modify", "units": ["02-two"]}]
    assert part["rest"] == 2
    # By then the user was asked, whatever the mode.
    answer = editor.client.command("fanout.apply", {"runId": run, "units": ["02-two"], "files": [two["uri"]]})
    assert (answer["applied"], answer["files"]) == (True, [two["uri"]])
    assert (checkout / "src/two.py").read_text() == TWO
    assert editor.client.all("window/showMessageRequest") == []


def test_a_pilot_waits_for_the_client(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(ASKING)
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", pilot=1)
    assert ready(editor, "waiting")["runId"] == run
    editor.client.command("fanout.accept", {"runId": run})
    ready(editor)
    assert editor.client.all("window/showMessageRequest") == []


def test_ends_that_ask_nothing_are_left_to_the_client_too(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(ASKING)
    failed = run_files(
        editor, tmp_path, "src/one.py", command=[sys.executable, "-c", "raise SystemExit(3)"], attempts=1
    )
    told = editor.client.wait_for("fanout/ended", lambda one: one["runId"] == failed)
    assert (told["state"], told["type"], told["asks"]) == ("failed", 1, False)
    assert failed in told["message"]
    later = run_files(editor, tmp_path, "src/one.py", apply="later")
    told = editor.client.wait_for("fanout/ended", lambda one: one["runId"] == later)
    assert (told["state"], told["type"], told["asks"]) == ("ready", 3, False)
    assert editor.client.all("window/showMessage") == []


def test_only_some_units_of_a_plan_are_run(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(ASKING)
    selection = {"uris": [(checkout / name).as_uri() for name in ("src/one.py", "src/two.py", "a.txt")]}
    work = {"selection": selection, "instruction": "Change {file}.", "options": options(tmp_path)}
    units = [one["id"] for one in editor.client.command("fanout.preview", work)["units"]]
    left = editor.client.command("fanout.preview", {**work, "units": units[1:2]})
    assert [one["id"] for one in left["units"]] == units[1:2]
    run = editor.client.command("fanout.run", {**work, "units": units[1:2]})["runId"]
    ready(editor)
    assert [one["title"] for one in view_of(editor, run)["units"]] == ["src/two.py"]
    for wrong, said in (
        ([], "nothing to do without a unit"),
        (["09-x"], "no unit 09-x (any more)"),
    ):
        argument = {"command": "fanout.run", "arguments": [{**work, "units": wrong}]}
        answer = editor.client.call("workspace/executeCommand", argument)
        # On a slow machine the answer does not wait for the plan.
        assert said in answer["error"]["message"] if "error" in answer else message(editor, said)
