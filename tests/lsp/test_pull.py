"""Findings as diagnostics that the editor asks for: then none are sent, and it is told when to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, run_files
from tests.lsp.rawclient import Reply

PULLING = {
    **CAPABILITIES,
    "workspace": {**CAPABILITIES["workspace"], "diagnostics": {"refreshSupport": True}},
    "textDocument": {"diagnostic": {"relatedInformation": True}, "publishDiagnostics": {}},
}


def capabilities_of(editor: Editor) -> dict[str, Any]:
    answer = next(one for one in editor.client.received if "capabilities" in (one.get("result") or {}))
    return dict(answer["result"]["capabilities"])


def pull(editor: Editor, uri: str, previous: str | None = None) -> dict[str, Any]:
    params = {"textDocument": {"uri": uri}, **({"previousResultId": previous} if previous else {})}
    answer = editor.client.call("textDocument/diagnostic", params)
    assert "error" not in answer, answer
    return dict(answer["result"])


def pull_all(editor: Editor, **previous: str) -> dict[str, dict[str, Any]]:
    known = [{"uri": uri, "value": value} for uri, value in previous.items()]
    answer = editor.client.call("workspace/diagnostic", {"previousResultIds": known})
    assert "error" not in answer, answer
    return {one["uri"]: one for one in answer["result"]["items"]}


def conflict(editor: Editor, tmp_path: Path) -> tuple[str, str]:
    uri = editor.did_open("src/two.py")
    run = run_files(editor, tmp_path, "src/two.py", apply="later", owns=["{file}"])
    message(editor, "is ready")
    editor.did_change(uri, "def two():\n    return 'typed'\n")
    editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    return run, uri


@pytest.mark.parametrize(
    ("workspace", "document", "pulls"),
    [
        ({"diagnostics": {"refreshSupport": True}}, {"diagnostic": {}}, True),
        ({"diagnostics": {"refreshSupport": False}}, {"diagnostic": {}}, False),
        ({}, {"diagnostic": {}}, False),
        ({"diagnostics": {"refreshSupport": True}}, {}, False),
    ],
)
def test_who_is_asked_and_who_is_told(
    connect: MakeEditor, tmp_path: Path, workspace: Any, document: Any, pulls: bool
) -> None:
    editor = connect({"workspace": workspace, "textDocument": document})
    provider = {"identifier": "fanout", "interFileDependencies": True, "workspaceDiagnostics": True}
    assert capabilities_of(editor).get("diagnosticProvider") == (provider if pulls else None)
    run_files(editor, tmp_path, "src/two.py", apply="later", owns=["{file}"])
    if pulls:
        editor.client.wait_for("workspace/diagnostic/refresh")
        message(editor, "is ready")
        assert editor.client.all("textDocument/publishDiagnostics") == []
    else:
        editor.client.wait_for("textDocument/publishDiagnostics", lambda one: one["diagnostics"])
        message(editor, "is ready")
        assert editor.client.all("workspace/diagnostic/refresh") == []
        answer = editor.client.call("textDocument/diagnostic", {"textDocument": {"uri": "file:///x"}})
        assert answer["error"]["code"] == -32601


def test_one_document_and_all_of_them(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(PULLING)
    run, uri = conflict(editor, tmp_path)
    found = pull(editor, uri)
    assert found["kind"] == "full"
    assert [one["code"] for one in found["items"]] == ["merge/conflict"]
    assert len(found["items"][0]["relatedInformation"]) == 2
    assert pull(editor, uri, found["resultId"]) == {"kind": "unchanged", "resultId": found["resultId"]}
    assert pull(editor, (checkout / "a.txt").as_uri())["items"] == []

    extra = (checkout / "extra.py").as_uri()
    every = pull_all(editor)
    assert every.keys() == {uri, extra}
    assert every[uri]["items"] == found["items"]
    assert every[uri]["version"] == editor.open[uri][0]
    ids = {name: one["resultId"] for name, one in every.items()}
    assert {one["kind"] for one in pull_all(editor, **ids).values()} == {"unchanged"}

    editor.client.command("fanout.discard", {"runId": run})
    gone = pull_all(editor, **ids)
    assert [(name, one["kind"], one["items"]) for name, one in sorted(gone.items())] == [
        (extra, "full", []),
        (uri, "full", []),
    ]
    assert pull_all(editor) == {}
    assert editor.client.all("textDocument/publishDiagnostics") == []


def test_what_is_asked_for_has_moved_with_the_text(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(PULLING)
    _, uri = conflict(editor, tmp_path)
    before = pull(editor, uri)
    assert before["items"][0]["range"]["start"]["line"] == 1
    for _ in range(20):
        editor.type(uri, (0, 0), "#\n")
    after = pull(editor, uri, before["resultId"])
    assert after["items"][0]["range"]["start"]["line"] == 21
    editor.type(uri, (22, 0), "#\n")
    assert pull(editor, uri, after["resultId"])["kind"] == "unchanged"


def test_many_news_are_few_refreshes_and_the_last_one_comes(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(PULLING)
    names = ["a.txt", "b.txt", "src/one.py", "src/two.py"]
    run_files(editor, tmp_path, *names, command=["false"], attempts=1, apply="later", jobs=1)
    message(editor, "failed")
    every = pull_all(editor)
    assert len(every) == len(names)
    assert len(editor.client.all("workspace/diagnostic/refresh")) <= len(names) + 1


@pytest.mark.parametrize("reply", [Reply({"error": {"code": -32601, "message": "no"}}), Reply(None)])
def test_an_editor_that_refuses_or_never_answers_a_refresh(connect: MakeEditor, tmp_path: Path, reply: Reply) -> None:
    editor = connect(PULLING)
    editor.client.handlers["workspace/diagnostic/refresh"] = lambda _: reply
    _, uri = conflict(editor, tmp_path)
    assert pull(editor, uri)["items"]
    assert editor.client.shutdown() == 0
    assert editor.client.stderr() == ""
