"""The main job over raw JSON-RPC: run -> progress -> applyEdit -> diagnostics -> revert, on a real repository."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import GitCommand
from tests.lsp.editor import MakeEditor, message, run_files, view_of


def test_run_progress_apply_diagnostics_revert_with_an_unsaved_buffer(
    connect: MakeEditor, checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    editor = connect()
    client = editor.client
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file() and ".git" not in path.parts}
    status = git(checkout, "status", "--porcelain")
    uri = editor.did_open("src/one.py")
    editor.did_change(uri, "# unsaved\ndef one():\n    return 1\n")

    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", apply="now", owns=["{file}"])

    begun = client.wait_for("$/progress", lambda one: one["value"]["kind"] == "begin")
    assert begun["value"] == {
        "kind": "begin",
        "title": "fanout: Change {file}.",
        "cancellable": True,
        "percentage": 0,
    }
    ended = client.wait_for("$/progress", lambda one: one["value"]["kind"] == "end")
    assert ended == {"token": begun["token"], "value": {"kind": "end", "message": "ready: 2/2 done"}}
    (created,) = client.all("window/workDoneProgress/create")
    assert created["token"] == begun["token"]

    assert message(editor, "Applied") == f"Applied 2 files of run {run}. fanout.revert takes it back."
    assert editor.open[uri][1] == "# unsaved\ndef one():\n    return 10 + 1\n"
    assert (checkout / "src/one.py").read_bytes() == before[checkout / "src/one.py"]
    assert (checkout / "src/two.py").read_text() == "def two():\n    return 10 + 2\n"
    (sent,) = editor.edits
    annotations = sent["edit"]["changeAnnotations"]
    assert {one["label"] for one in annotations.values()} == {"src/one.py", "src/two.py"}
    assert len(annotations) == 2

    # The write outside owns became a finding, on the file that it is about.
    view = view_of(editor, run)
    assert view["state"] == "applied"
    (finding,) = view["findings"]
    shown = client.wait_for("textDocument/publishDiagnostics", lambda one: one["diagnostics"])
    assert shown["uri"] == finding["uri"]
    assert shown["diagnostics"][0]["source"] == "fanout"
    assert shown["diagnostics"][0]["code"] == finding["code"]
    assert not (checkout / "extra.py").exists()
    # It is counted beside the answer, so it may be in the next one.
    asked = (view_of(editor, run) for _ in range(200))
    on_disk = next(one["disk"] for one in asked if "disk" in one)
    assert on_disk["files"] > 0
    assert on_disk["bytes"] > 0
    assert on_disk["pristine"].keys() == {"bytes", "files"}

    answer = client.command("fanout.revert", {"runId": run})
    assert answer["applied"]
    assert sorted(answer["files"]) == [(checkout / f"src/{name}.py").as_uri() for name in ("one", "two")]
    assert editor.open[uri][1] == "# unsaved\ndef one():\n    return 1\n"
    assert {path: path.read_bytes() for path in before} == before
    assert git(checkout, "status", "--porcelain") == status
    assert view_of(editor, run)["state"] == "reverted"
    assert client.shutdown() == 0
    assert client.stderr() == ""
