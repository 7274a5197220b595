"""The main job in every editor, with no plugin: select, run, watch, apply, read what was found, take back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.conftest import ClientMaker
from tests.lsp.editor import AGENT, message, run_files, view_of
from tests.lsp.profiles import PROFILES, Profile, ProfiledEditor

_AGENT = f"""{AGENT}
if path.endswith("two.py"):
    open("other.py", "w").write("nobody owns this")
"""
_ONE = "# not saved\ndef one():\n    return 1\n"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_the_story(profile: Profile, start: ClientMaker, checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    client = start(checkout)
    editor = profile.play(client, checkout)
    editor.did_change(editor.did_open("src/one.py"), _ONE)

    (tmp_path / "agent.py").write_text(_AGENT)
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", owns=["{file}", "extra.py"])
    if profile.capabilities.get("window", {}).get("workDoneProgress"):
        ended = client.wait_for("$/progress", lambda one: one["value"]["kind"] == "end")
        assert ended["value"]["message"] == "ready: 2/2 done"
    else:
        assert client.all("$/progress") == []

    # Asked by its own means or with a message, or told which command does it.
    if not profile.capabilities["workspace"]["applyEdit"]:
        # The server writes on the disk, and so not below what is not saved.
        editor.save_all()
    if profile.chooses != "the first" and not _confirms(profile):
        assert "fanout.apply" in message(editor, f"un {run} is ")
        assert _done(editor, "fanout.apply", "Applied", runId=run, mode="now") == 3
    else:
        assert message(editor, "Applied").startswith(f"Applied 3 files of run {run}.")
    if not profile.capabilities["workspace"]["applyEdit"]:
        editor.read_again()
    assert editor.text_of("src/one.py") == _ONE.replace("return", "return 10 +")
    assert editor.text_of("src/two.py") == "def two():\n    return 10 + 2\n"
    assert editor.text_of("extra.py") == "made by the unit of two.py\n"
    if profile.capabilities["workspace"]["applyEdit"]:
        # What the user has not saved is not saved by us.
        assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"

    view = view_of(editor, run)
    assert view["state"] == "applied"
    (finding,) = view["findings"]
    assert finding["code"] == "unit/out-of-scope"
    assert not (checkout / "other.py").exists()
    shown = client.wait_for("textDocument/publishDiagnostics", lambda one: one["diagnostics"])
    assert shown["uri"] == finding["uri"]
    assert shown["diagnostics"][0]["message"] == finding["message"]

    editor.save_all()
    assert _done(editor, "fanout.revert", "Took back", runId=run) == 3
    if not profile.capabilities["workspace"]["applyEdit"]:
        editor.read_again()
    assert editor.text_of("src/one.py") == _ONE
    assert editor.text_of("src/two.py") == "def two():\n    return 2\n"
    assert not (checkout / "extra.py").exists()
    editor.save_all()
    assert git(checkout, "diff", "src/two.py") == ""
    assert view_of(editor, run)["state"] == "reverted"
    assert client.shutdown() == 0
    assert client.stderr() == ""


def _done(editor: ProfiledEditor, command: str, did: str, **argument: Any) -> int:
    """How many files a command changed: its answer says so, or a message where that takes longer."""
    answer = editor.client.command(command, argument)
    if not answer.get("pending"):
        assert answer["left"] == []
        return len(answer["files"])
    told = message(editor, did)
    assert "left alone" not in told
    return int(told.removeprefix(f"{did} ").split()[0])


def _confirms(profile: Profile) -> bool:
    return "changeAnnotationSupport" in profile.capabilities["workspace"].get("workspaceEdit", {}) and profile.confirms
