"""How the server ends with runs going, and what the next one finds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.agents.running import a_sleep
from tests.lsp.editor import Editor, MakeEditor, message, run_files, view_of
from tests.lsp.rawclient import LIMIT

MARK = a_sleep()


def gone(marked: list[psutil.Process]) -> bool:
    """Whether all of these processes end."""
    return not psutil.wait_procs(marked, timeout=LIMIT)[1]


def begin(editor: Editor, tmp_path: Path) -> tuple[str, list[psutil.Process]]:
    """A run of which one unit is done and one goes on for ever: its id and the latter's processes."""
    script = f"case $0 in *one.py) echo '# done' >> $0;; *) sleep {MARK};; esac"
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", apply="later", command=["sh", "-c", script, "{file}"])
    editor.client.wait_for("$/progress", lambda one: "1/2 done, 1 running" in str(one["value"].get("message")))
    deadline = time.monotonic() + LIMIT
    while True:
        found = [one for one in psutil.process_iter() if MARK in _argv(one)]
        if found:
            return run, found
        assert time.monotonic() < deadline


def _argv(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize("way", ["shutdown", "exit", "end of input", "terminate", "kill"])
def test_no_agent_outlives_the_server_and_the_run_can_be_resumed(
    connect: MakeEditor, checkout: Path, tmp_path: Path, way: str
) -> None:
    editor = connect()
    run, agents = begin(editor, tmp_path)
    client = editor.client
    if way == "shutdown":
        assert client.shutdown() == 0
        end = client.wait_for("$/progress", lambda one: one["value"]["kind"] == "end")
        assert end["value"]["message"] == "interrupted"
        assert client.all("window/showMessage") == []
    elif way == "exit":
        client.notify("exit", None)
        assert client.process.wait(LIMIT) == 1
    elif way == "end of input":
        assert client.close_stdin() == 1
    elif way == "terminate":
        client.process.terminate()
        assert client.process.wait(LIMIT) == 1
    else:
        client.process.kill()
        client.process.wait(LIMIT)
    assert gone(agents)
    assert client.stderr() == ""

    again = connect()
    (view,) = again.client.command("fanout.status")["runs"]
    assert (view["runId"], view["state"]) == (run, "interrupted")
    assert view["units"][0]["state"] == "done"
    assert again.client.command("fanout.resume", {"runId": run}) == {"runId": run}
    again.client.wait_for("$/progress", lambda one: "1/2 done, 1 running" in str(one["value"].get("message")))
    again.client.command("fanout.cancel", {"runId": run})
    assert "fanout.apply" in message(again, "was cancelled")
    answer: dict[str, Any] = again.client.command("fanout.apply", {"runId": run, "mode": "now"})
    assert answer["files"] == [(checkout / "src/one.py").as_uri()]
    assert view_of(again, run)["state"] == "applied"


def test_a_cancelled_request_takes_its_question_back(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    run = run_files(editor, tmp_path, "src/one.py", apply="later")
    message(editor, "is ready")
    before = (checkout / "src/one.py").read_text()

    def answer_late(_: object) -> dict[str, str]:
        editor.client.notify("$/cancelRequest", {"id": request})
        return {"title": "Apply"}

    editor.client.handlers["window/showMessageRequest"] = answer_late
    request = editor.client._ids + 1
    params = {"command": "fanout.apply", "arguments": [{"runId": run, "mode": "ask"}]}
    assert editor.client.request("workspace/executeCommand", params) == request
    assert editor.client.answer(request)["error"]["code"] == -32800
    assert view_of(editor, run)["state"] == "ready"
    assert (checkout / "src/one.py").read_text() == before
    assert editor.edits == []


def test_an_edit_that_is_not_answered_makes_the_command_pending(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect()
    run = run_files(editor, tmp_path, "src/one.py", apply="later")
    message(editor, "is ready")
    params = {"command": "fanout.apply", "arguments": [{"runId": run, "mode": "now"}]}
    editor.client.hold("workspace/applyEdit")
    began = time.monotonic()
    answer = editor.client.call("workspace/executeCommand", params)["result"]
    assert time.monotonic() - began < 3
    assert answer == {"applied": False, "files": [], "left": [], "pending": True}
    editor.client.release("workspace/applyEdit")
    assert message(editor, "Applied") == f"Applied 1 file of run {run}. fanout.revert takes it back."
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 10 + 1\n"
    assert view_of(editor, run)["state"] == "applied"
