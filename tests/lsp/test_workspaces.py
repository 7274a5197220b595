"""Several repositories in one workspace, the same one twice, and folders that are none (yet)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.conftest import ClientMaker
from tests.lsp.editor import CAPABILITIES, Editor, message, view_of
from tests.lsp.plans import waiting_agent
from tests.lsp.test_configuration import FOLDERS, folder


@pytest.fixture
def other(tmp_path: Path, git: GitCommand) -> Path:
    """A repository with a file of the same name as one of ``checkout``."""
    root = tmp_path / "other"
    (root / "src").mkdir(parents=True)
    git(root, "init", "-q")
    (root / "src" / "one.py").write_text("other = 1\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder in no repository."""
    root = tmp_path / "plain"
    root.mkdir()
    (root / "x.py").write_text("x = 1\n")
    return root


def connect(start: ClientMaker, *folders: Path) -> Editor:
    client = start(folders[0])
    client.initialize(folders[0], CAPABILITIES, workspaceFolders=[folder(one) for one in folders])
    return Editor(client, folders[0])


def run(editor: Editor, file: Path, command: list[str]) -> str:
    options = {"agent": "command", "command": command, "apply": "later"}
    argument = {"selection": {"uris": [file.as_uri()]}, "instruction": "Do {file}.", "options": options}
    return str(editor.client.command("fanout.run", argument)["runId"])


def said(editor: Editor, command: str, argument: dict[str, Any]) -> str:
    call = {"command": command, "arguments": [argument]}
    return str(editor.client.call("workspace/executeCommand", call)["error"]["message"])


def test_runs_of_several_repositories_go_on_side_by_side(
    start: ClientMaker, checkout: Path, other: Path, plain: Path, tmp_path: Path
) -> None:
    editor = connect(start, checkout, other, plain)
    command = waiting_agent(tmp_path)
    runs = [run(editor, root / "src" / "one.py", command) for root in (checkout, other)]
    for one in runs:
        editor.client.wait_for("$/progress", lambda told: "running" in told["value"].get("message", ""))
        assert view_of(editor, one)["state"] == "running"
    (tmp_path / "go").touch()
    for one in runs:
        message(editor, f"un {one} is ")
    listed = editor.client.command("fanout.status")["runs"]
    assert {(one["runId"], one["state"]) for one in listed} == {(one, "ready") for one in runs}
    for root, one in zip((checkout, other), runs, strict=True):
        before = (root / "src" / "one.py").read_text()
        applied = editor.client.command("fanout.apply", {"runId": one, "mode": "now"})
        assert applied["files"] == [(root / "src" / "one.py").as_uri()]
        assert (root / "src" / "one.py").read_text() == f"{before}# done\n"


def test_what_lies_in_no_repository_is_told_and_keeps_nothing_else_from_working(
    start: ClientMaker, checkout: Path, plain: Path
) -> None:
    editor = connect(start, plain, checkout)
    file = (plain / "x.py").as_uri()
    for command in ("fanout.run", "fanout.preview", "fanout.plan"):
        argument = {"selection": {"uris": [file]}, "instruction": "x"}
        text = said(editor, command, argument)
        assert f"{plain} is not in a git repository. Run 'git init'" in text
    both = {"selection": {"uris": [file, (checkout / "a.txt").as_uri()]}, "instruction": "x"}
    assert "is not in a git repository" in said(editor, "fanout.preview", both)
    # A list names no folder: the only repository of the workspace is meant.
    found = editor.client.command("fanout.preview", {"selection": {"items": ["a.txt"]}, "instruction": "x"})
    assert found["units"][0]["targets"] == [{"uri": (checkout / "a.txt").as_uri()}]
    assert editor.client.command("fanout.status")["runs"] == []


def test_a_folder_that_becomes_a_repository_is_one_from_then_on(
    start: ClientMaker, plain: Path, git: GitCommand
) -> None:
    editor = connect(start, plain)
    argument = {"selection": {"items": ["x.py"]}, "instruction": "x"}
    assert "is not in a git repository" in said(editor, "fanout.preview", argument)
    git(plain, "init", "-q")
    git(plain, "add", "-A")
    git(plain, "commit", "-qm", "first")
    found = editor.client.command("fanout.preview", argument)
    assert found["units"][0]["targets"] == [{"uri": (plain / "x.py").as_uri()}]


def test_two_folders_of_one_repository_are_one_repository(
    start: ClientMaker, checkout: Path, other: Path, tmp_path: Path
) -> None:
    editor = connect(start, checkout / "src", checkout)
    (tmp_path / "go").touch()
    one = run(editor, checkout / "src" / "one.py", waiting_agent(tmp_path))
    message(editor, f"un {one} is ")
    assert [each["runId"] for each in editor.client.command("fanout.status")["runs"]] == [one]
    event = {"added": [folder(other)], "removed": [folder(checkout / "src")]}
    editor.client.notify(FOLDERS, {"event": event})
    # The other folder still holds it.
    assert one in [each["runId"] for each in editor.client.command("fanout.status")["runs"]]
