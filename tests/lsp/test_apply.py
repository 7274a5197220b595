"""Results on their way into editors of many kinds: those that ask, that refuse, that lie, and that can do little."""

from __future__ import annotations

import os
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, message, options, run_files, view_of
from tests.lsp.rawclient import Reply

ONE, TWO = "def one():\n    return 10 + 1\n", "def two():\n    return 10 + 2\n"
READY = "is ready: 1 of 1 units done, 1 files changed."


def ready(editor: Editor, tmp_path: Path, *names: str, **more: Any) -> str:
    """A run that is over and waits to be applied."""
    run = run_files(editor, tmp_path, *names, apply="later", **more)
    message(editor, "is ready")
    return run


def apply(editor: Editor, run: str, mode: str = "now", **more: Any) -> dict[str, Any]:
    answer = editor.client.command("fanout.apply", {"runId": run, "mode": mode, **more})
    assert isinstance(answer, dict)
    return answer


def warned(editor: Editor) -> list[str]:
    return [one["message"] for one in editor.client.all("window/showMessage") if one["type"] == 2]


def test_asks_with_a_message_shows_the_diff_and_applies(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(clientInfo={"name": "Neovim", "version": "0.11.4"})
    asked: list[Any] = []

    def answer(params: Any) -> Any:
        asked.append(params)
        return {"title": "Show diff" if len(asked) == 1 else "Apply"}

    editor.client.handlers["window/showMessageRequest"] = answer
    editor.client.handlers["window/showDocument"] = lambda _: {"success": True}
    run = run_files(editor, tmp_path, "src/one.py")
    message(editor, "Applied 1 file")
    assert asked[0]["message"] == f"Run {run} {READY}"
    assert [one["title"] for one in asked[0]["actions"]] == ["Apply", "Show diff", "Later", "Discard"]
    assert (checkout / "src/one.py").read_text() == ONE
    shown = editor.client.wait_for("window/showDocument")
    path = Path(urllib.parse.unquote(shown["uri"].removeprefix("file://")))
    assert "+    return 10 + 1" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o400
    (edit,) = editor.edits
    assert not any(one["needsConfirmation"] for one in edit["edit"]["changeAnnotations"].values())


def test_an_editor_that_confirms_is_asked_through_the_edit(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(clientInfo={"name": "Visual Studio Code"})
    # The user ticks the one and not the other.
    editor.takes = lambda change: change["textDocument"]["uri"].endswith("one.py")
    run = run_files(editor, tmp_path, "src/one.py", "a.txt", command=["sh", "-c", "echo x >> $0", "{file}"])
    told = f"Applied 1 file of run {run}. fanout.revert takes it back. Of its files 1 can still be applied."
    assert message(editor, "Applied") == told
    assert editor.client.all("window/showMessageRequest") == []
    (edit,) = editor.edits
    assert all(one["needsConfirmation"] for one in edit["edit"]["changeAnnotations"].values())
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\n"
    view = view_of(editor, run)
    assert view["state"] == "applied"
    # That is no finding: they have seen it.
    assert (view["findings"], view["rest"]) == ([], [(checkout / "a.txt").as_uri()])
    # What was left out can still be had.
    editor.takes = lambda _: True
    assert apply(editor, run)["files"] == [(checkout / "a.txt").as_uri()]
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\nx\n"


def test_who_ticks_nothing_is_told_so_and_who_waits_is_answered_when_it_is_over(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(clientInfo={"name": "Visual Studio Code"})
    run = ready(editor, tmp_path, "src/one.py", "a.txt", command=["sh", "-c", "echo x >> $0", "{file}"])
    editor.takes = lambda _: False
    # As long as the editor is waited for, nobody is answered who did not say that they wait.
    assert apply(editor, run, "ask", wait=True) == {"applied": False, "files": [], "left": [], "rest": 2}
    view = view_of(editor, run)
    assert (view["state"], view["findings"]) == ("ready", [])
    assert apply(editor, run, "ask")["pending"]
    message(editor, f"Nothing of run {run} was taken. It is kept as it is")
    editor.takes = lambda _: True
    assert len(apply(editor, run, "now", wait=True)["files"]) == 2
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\nx\n"


def test_discard_when_asked(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    editor.client.handlers["window/showMessageRequest"] = lambda _: {"title": "Discard"}
    run = run_files(editor, tmp_path, "src/one.py")
    editor.client.wait_for("window/showMessageRequest")
    while view_of(editor, run)["state"] != "discarded":
        pass
    assert editor.edits == []


def test_an_editor_that_cannot_ask_is_told_how_to_apply(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect()
    refusal = Reply({"error": {"code": -32601, "message": "MethodNotFound"}})
    editor.client.handlers["window/showMessageRequest"] = lambda _: refusal
    run = run_files(editor, tmp_path, "src/one.py")
    assert message(editor, "is ready") == f"Run {run} {READY} fanout.apply with runId {run} and mode 'now' applies it."
    assert apply(editor, run)["applied"]


def test_apply_takes_the_place_of_a_question_that_is_never_answered(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    editor.client.handlers["window/showMessageRequest"] = lambda _: Reply(None)
    run = run_files(editor, tmp_path, "src/one.py")
    editor.client.wait_for("window/showMessageRequest")
    answer = apply(editor, run, "ask")
    assert answer == {"applied": False, "files": [], "left": [], "pending": True}
    assert apply(editor, run) == {"applied": True, "files": [(checkout / "src/one.py").as_uri()], "left": []}
    assert (checkout / "src/one.py").read_text() == ONE


def test_a_new_file_is_created_by_the_editor_and_deleted_by_revert(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    script = "mkdir -p 'new dir'; echo made > 'new dir/100% \u00e4.txt'; git mv b.txt 'new dir/c.txt'; rm a.txt"
    run = ready(editor, tmp_path, "src/one.py", command=["sh", "-c", script, "{file}"])
    assert apply(editor, run)["left"] == []
    (edit,) = editor.edits
    changes = edit["edit"]["documentChanges"]
    assert [one.get("kind", "edit") for one in changes] == ["create", "edit", "rename", "delete"]
    assert changes[0]["uri"] == checkout.as_uri() + "/new%20dir/100%25%20%C3%A4.txt"
    assert (checkout / "new dir/100% \u00e4.txt").read_text() == "made\n"
    assert (checkout / "new dir/c.txt").read_text() == "one\ntwo\nthree\n"
    assert not (checkout / "a.txt").exists()
    assert not (checkout / "b.txt").exists()
    assert editor.client.command("fanout.revert", {"runId": run})["applied"]
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\n"
    assert (checkout / "b.txt").read_text() == "one\ntwo\nthree\n"
    assert not list((checkout / "new dir").iterdir() if (checkout / "new dir").exists() else ())


def test_a_client_with_plain_changes_gets_edits_and_the_server_writes_the_rest(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect({"workspace": {"applyEdit": True}})
    run = ready(editor, tmp_path, "src/two.py")
    answer = apply(editor, run)
    assert sorted(answer["files"]) == [(checkout / name).as_uri() for name in ("extra.py", "src/two.py")]
    assert list(editor.edits[0]["edit"]) == ["changes"]
    assert (checkout / "extra.py").read_text() == "made by the unit of two.py\n"
    assert message(editor, "on disk") == ("fanout wrote 1 file on disk itself, since the editor cannot: extra.py.")


def test_a_client_without_apply_edit_gets_the_files_on_disk(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect({})
    uri = editor.did_open("src/one.py")
    editor.did_change(uri, "# unsaved\n" + editor.open[uri][1])
    run = ready(editor, tmp_path, "src/one.py", "src/two.py")
    answer = apply(editor, run)
    assert (checkout / "src/two.py").read_text() == TWO
    (left,) = answer["left"]
    assert (left["code"], left["uri"]) == ("apply/unsaved", uri)
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"


def test_what_no_editor_can_do_is_written_on_disk(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    script = (
        "chmod +x a.txt; ln -s a.txt link; printf 'a\\0b' > binary; printf 'x\\r\\n' > crlf; printf '\\377\\n' > latin"
    )
    run = ready(editor, tmp_path, "src/one.py", command=["sh", "-c", script, "{file}"])
    assert apply(editor, run)["left"] == []
    assert editor.edits == []
    assert os.access(checkout / "a.txt", os.X_OK)
    assert (checkout / "link").readlink() == Path("a.txt")
    assert (checkout / "binary").read_bytes() == b"a\0b"
    assert (checkout / "crlf").read_bytes() == b"x\r\n"
    assert (checkout / "latin").read_bytes() == b"\xff\n"


def test_an_editor_that_says_yes_and_does_nothing_is_not_believed(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    uri = editor.did_open("src/two.py")
    editor.takes = lambda _: False
    run = ready(editor, tmp_path, "src/two.py")
    editor.client.request(
        "workspace/executeCommand", {"command": "fanout.apply", "arguments": [{"runId": run, "mode": "now"}]}
    )
    # Creating a file is what the server can do itself; below an open document it writes nothing.
    assert message(editor, "left alone").startswith(f"Applied 1 file of run {run}; 1 left alone")
    assert (checkout / "extra.py").read_text() == "made by the unit of two.py\n"
    assert (checkout / "src/two.py").read_text() == "def two():\n    return 2\n"
    found = editor.client.wait_for(
        "textDocument/publishDiagnostics", lambda one: one["uri"] == uri and one["diagnostics"]
    )
    assert "apply/not-taken" in [one["code"] for one in found["diagnostics"]]


def test_the_edit_is_marked_as_a_refactoring_and_what_the_editor_says_is_told(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    workspace = {**CAPABILITIES["workspace"]}
    workspace["workspaceEdit"] = {**workspace["workspaceEdit"], "metadataSupport": True, "failureHandling": "abort"}
    editor = connect({**CAPABILITIES, "workspace": workspace})
    editor.answer = {"applied": False, "failureReason": "The file is locked.", "failedChange": 0}
    editor.takes = lambda _: False
    run = ready(editor, tmp_path, "src/one.py")
    assert apply(editor, run)["applied"] is False
    assert message(editor, "locked") == "The editor says: The file is locked."
    assert editor.edits[0]["metadata"] == {"isRefactoring": True}
    plain = connect()
    plain.client.command("fanout.apply", {"runId": run, "mode": "now"})
    assert "metadata" not in plain.edits[0]


@pytest.mark.parametrize("refusal", [{"applied": False}, None, Reply({"error": {"code": -32603, "message": "broke"}})])
def test_a_refused_edit_leaves_the_run_ready(connect: MakeEditor, checkout: Path, tmp_path: Path, refusal: Any) -> None:
    editor = connect()
    editor.answer = refusal
    editor.takes = lambda _: False
    run = ready(editor, tmp_path, "src/one.py")
    answer = apply(editor, run)
    assert answer["applied"] is False
    assert view_of(editor, run)["state"] == "ready"
    editor.answer, editor.takes = {"applied": True}, lambda _: True
    assert apply(editor, run)["applied"]
    assert (checkout / "src/one.py").read_text() == ONE


def test_what_was_typed_meanwhile_is_merged_or_left_alone_with_both_sides(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    one, two = editor.did_open("src/one.py"), editor.did_open("src/two.py")
    run = ready(editor, tmp_path, "src/one.py", "src/two.py", owns=["{file}"])
    editor.did_change(one, "# 😀 typed\n" + editor.open[one][1])
    editor.did_change(two, "def two():\n    return 'typed'\n")
    answer = apply(editor, run)
    assert editor.open[one][1] == "# 😀 typed\n" + ONE
    assert editor.open[two][1] == "def two():\n    return 'typed'\n"
    (left,) = answer["left"]
    assert (left["code"], left["uri"], left["severity"]) == ("merge/conflict", two, "error")
    assert left["range"]["start"]["line"] == 1
    sides = [Path(urllib.parse.unquote(side["uri"].removeprefix("file://"))) for side in left["related"]]
    assert TWO in [side.read_text() for side in sides]
    shown = editor.client.wait_for(
        "textDocument/publishDiagnostics",
        lambda sent: any(found["code"] == "merge/conflict" for found in sent["diagnostics"]),
    )
    assert shown["uri"] == two


def test_a_workspace_opened_through_a_symlink_keeps_its_spelling(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    link = tmp_path / "by link"
    link.symlink_to(checkout)
    editor = connect(folder=link)
    uri = editor.did_open("src/one.py")
    editor.did_change(uri, "# unsaved\n" + editor.open[uri][1])
    run = ready(editor, tmp_path, "src/one.py", "src/two.py", owns=["{file}"])
    answer = apply(editor, run)
    assert sorted(answer["files"]) == [(link / f"src/{name}.py").as_uri() for name in ("one", "two")]
    assert editor.open[uri][1] == "# unsaved\n" + ONE
    assert (checkout / "src/two.py").read_text() == TWO


def test_capabilities_of_the_editor_that_only_has_resource_operations(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    window = CAPABILITIES["window"]
    editor = connect(
        {"workspace": {"applyEdit": True, "workspaceEdit": {"resourceOperations": ["create"]}}, "window": window}
    )
    run = ready(editor, tmp_path, "src/two.py")
    assert len(apply(editor, run)["files"]) == 2
    assert [one.get("kind", "edit") for one in editor.edits[0]["edit"]["documentChanges"]] == ["create", "edit", "edit"]
    assert "changeAnnotations" not in editor.edits[0]["edit"]
    assert "annotationId" not in str(editor.edits)
    assert options(tmp_path)["agent"] == "command"


def test_some_units_first_and_the_rest_later(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    run = ready(editor, tmp_path, "src/one.py", "src/two.py", owns=["{file}"])
    argument = {"runId": run, "units": ["02-two"], "mode": "now"}
    assert editor.client.command("fanout.apply", argument)["files"] == [(checkout / "src/two.py").as_uri()]
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"
    assert apply(editor, run)["files"] == [(checkout / "src/one.py").as_uri()]
    # Once more is no harm, and both applies are taken back.
    assert apply(editor, run) == {"applied": True, "files": [], "left": []}
    assert len(editor.client.command("fanout.revert", {"runId": run})["files"]) == 2
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"
    assert (checkout / "src/two.py").read_text() == "def two():\n    return 2\n"


def test_a_second_apply_is_refused_while_the_first_waits_for_the_editor(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    run = ready(editor, tmp_path, "src/one.py")
    editor.client.hold("workspace/applyEdit")
    assert apply(editor, run)["pending"] is True
    params = {"command": "fanout.apply", "arguments": [{"runId": run, "mode": "now"}]}
    said = editor.client.call("workspace/executeCommand", params)["error"]["message"]
    assert said.startswith(f"Run {run} is being applied or reverted.")
    editor.client.release("workspace/applyEdit")
    message(editor, "Applied 1 file")
    assert (checkout / "src/one.py").read_text() == ONE


def test_revert_keeps_what_was_typed_since(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    uri = editor.did_open("src/one.py")
    run = ready(editor, tmp_path, "src/one.py")
    apply(editor, run)
    assert editor.open[uri][1] == ONE
    editor.did_change(uri, "# typed since\n" + ONE)
    assert editor.client.command("fanout.revert", {"runId": run})["applied"]
    assert editor.open[uri][1] == "# typed since\ndef one():\n    return 1\n"
