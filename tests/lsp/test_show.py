"""A run's diff, log, report and prompt: as documents that the editor asks for, as files, or as a path in a message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server import finding_docs
from fanout_server.lsp import contents
from fanout_server.lsp.contents import Place
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, run_files
from tests.lsp.rawclient import Reply
from tests.strategies import TEXTS

CONTENT = {**CAPABILITIES, "workspace": {**CAPABILITIES["workspace"], "textDocumentContent": {}}}
REFRESH = "workspace/textDocumentContent/refresh"


def content(editor: Editor, uri: str) -> str:
    answer = editor.client.call("workspace/textDocumentContent", {"uri": uri})
    assert "error" not in answer, answer
    return str(answer["result"]["text"])


def test_documents_for_an_editor_that_asks_for_them_and_in_the_next_server_too(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(CONTENT)
    editor.client.handlers["window/showDocument"] = lambda _: {"success": True}
    run = run_files(editor, tmp_path, "src/one.py", apply="later")
    message(editor, "is ready")
    shown: list[str] = []
    for what, part in (
        ("diff", "+    return 10 + 1"),
        ("log", "changed src/one.py"),
        ("report", f"# fanout run {run}: ready"),
        ("prompt", "Change src/one.py."),
    ):
        for unit in (None, "01-one"):
            argument = {"runId": run, "what": what, **({} if unit is None else {"unit": unit})}
            uri = editor.client.command("fanout.show", argument)["uri"]
            assert uri == (f"fanout:/{run}/{what}" if unit is None else f"fanout:/{run}/01-one/{what}")
            shown.append(uri)
            editor.client.wait(lambda _: shown == _shown(editor), uri)
            assert part in content(editor, uri)
            if what == "report":
                assert "## What is left to do" in content(editor, uri)
                assert "one.py | done | 1 |" in content(editor, uri)
    again = connect(CONTENT)
    assert "+    return 10 + 1" in content(again, f"fanout:/{run}/01-one/diff")
    assert editor.client.shutdown() == 0
    assert editor.client.stderr() == ""


def _shown(editor: Editor) -> list[str]:
    return [one["uri"] for one in editor.client.all("window/showDocument")]


def test_the_scheme_is_offered_to_those_who_know_of_it_only(connect: MakeEditor) -> None:
    editor = connect(CONTENT)
    answer = next(one for one in editor.client.received if "capabilities" in (one.get("result") or {}))
    assert answer["result"]["capabilities"]["workspace"]["textDocumentContent"] == {"schemes": ["fanout"]}
    plain = connect()
    answer = next(one for one in plain.client.received if "capabilities" in (one.get("result") or {}))
    assert "textDocumentContent" not in answer["result"]["capabilities"]["workspace"]
    assert plain.client.call("workspace/textDocumentContent", {"uri": "fanout:/x/diff"})["error"]["code"] == -32601


def test_what_is_not_there_is_said_in_the_document(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(CONTENT)
    assert content(editor, "fanout:/1124-0000-none/diff").startswith("There is no run 1124-0000-none")
    run = run_files(editor, tmp_path, "src/one.py", command=["true"], apply="later")
    message(editor, "changed nothing")
    assert "has no result to show a diff of" in content(editor, f"fanout:/{run}/01-one/diff")
    assert "has no unit none" in content(editor, f"fanout:/{run}/none/diff")
    assert content(editor, "fanout:/codes/unit/failed") == finding_docs.page("unit/failed")
    for wrong in ("fanout:/", f"fanout:/{run}", f"fanout:/{run}/01-one/x", f"fanout:/{run}/a/b/diff", "file:///x"):
        error = editor.client.call("workspace/textDocumentContent", {"uri": wrong})["error"]
        assert error["code"] == -32602, wrong
        assert f"{wrong} is no document of fanout." in error["message"]


def test_a_log_that_grows_is_told_of_as_long_as_it_is_looked_at(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(CONTENT)
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    script = (
        f"echo one; while ! test -e {first}; do :; done; echo two;"
        f" while ! test -e {second}; do :; done; echo three >> $0; while ! test -e {third}; do :; done; echo four"
    )
    run = run_files(editor, tmp_path, "src/one.py", command=["sh", "-c", script, "{file}"], apply="later")
    editor.client.wait_for("$/progress", lambda one: "1 running" in str(one["value"].get("message")))
    log, diff = f"fanout:/{run}/01-one/log", f"fanout:/{run}/01-one/diff"

    def ask(params: Any) -> Any:
        # Not here: this is the thread that reads the answers.
        editor.client.request("workspace/textDocumentContent", params)

    editor.client.handlers[REFRESH] = ask

    def latest(part: str) -> None:
        editor.client.wait(lambda one: part in str((one.get("result") or {}).get("text", "")), part)

    assert "one" in content(editor, log)
    assert "has no result" in content(editor, diff)
    first.touch()
    latest("two")
    second.touch()
    third.touch()
    latest("four")
    # The document that had nothing to show yet.
    latest("+three")
    message(editor, "is ready")
    refreshed = [one["uri"] for one in editor.client.all(REFRESH)]
    assert set(refreshed) == {log, diff}
    assert refreshed.count(log) <= 6


def test_a_document_that_is_looked_at_no_more_is_left_alone(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(CONTENT)
    editor.client.handlers[REFRESH] = lambda _: Reply({"error": {"code": -32601, "message": "no"}})
    run = run_files(editor, tmp_path, "src/one.py", apply="later")
    message(editor, "is ready")
    report = f"fanout:/{run}/report"
    content(editor, report)
    editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    editor.client.wait_for(REFRESH)
    editor.client.command("fanout.revert", {"runId": run})
    editor.client.command("fanout.status", {"runId": run})
    assert len(editor.client.all(REFRESH)) == 1
    # Looked at again, it is told of again.
    assert "reverted" in content(editor, report)
    editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    editor.client.wait(lambda _: len(editor.client.all(REFRESH)) == 2, "another refresh")


def test_a_document_has_an_end(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(CONTENT)
    script = "yes 'a line of many' | head -n 400000 > big.txt"
    run = run_files(editor, tmp_path, "src/one.py", command=["sh", "-c", script], apply="later")
    message(editor, "is ready")
    text = content(editor, f"fanout:/{run}/01-one/diff")
    assert 3_900_000 < len(text) < 4_100_000
    assert text.splitlines()[-2] == "+a line of many"
    assert f"'fanout show {run} --unit 01-one --what diff' has all." in text.splitlines()[-1]


def test_an_editor_that_can_show_nothing_gets_the_name(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect({"workspace": {"textDocumentContent": {}}})
    run = run_files(editor, tmp_path, "src/one.py", apply="later")
    message(editor, "is ready")
    editor.client.command("fanout.show", {"runId": run, "what": "diff"})
    assert message(editor, "document") == f"It is the document fanout:/{run}/diff"


@given(TEXTS.filter(bool), st.none() | TEXTS.filter(bool), st.sampled_from(["diff", "log", "report", "prompt"]))
def test_any_name_of_a_unit_survives_as_a_uri(run: str, unit: str | None, what: str) -> None:
    place = Place(run, unit, what)
    if run == "codes":
        return
    assert place.uri.isascii()
    assert contents.place_of(place.uri) == place


@pytest.mark.parametrize("code", ["plan/x", "preflight/new", "base/x", "unit/failed", "merge/conflict", "apply/x", "x"])
def test_every_code_has_a_page(code: str) -> None:
    text = finding_docs.page(code)
    assert text.startswith(f"# {code}\n\n")
    assert "What to do: " in text


def test_every_code_of_the_protocol_has_a_page_of_its_own() -> None:
    table = (Path(__file__).parents[2] / "docs/protocol.md").read_text().partition("## Findings")[2]
    rows = [line.split("|")[1] for line in table.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    named: list[str] = []
    for row in rows:
        room = ""
        for name in (part.strip(" `") for part in row.split(",")):
            room = name.partition("/")[0] if "/" in name else room
            named.append(name if "/" in name else f"{room}/{name}")
    assert "unit/left-processes" in named
    other = finding_docs.page("none").partition("\n")[2]
    assert [name for name in named if finding_docs.page(name).partition("\n")[2] == other] == []
