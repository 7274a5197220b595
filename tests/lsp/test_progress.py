"""Progress: ten reports a second at most, however much happens, and the last state always."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import Editor, MakeEditor, run_files

UNITS = 24
A_SECOND = 10


@pytest.fixture
def files(checkout: Path, git: GitCommand) -> list[str]:
    names = [f"src/{number:02}.py" for number in range(UNITS)]
    for name in names:
        (checkout / name).write_text("def f():\n    return 1\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "many")
    return names


def reports(editor: Editor) -> list[dict[str, Any]]:
    return [one["value"] for one in editor.client.all("$/progress") if one["value"]["kind"] == "report"]


def test_what_happens_within_a_moment_is_told_at_once_and_the_last_of_it_always(
    connect: MakeEditor, tmp_path: Path, files: list[str]
) -> None:
    editor = connect(capabilities={"window": {"workDoneProgress": True}, "experimental": {"fanout": True}})
    began = time.monotonic()
    script = "case $0 in *00.py) sleep 987;; *) echo '# done' >> $0;; esac"
    run = run_files(editor, tmp_path, *files, apply="later", jobs=8, command=["sh", "-c", script, "{file}"])
    last = f"{UNITS - 1}/{UNITS} done, 1 running"
    # Nothing happens after this, so nothing but this can tell it.
    editor.client.wait_for("$/progress", lambda one: one["value"].get("message") == last)
    told, seconds = reports(editor), time.monotonic() - began
    assert len(told) <= 1 + A_SECOND * seconds
    # Far more happened than was told: each unit began, was verified and ended.
    events = [one for one in editor.client.all("fanout/event") if one["type"] in {"attemptVerifying", "unitEnded"}]
    assert len(events) >= 2 * (UNITS - 1)
    assert len(told) < len(events)
    percentages = [one["percentage"] for one in told]
    assert percentages == sorted(percentages)
    assert all(one["cancellable"] for one in told)
    editor.client.command("fanout.cancel", {"runId": run})
    end = editor.client.wait_for("$/progress", lambda one: one["value"]["kind"] == "end")
    assert end["value"]["message"] == f"cancelled: {UNITS - 1}/{UNITS} done, 1 cancelled"


def test_nothing_is_told_while_nothing_changes(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect()
    run = run_files(
        editor, tmp_path, "src/one.py", apply="later", command=["sh", "-c", "yes | head -n 20000; sleep 987"]
    )
    editor.client.wait_for("$/progress", lambda one: one["value"].get("message") == "0/1 done, 1 running")
    before = len(reports(editor))
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        # Answered after all that was sent before.
        editor.client.command("fanout.status", {"runId": run})
    assert len(reports(editor)) == before
    editor.client.command("fanout.cancel", {"runId": run})
