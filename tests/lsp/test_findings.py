"""Findings as diagnostics that are sent: what they hold for which editor, and how they move with the text."""

from __future__ import annotations

import urllib.parse
from pathlib import Path
from typing import Any

from lsprotocol import types

from fanout_server import finding_docs
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, run_files

EVERYTHING = {
    "relatedInformation": True,
    "versionSupport": True,
    "codeDescriptionSupport": True,
    "tagSupport": {"valueSet": [1, 2]},
}


def with_diagnostics(**more: Any) -> dict[str, Any]:
    return {**CAPABILITIES, "textDocument": {"publishDiagnostics": EVERYTHING}, **more}


def published(editor: Editor, uri: str) -> list[dict[str, Any]]:
    return [one for one in editor.client.all("textDocument/publishDiagnostics") if one["uri"] == uri]


def wait_lines(editor: Editor, uri: str, lines: list[int]) -> dict[str, Any]:
    """Until the last word on a document is that its findings are on these lines."""

    def is_so(_: Any) -> bool:
        sent = published(editor, uri)
        return bool(sent) and [one["range"]["start"]["line"] for one in sent[-1]["diagnostics"]] == lines

    editor.client.wait(is_so, f"findings on lines {lines}")
    return published(editor, uri)[-1]


def conflict(editor: Editor, checkout: Path, tmp_path: Path) -> str:
    """A conflict on line 5 (counted from 0) of src/two.py, and one on line 8, in the text as it was typed."""
    base = "import os\n\n\ndef two():\n    return 2\n\n\ndef three():\n    return 3\n"
    (checkout / "src/two.py").write_text(base)
    uri = editor.did_open("src/two.py")
    run = run_files(editor, tmp_path, "src/two.py", apply="later", owns=["{file}"])
    message(editor, "is ready")
    typed = base.replace("2", "'\U0001f600'").replace("3", "'typed'").replace("import os", "import os\nimport sys")
    editor.did_change(uri, typed)
    answer = editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    assert [one["code"] for one in answer["left"]] == ["merge/conflict"]
    wait_lines(editor, uri, [5])
    return uri


def test_what_a_diagnostic_holds(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(with_diagnostics())
    uri = conflict(editor, checkout, tmp_path)
    sent = wait_lines(editor, uri, [5])
    (one,) = sent["diagnostics"]
    assert sent["version"] == editor.open[uri][0]
    assert one["source"] == "fanout"
    assert (one["code"], one["severity"]) == ("merge/conflict", 1)
    assert one["data"].keys() == {"runId", "units", "id"}
    places = one["relatedInformation"]
    assert places[0]["location"]["uri"] == uri
    assert places[0]["location"]["range"]["start"]["line"] == 9
    kept = [Path(urllib.parse.urlsplit(place["location"]["uri"]).path) for place in places[1:]]
    assert [path.name for path in kept] == ["two.py.base", "two.py.result"]
    page = Path(urllib.parse.urlsplit(one["codeDescription"]["href"]).path)
    assert page.read_text() == finding_docs.page("merge/conflict")
    assert "tags" not in one


def test_an_editor_that_knows_less_gets_less(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    uri = conflict(editor, checkout, tmp_path)
    sent = wait_lines(editor, uri, [5])
    assert sent.keys() == {"uri", "diagnostics"}
    assert sent["diagnostics"][0].keys() == {"range", "severity", "code", "source", "message", "data"}


def test_a_code_is_described_in_a_document_where_there_are_such(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    workspace = {**CAPABILITIES["workspace"], "textDocumentContent": {}}
    editor = connect(with_diagnostics(workspace=workspace))
    uri = conflict(editor, checkout, tmp_path)
    (one,) = wait_lines(editor, uri, [5])["diagnostics"]
    href = one["codeDescription"]["href"]
    assert href == "fanout:/codes/merge/conflict"
    answer = editor.client.call("workspace/textDocumentContent", {"uri": href})
    assert answer["result"]["text"] == finding_docs.page("merge/conflict")


def test_what_has_no_effect_is_marked_as_unnecessary(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(with_diagnostics())
    text = "---\nagent: command\ncommand: ['true']\napply: later\n---\nChange {file}.\n\n- a.txt\n- b.txt\n- a.txt\n"
    uri = editor.did_open("p.fanout.md", text) if (checkout / "p.fanout.md").write_text(text) else ""
    editor.client.command("fanout.run", {"plan": uri})
    message(editor, "changed nothing")
    found = [one for one in published(editor, uri)[-1]["diagnostics"] if one["code"] == "preflight/duplicate"]
    assert [(one["range"]["start"]["line"], one["tags"]) for one in found] == [(9, [types.DiagnosticTag.Unnecessary])]


def test_they_move_with_the_text_and_not_for_every_key(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(with_diagnostics())
    uri = conflict(editor, checkout, tmp_path)
    before = len(published(editor, uri))
    for _ in range(100):
        editor.type(uri, (0, 0), "#\n")
    sent = wait_lines(editor, uri, [105])
    (one,) = sent["diagnostics"]
    assert sent["version"] == editor.open[uri][0]
    assert one["relatedInformation"][0]["location"]["range"]["start"]["line"] == 109
    assert len(published(editor, uri)) - before < 20
    # Below it nothing moves, and nothing is sent.
    count = len(published(editor, uri))
    editor.type(uri, (110, 0), "more\n")
    # The whole text, as some editors send it for each key.
    editor.did_change(uri, editor.open[uri][1].replace("#\n", "", 50))
    wait_lines(editor, uri, [55])
    assert len(published(editor, uri)) == count + 1
    # The characters of the line are counted as the editor does; what is typed before them moves the end too.
    editor.type(uri, (55, 0), "x = 1\n    ")
    (one,) = wait_lines(editor, uri, [56])["diagnostics"]
    assert one["range"]["start"] == {"line": 56, "character": 4}
    assert one["range"]["end"] == {"line": 57, "character": 0}


def test_what_is_said_again_stays_where_it_moved_to(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(with_diagnostics())
    uri = conflict(editor, checkout, tmp_path)
    editor.type(uri, (0, 0), "#\n#\n")
    wait_lines(editor, uri, [7])
    # All findings of the run are told anew.
    run = wait_lines(editor, uri, [7])["diagnostics"][0]["data"]["runId"]
    (other,) = editor.client.command("fanout.status", {"runId": run})["runs"]
    assert other["state"] == "ready"
    editor.takes = lambda _: False
    count = len(published(editor, uri))
    params = {"command": "fanout.dismiss", "arguments": [{"runId": run, "findings": []}]}
    assert editor.client.call("workspace/executeCommand", params)["result"] == {}
    editor.type(uri, (0, 0), "#\n")
    wait_lines(editor, uri, [8])
    assert len(published(editor, uri)) == count + 1


def test_edits_that_were_not_saved_are_taken_back_when_the_document_is_closed(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(with_diagnostics())
    uri = conflict(editor, checkout, tmp_path)
    (checkout / "src/two.py").write_text(editor.open[uri][1])
    editor.client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    editor.type(uri, (0, 0), "#\n#\n")
    wait_lines(editor, uri, [7])
    editor.type(uri, (0, 0), "#\n")
    editor.client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    sent = wait_lines(editor, uri, [5])
    assert "version" not in sent
    # With another spelling of its name it is the same document.
    spelled = uri.replace("two.py", "%74wo.py")
    text = editor.open[uri][1].replace("#\n", "")
    item = {"uri": spelled, "languageId": "python", "version": 1, "text": text}
    editor.client.notify("textDocument/didOpen", {"textDocument": item})
    editor.open[spelled] = (1, text)
    editor.type(spelled, (0, 0), "#\n")
    wait_lines(editor, uri, [6])


def test_they_go_when_another_run_starts_or_theirs_is_discarded(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(with_diagnostics())
    uri = conflict(editor, checkout, tmp_path)
    run = wait_lines(editor, uri, [5])["diagnostics"][0]["data"]["runId"]
    editor.client.command("fanout.discard", {"runId": run})
    wait_lines(editor, uri, [])
