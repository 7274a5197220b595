"""Two editors on one repository, each with its own server: what is done in one is seen in the other."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from tests.agents.running import wait_until
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, run_files, view_of
from tests.lsp.plans import waiting_agent
from tests.lsp.rawclient import LIMIT
from tests.lsp.test_commands import refused


def two(connect: MakeEditor) -> tuple[Editor, Editor]:
    """Both have asked for the runs that there are, as their views do."""
    capabilities = {**CAPABILITIES, "experimental": {"fanout": True}}
    editors = connect(capabilities), connect(capabilities)
    for editor in editors:
        assert editor.client.command("fanout.status") == {"runs": []}
    return editors


def hears(editor: Editor, run: str, kind: str, **more: Any) -> None:
    fields = {"runId": run, "type": kind, **more}
    editor.client.wait_for("fanout/event", lambda one: fields.items() <= one.items())


def diagnosed(editor: Editor) -> list[str]:
    """The codes of what is shown now, of all files."""
    last = {one["uri"]: one["diagnostics"] for one in editor.client.all("textDocument/publishDiagnostics")}
    return [one["code"] for found in last.values() for one in found]


def test_a_run_is_seen_from_its_beginning_to_its_end_and_applied_in_the_other(
    connect: MakeEditor, tmp_path: Path, checkout: Path
) -> None:
    one, other = two(connect)
    run = run_files(one, tmp_path, "src/one.py", apply="later", command=waiting_agent(tmp_path))
    hears(other, run, "attemptStarted")
    assert view_of(other, run)["state"] == "running"
    code, said = refused(other, "fanout.resume", {"runId": run})
    assert "is running; only an interrupted run can be resumed" in said, code
    (tmp_path / "go").touch()
    hears(other, run, "runEnded", state="ready")
    assert view_of(other, run)["state"] == "ready"
    assert other.client.command("fanout.apply", {"runId": run, "mode": "now"})["applied"]
    hears(one, run, "runApplied")
    assert view_of(one, run)["state"] == "applied"
    assert one.client.command("fanout.revert", {"runId": run})["applied"]
    hears(other, run, "runReverted")
    assert view_of(other, run)["state"] == "reverted"


def test_a_run_is_cancelled_and_discarded_from_the_other(connect: MakeEditor, tmp_path: Path) -> None:
    one, other = two(connect)
    run = run_files(one, tmp_path, "src/one.py", apply="later", command=waiting_agent(tmp_path))
    hears(other, run, "attemptStarted")
    assert len(other.client.command("fanout.cancel", {"runId": run})["cancelled"]) == 1
    hears(other, run, "runEnded", state="cancelled")
    assert other.client.command("fanout.discard", {"runId": run}) == {}
    hears(one, run, "runDiscarded")
    assert view_of(one, run)["state"] == "discarded"


def test_findings_go_where_the_other_has_settled_or_discarded_them(connect: MakeEditor, tmp_path: Path) -> None:
    one, other = two(connect)
    more = {"apply": "later", "attempts": 1, "command": ["sh", "-c", "exit 3"]}
    run = run_files(one, tmp_path, "src/one.py", "src/two.py", **more)
    hears(other, run, "runEnded")
    wait_until(lambda: diagnosed(one) == ["unit/failed"] * 2)
    first, second = view_of(other, run)["findings"]
    other.client.command("fanout.dismiss", {"runId": run, "findings": [first["id"]]})
    wait_until(lambda: diagnosed(one) == ["unit/failed"])
    other.client.command("fanout.discard", {"runId": run})
    wait_until(lambda: diagnosed(one) == [])
    assert view_of(one, run)["findings"] == [second]


def test_a_window_that_is_gone_leaves_a_run_that_the_other_takes_over(connect: MakeEditor, tmp_path: Path) -> None:
    one, other = two(connect)
    run = run_files(one, tmp_path, "src/one.py", apply="later", command=waiting_agent(tmp_path))
    hears(other, run, "attemptStarted")
    one.client.process.send_signal(signal.SIGKILL)
    one.client.process.wait(LIMIT)
    hears(other, run, "runEnded", state="interrupted")
    assert view_of(other, run)["state"] == "interrupted"
    (tmp_path / "go").touch()
    other.client.command("fanout.resume", {"runId": run})
    hears(other, run, "runEnded", state="ready")
