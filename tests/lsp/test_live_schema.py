"""What really goes over the wire in a run is as the schemas in docs/schema say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fanout_server.lsp.commands import COMMANDS
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, options
from tests.lsp.test_commands import ended
from tests.schema import validating

EXPERIMENTAL = {**CAPABILITIES, "experimental": {"fanout": True}}
_SCRIPT = """
case $0 in
  *two.py) exit 3;;
  *b.txt) sleep 987;;
  *) echo working; echo '# done' >> $0; echo x > extra.py;;
esac
"""


@pytest.fixture
def called() -> set[str]:
    return set()


def test_answers_and_events_of_a_run(connect: MakeEditor, checkout: Path, tmp_path: Path, called: set[str]) -> None:
    editor = connect(capabilities=EXPERIMENTAL)

    def command(name: str, argument: dict[str, Any]) -> Any:
        called.add(name)
        validating.command(name, "arguments").validate(argument)
        # Its answer is validated in there.
        return editor.client.command(name, argument)

    names = ("src/one.py", "src/two.py", "a.txt", "b.txt", "gone.txt")
    selection = {"uris": [(checkout / name).as_uri() for name in names]}
    given = options(
        tmp_path,
        command=["sh", "-c", _SCRIPT, "{file}"],
        owns=["{file}"],
        pilot=1,
        attempts=1,
        apply="later",
        check=["true"],
    )
    work = {"selection": selection, "instruction": "Change {file}.", "options": {**given, "stall": "5m"}}
    preview = command("fanout.preview", work)
    assert preview["warnings"]
    assert preview["splits"]
    command("fanout.plan", {"selection": selection, "instruction": "Change {file}."})
    run = command("fanout.run", work)["runId"]
    ended(editor, run, "waiting")
    command("fanout.accept", {"runId": run, "note": "Good."})
    event(editor, "attemptStarted", unit=preview["units"][3]["id"])
    command("fanout.send", {"runId": run, "unit": preview["units"][3]["id"], "note": "Look."})
    view = command("fanout.status", {"runId": run})["runs"][0]
    assert view["state"] == "running"
    command("fanout.cancel", {"runId": run, "units": [preview["units"][3]["id"]]})
    view = ended(editor, run, "ready")
    assert {unit["state"] for unit in view["units"]} == {"done", "failed", "cancelled"}
    assert view["findings"]
    command("fanout.offers", {})
    command("fanout.origins", {"uri": (editor.root / "a.txt").as_uri()})
    command("fanout.dismiss", {"runId": run, "findings": [view["findings"][0]["id"]]})
    for what in ("diff", "log", "report", "prompt"):
        command("fanout.show", {"runId": run, "what": what})
    command("fanout.retry", {"runId": run, "units": [preview["units"][1]["id"]], "note": "Again."})
    # Its pilot, the rest, and now this unit.
    editor.client.wait_for("fanout/event", lambda _: _count(editor, "runEnded") == 3)
    ended(editor, run, "ready")
    assert command("fanout.changes", {"runId": run, "texts": True})["files"]
    assert command("fanout.apply", {"runId": run, "mode": "now"})["applied"]
    assert command("fanout.revert", {"runId": run})["applied"]
    command("fanout.discard", {"runId": run})
    assert command("fanout.status", {})["runs"][0]["state"] == "discarded"
    # An interrupted run is one of a server that has ended; see test_lifecycle. Repairs stand in test_repairs.
    assert called == set(COMMANDS) - {"fanout.resume", "fanout.repair"}

    events = editor.client.all("fanout/event")
    for one in events:
        validating.validator("events.json").validate(one)
    assert {one["type"] for one in events} >= {
        *("runStarted", "pilotAccepted", "noteSent", "unitsRetried", "attemptStarted", "attemptActivity"),
        *("attemptVerifying", "attemptFailed", "unitEnded", "findingReported", "runIntegrated", "runEnded"),
        *("checkStarted", "checkEnded"),
        *("runApplied", "runReverted", "runDiscarded", "findingsSettled"),
    }


def _count(editor: Editor, kind: str) -> int:
    return sum(one["type"] == kind for one in editor.client.all("fanout/event"))


def event(editor: Editor, kind: str, **fields: Any) -> Any:
    return editor.client.wait_for("fanout/event", lambda one: one["type"] == kind and fields.items() <= one.items())


def test_a_plan_documents_preview(connect: MakeEditor, checkout: Path) -> None:
    editor = connect()
    uri = editor.did_open("p.fanout.md", "---\nagent: claude\n---\nChange {file}.\n\n- src/one.py\n- gone.py\n")
    argument = {"plan": uri}
    validating.command("fanout.preview", "arguments").validate(argument)
    found = editor.client.command("fanout.preview", argument)
    assert found["warnings"][0]["uri"] == uri
    assert "range" in found["warnings"][0]


def test_a_schema_that_is_kept_to_notices(connect: MakeEditor) -> None:
    answer = connect().client.command("fanout.status")
    validator = validating.command("fanout.status", "answer")
    assert validator.is_valid(answer)
    assert not validator.is_valid({**answer, "more": 1})
    assert not validator.is_valid({"runs": [{"runId": "x"}]})
    assert not validating.validator("events.json").is_valid({"type": "runDiscarded", "runId": "x", "at": "now"})
