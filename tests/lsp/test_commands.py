"""The commands and their answers: preview, plan documents, status, cancel, show, discard, and what cannot be done."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import psutil
import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import Editor, MakeEditor, message, options, run_files, view_of
from tests.lsp.rawclient import LIMIT

REFUSED, INVALID_PARAMS = -32803, -32602


def refused(editor: Editor, command: str, argument: Any) -> tuple[int, str]:
    answer = editor.client.call("workspace/executeCommand", {"command": command, "arguments": [argument]})
    if command == "fanout.run" and "result" in answer:
        # On a busy machine the answer comes first, and what is wrong as a message, which the status has too.
        said = message(editor, "")
        assert view_of(editor, answer["result"]["runId"])["message"] == said
        return REFUSED, said
    return answer["error"]["code"], answer["error"]["message"]


def ended(editor: Editor, run: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT
    while (view := view_of(editor, run))["state"] not in states:
        assert time.monotonic() < deadline, view
    return view


def test_preview_of_a_selected_range_counts_in_the_clients_units(connect: MakeEditor, checkout: Path) -> None:
    editor = connect()
    text = "\U0001f600 the files:\nsrc/one.py\nsrc/\U0001f600.py\nsrc\n"
    (checkout / "list.md").write_text("old")
    uri = editor.did_open("list.md", text)
    chosen = {"uri": uri, "range": {"start": {"line": 1, "character": 0}, "end": {"line": 4, "character": 0}}}
    found = editor.client.command("fanout.preview", {"selection": chosen})
    assert [one["targets"] for one in found["units"]] == [
        [{"uri": (checkout / "src/one.py").as_uri()}],
        [{"uri": (checkout / "src/two.py").as_uri()}],
    ]
    assert found["splits"][0] == {"kind": "path", "count": 2, "label": "2 files"}
    missing = next(one for one in found["warnings"] if "\U0001f600.py" in one["message"])
    assert missing["uri"] == uri
    assert missing["range"]["start"] == {"line": 2, "character": 0}
    # The emoji is two units in utf-16.
    assert missing["range"]["end"]["character"] == len("src/xx.py")
    assert found["estimate"]["currency"] == "USD"


def test_preview_of_items_and_of_files_and_folders(connect: MakeEditor, checkout: Path) -> None:
    editor = connect()
    command = editor.client.command
    items = command("fanout.preview", {"selection": {"items": ["one thing", "another"]}, "options": {"split": "item"}})
    assert [one["title"] for one in items["units"]] == ["one thing", "another"]
    files = command(
        "fanout.preview", {"selection": {"uris": [(checkout / "src").as_uri(), (checkout / "a.txt").as_uri()]}}
    )
    assert [one["title"] for one in files["units"]] == ["src/one.py", "src/two.py", "a.txt"]
    whole = command("fanout.preview", {"selection": {"uri": (checkout / "a.txt").as_uri()}})
    assert [one["title"] for one in whole["units"]] == ["a.txt"]
    rewrite = {"agent": "rewrite", "rewrite": [{"pattern": "a", "to": "b"}]}
    free = command("fanout.preview", {"selection": {"items": ["a.txt"]}, "options": rewrite})
    assert (free["estimate"]["low"], free["estimate"]["high"]) == (0, 0)
    paid = command("fanout.preview", {"selection": {"items": ["a.txt", "b.txt"]}, "options": {"agent": "claude"}})
    assert (paid["estimate"]["low"], paid["estimate"]["high"]) == (0.3, 0.6)
    assert "usual figures" in paid["estimate"]["basis"]


def test_an_untitled_document_can_be_a_selection_and_a_plan(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    command = options(tmp_path)["command"]
    plan = f"---\nagent: command\ncommand: {command}\napply: now\n---\nChange {{file}}.\n\n- src/one.py\n"
    for uri, text in (("untitled:list", "src/one.py\n"), ("untitled:plan", plan)):
        item = {"uri": uri, "languageId": "x", "version": 1, "text": text}
        editor.client.notify("textDocument/didOpen", {"textDocument": item})
    found = editor.client.command("fanout.preview", {"selection": {"uri": "untitled:list"}})
    assert [one["title"] for one in found["units"]] == ["src/one.py"]
    editor.client.command("fanout.run", {"plan": "untitled:plan"})
    message(editor, "Applied 1 file")
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 10 + 1\n"


def test_a_broken_plan_document_says_where_and_its_mended_text_runs(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    text = "---\nagent: command\njobbs: 3\n---\nChange {fil}.\n\n- src/one.py\n"
    (checkout / "p.fanout.md").write_text(text)
    uri = (checkout / "p.fanout.md").as_uri()
    code, said = refused(editor, "fanout.run", {"plan": uri})
    assert code == REFUSED
    assert "line 3:" in said
    found = editor.client.wait_for("textDocument/publishDiagnostics")
    assert found["uri"] == uri
    assert {"line": 2, "character": 0} in [one["range"]["start"] for one in found["diagnostics"]]
    argv = options(tmp_path)["command"]
    mended = f"---\nagent: command\ncommand: {argv}\napply: later\n---\nChange {{file}}.\n\n- src/one.py\n"
    editor.did_open("p.fanout.md", mended)
    editor.client.command("fanout.run", {"plan": uri, "options": {"apply": "now"}})
    message(editor, "Applied 1 file")
    editor.client.wait_for("textDocument/publishDiagnostics", lambda one: one["uri"] == uri and not one["diagnostics"])


def test_settings_of_the_editor_stand_below_the_document_and_the_command(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(initializationOptions={"options": options(tmp_path, apply="now", jobs=1)})
    selection = {"items": ["src/one.py"]}
    editor.client.command("fanout.run", {"selection": selection, "instruction": "Change {file}."})
    message(editor, "Applied 1 file")
    editor.client.command(
        "fanout.run", {"selection": selection, "instruction": "{file}", "options": {"apply": "later"}}
    )
    message(editor, "is ready")


def test_wrong_settings_of_the_editor_are_named_and_left_out(connect: MakeEditor) -> None:
    editor = connect(initializationOptions={"options": {"jobs": "many"}})
    assert message(editor, "settings for fanout these were left out").count("jobs") >= 1
    assert editor.client.command("fanout.preview", {"selection": {"items": ["x"]}})["units"]


@pytest.mark.parametrize(
    ("argument", "code", "said"),
    [
        ({}, INVALID_PARAMS, "fanout.run takes either 'plan' or 'selection'."),
        ({"plan": "untitled:x", "selection": {}}, INVALID_PARAMS, "fanout.run takes either 'plan' or 'selection'."),
        ({"selection": {}}, INVALID_PARAMS, "'selection' has one of 'uri', 'uris' and 'items'"),
        ({"selection": {"items": ["x"], "uris": []}}, INVALID_PARAMS, "'selection' has one of"),
        ({"selection": {"items": []}, "instruction": "x"}, REFUSED, "nothing to work on"),
        ({"selection": {"items": ["src/one.py"]}, "instruction": "{fil}"}, REFUSED, "fil"),
        ({"selection": {"items": ["x"]}, "instruction": "x", "options": {"jbos": 1}}, REFUSED, "jobs"),
        ({"selection": {"items": ["x"]}, "instruction": "x", "options": {"jobs": "many"}}, REFUSED, "jobs"),
        (
            {"selection": {"items": ["x"]}, "instruction": "x", "options": {"split": "diagnostic"}},
            REFUSED,
            "no problems",
        ),
        ({"selection": {"uris": ["http://x/y"]}, "instruction": "x"}, REFUSED, "http://x/y is no file on this machine"),
        ({"selection": {"uris": ["file:///nowhere/at/all"]}, "instruction": "x"}, REFUSED, "not in a git repository"),
        ({"plan": "untitled:gone"}, REFUSED, "untitled:gone is not open"),
        ({"plan": "file:///nowhere.fanout.md"}, REFUSED, "not in a git repository"),
    ],
)
def test_what_cannot_be_run_is_said(connect: MakeEditor, argument: Any, code: int, said: str) -> None:
    editor = connect()
    found, text = refused(editor, "fanout.run", argument)
    assert found == code, text
    assert said in text
    assert [one["units"] for one in editor.client.command("fanout.status")["runs"] if one["state"] != "failed"] == []


def test_two_repositories_in_one_selection(
    connect: MakeEditor, checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "x").write_text("x")
    editor = connect()
    uris = [(checkout / "a.txt").as_uri(), (other / "x").as_uri()]
    code, said = refused(editor, "fanout.run", {"selection": {"uris": uris}, "instruction": "x"})
    assert code == REFUSED
    assert "more than one repository" in said


def test_items_in_a_workspace_of_two_repositories(
    connect: MakeEditor, checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    other = tmp_path / "other"
    plain = tmp_path / "plain"
    for folder in (other, plain):
        folder.mkdir()
    git(other, "init", "-q")
    named = [{"uri": folder.as_uri(), "name": folder.name} for folder in (plain, checkout, other)]
    ask = {"selection": {"items": ["a.txt"]}}
    editor = connect(workspaceFolders=named)
    code, said = refused(editor, "fanout.preview", ask)
    assert (code, "More than one repository is open" in said) == (REFUSED, True)
    event = {"added": [], "removed": named[2:]}
    editor.client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert editor.client.command("fanout.preview", ask)["units"][0]["targets"] == [
        {"uri": (checkout / "a.txt").as_uri()}
    ]


@pytest.mark.parametrize("command", ["cancel", "resume", "apply", "revert", "discard"])
def test_a_run_that_is_not_known(connect: MakeEditor, command: str) -> None:
    code, said = refused(connect(), f"fanout.{command}", {"runId": "1124-0000-none"})
    assert code == REFUSED
    assert "There is no run 1124-0000-none" in said


def test_an_agent_that_is_not_there_is_told_of_and_kept_in_the_status(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect()
    run = run_files(editor, tmp_path, "a.txt", command=["no-such-program-at-all", "{file}"])
    said = message(editor, "no-such-program-at-all")
    view = ended(editor, run, "failed")
    assert view["message"] == said or view["units"]


def test_run_answers_at_once_and_cancel_ends_every_process(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect()
    editor.client.command("fanout.preview", {"selection": {"items": ["x"]}})
    began = time.monotonic()
    run = run_files(editor, tmp_path, "src/one.py", "a.txt", command=["sh", "-c", "sleep 987 & sleep 987"])
    assert time.monotonic() - began < 1.0
    editor.client.wait_for("$/progress", lambda one: "2 running" in str(one["value"].get("message")))
    (unit, _) = view_of(editor, run)["units"]
    assert editor.client.command("fanout.cancel", {"runId": run, "units": [unit["id"]]}) == {"cancelled": [unit["id"]]}
    code, said = refused(editor, "fanout.cancel", {"runId": run, "units": ["none"]})
    assert (code, "has no unit none" in said) == (REFUSED, True)
    assert "02-a" in editor.client.command("fanout.cancel", {"runId": run})["cancelled"]
    assert {one["state"] for one in ended(editor, run, "cancelled")["units"]} == {"cancelled"}
    assert message(editor, "was cancelled") == f"Run {run} was cancelled: 0/2 done, 2 cancelled."
    server = psutil.Process(editor.client.process.pid)
    assert [one.cmdline() for one in server.children(recursive=True) if "987" in one.cmdline()] == []


def test_a_unit_at_work_is_told_something_and_done_again_with_a_note(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect()
    go = tmp_path / "go"
    script = f"cat >> $1; while ! test -e {go}; do :; done"
    run = run_files(editor, tmp_path, "a.txt", command=["sh", "-c", script, "x", "{file}"], apply="later")
    editor.client.wait_for("$/progress", lambda one: "1 running" in str(one["value"].get("message")))
    send = {"runId": run, "unit": "01-a", "note": "Mind the gap."}
    assert editor.client.command("fanout.send", send) == {"delivered": "next-turn"}
    go.touch()
    view = ended(editor, run, "ready")
    assert view["units"][0]["attempts"] == 2
    code, said = refused(editor, "fanout.send", send)
    assert (code, "is not at work" in said) == (REFUSED, True)
    assert editor.client.command("fanout.retry", {"runId": run, "units": ["01-a"], "note": "Again."}) == {"runId": run}
    while (view := ended(editor, run, "ready"))["units"][0]["attempts"] < 3:
        continue
    shown = editor.client.command("fanout.show", {"runId": run, "what": "diff"})
    diff = Path(url2pathname(urlsplit(shown["uri"]).path)).read_text()
    assert "+Mind the gap." in diff
    assert "+Again." in diff


def test_the_pilot_is_asked_about_and_the_rest_follows(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect()
    editor.client.handlers["window/showMessageRequest"] = lambda params: (
        {"title": "Go on with the rest"} if "The first of run" in params["message"] else None
    )
    run = run_files(editor, tmp_path, "a.txt", "src/one.py", pilot=1, apply="later")
    view = ended(editor, run, "ready")
    assert [unit["state"] for unit in view["units"]] == ["done", "done"]
    code, said = refused(editor, "fanout.accept", {"runId": run})
    assert (code, "does not wait" in said) == (REFUSED, True)


def test_the_cancel_button_of_the_progress(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect()
    run = run_files(editor, tmp_path, "a.txt", command=["sleep", "987"])
    begun = editor.client.wait_for("$/progress", lambda one: one["value"]["kind"] == "begin")
    editor.client.notify("window/workDoneProgress/cancel", {"token": begun["token"]})
    end = editor.client.wait_for("$/progress", lambda one: one["value"]["kind"] == "end")
    assert end["value"]["message"] == "cancelled: 0/1 done, 1 cancelled"
    assert ended(editor, run, "cancelled")
    # Twice, and too late, and for something unknown.
    for token in (begun["token"], "unknown", 3):
        editor.client.notify("window/workDoneProgress/cancel", {"token": token})
    assert editor.client.shutdown() == 0


def test_without_the_capability_there_is_no_progress(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect({})
    run_files(editor, tmp_path, "a.txt", apply="later")
    message(editor, "is over and changed nothing")
    assert editor.client.all("window/workDoneProgress/create") == []
    assert editor.client.all("$/progress") == []


def test_events_go_to_a_client_that_asked_for_them(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect({"experimental": {"fanout": True}})
    run = run_files(editor, tmp_path, "src/one.py", apply="later")
    message(editor, "is ready")
    types = [one["type"] for one in editor.client.all("fanout/event") if one["runId"] == run]
    assert types[0] == "runStarted"
    assert types[-1] == "runEnded"
    assert "unitEnded" in types


def test_show_and_discard(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect({})
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", apply="later", owns=["{file}"])
    editor.client.wait_for("textDocument/publishDiagnostics", lambda one: one["diagnostics"])
    message(editor, "is ready")
    uris = {}
    for what, part in (
        ("diff", "+    return 10 + 1"),
        ("log", "changed src/one.py"),
        ("report", "unit/out-of-scope"),
        ("prompt", "Change src/two.py."),
    ):
        uris[what] = editor.client.command("fanout.show", {"runId": run, "what": what})["uri"]
        assert part in Path(uris[what].removeprefix("file://")).read_text()
        # An editor that can show no document gets its path.
        assert message(editor, f"run.{what}.")
    one = editor.client.command("fanout.show", {"runId": run, "what": "diff", "unit": "01-one"})["uri"]
    assert "two.py" not in Path(one.removeprefix("file://")).read_text()
    code, said = refused(editor, "fanout.show", {"runId": run, "what": "diff", "unit": "../../x"})
    assert (code, "has no unit ../../x" in said) == (REFUSED, True)
    assert editor.client.command("fanout.discard", {"runId": run}) == {}
    assert ended(editor, run, "discarded")
    shown = [found["diagnostics"] for found in editor.client.all("textDocument/publishDiagnostics")]
    assert shown[-1] == []
    code, said = refused(editor, "fanout.apply", {"runId": run, "mode": "now"})
    assert (code, "was discarded" in said) == (REFUSED, True)


def test_a_folder_that_is_no_repository(connect: MakeEditor, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    editor = connect(folder=folder)
    assert editor.client.command("fanout.status") == {"runs": []}
    code, said = refused(editor, "fanout.run", {"selection": {"items": ["x"]}, "instruction": "x"})
    assert (code, "git init" in said) == (REFUSED, True)


def test_an_odd_file_name_in_every_answer(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    name = b"a \xff%20\n'\".txt"
    path = checkout / name.decode("utf-8", "surrogateescape")
    path.write_text("def odd():\n    return 1\n")
    editor = connect()
    uri = checkout.as_uri() + "/a%20%FF%2520%0A'%22.txt"
    selection = {"uris": [uri]}
    found = editor.client.command("fanout.preview", {"selection": selection})
    assert [one["targets"] for one in found["units"]] == [[{"uri": uri}]]
    argument = {"selection": selection, "instruction": "Change {file}.", "options": options(tmp_path, apply="now")}
    run = editor.client.command("fanout.run", argument)["runId"]
    message(editor, "Applied 1 file")
    assert path.read_text() == "def odd():\n    return 10 + 1\n"
    (unit,) = view_of(editor, run)["units"]
    assert unit["files"] == [uri]


def test_a_mistake_of_our_own_ends_neither_the_run_nor_the_server(
    connect: MakeEditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import sys\n"
        "from fanout_server.lsp import findings, server\n"
        "def broken(*_):\n"
        "    raise ZeroDivisionError('secret')\n"
        "findings.by_uri = broken\n"
        "sys.exit(server.serve_stdio())\n"
    )
    monkeypatch.setattr("tests.lsp.rawclient.SERVE", [sys.executable, "-c", code])
    editor = connect()
    run = run_files(editor, tmp_path, "src/two.py", apply="later", owns=["{file}"])
    assert message(editor, "of its own") == "fanout broke on an error of its own; its log says more."
    assert ended(editor, run, "ready")
    assert "ZeroDivisionError: secret" in editor.client.stderr()
    assert editor.client.shutdown() == 0
