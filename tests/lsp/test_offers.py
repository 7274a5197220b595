"""What a client with menus of its own asks for: agents and presets, chosen units, sides of files, origins of lines."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor, options, run_files
from tests.lsp.rawclient import LIMIT
from tests.lsp.test_commands import ended, refused

REVIEWS = {**CAPABILITIES, "experimental": {"fanout": {"review": True, "inputBox": False}}}
SHOWS = {**CAPABILITIES, "workspace": {**CAPABILITIES["workspace"], "textDocumentContent": {}}}


def offers(editor: Editor) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT
    while not (told := editor.client.command("fanout.offers", {})).get("complete", True):
        assert time.monotonic() < deadline, told
    return dict(told)


def content(editor: Editor, uri: str) -> str:
    answer = editor.client.call("workspace/textDocumentContent", {"uri": uri})
    assert "error" not in answer, answer
    return str(answer["result"]["text"])


def test_agents_are_offered_with_what_is_missing(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect(initializationOptions={"options": options(tmp_path)})
    told = offers(editor)
    agents = {one["name"]: one for one in told["agents"]}
    assert agents["command"] == {"name": "command", "usable": True, "chosen": True}
    assert "usable" in agents["rewrite"]
    assert not agents["rewrite"]["usable"]
    assert "rules" in agents["rewrite"]["problem"]
    assert [one["title"] for one in told["presets"]] == ["Write unit tests", "Document", "Migrate", "Review"]


def test_only_chosen_units_are_run(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    chosen = {"uris": [(checkout / name).as_uri() for name in ("src/one.py", "src/two.py")]}
    units = editor.client.command("fanout.preview", {"selection": chosen})["units"]
    only = editor.client.command("fanout.preview", {"selection": chosen, "units": [units[1]["id"]]})
    assert only["units"] == units[1:]
    asked = {"selection": chosen, "instruction": "Change {file}.", "options": options(tmp_path, apply="later")}
    run = editor.client.command("fanout.run", {**asked, "units": [units[1]["id"]]})["runId"]
    assert [one["title"] for one in ended(editor, run, "ready")["units"]] == ["src/two.py"]
    uri = editor.client.command("fanout.plan", {"selection": chosen, "units": [units[0]["id"]]})["uri"]
    text = Path(uri.removeprefix("file://")).read_text()
    assert "one.py" in text
    assert "two.py" not in text


@pytest.mark.parametrize(("units", "said"), [(["09-gone"], "no unit 09-gone"), ([], "without a unit")])
def test_units_that_are_not_there_are_refused(
    connect: MakeEditor, checkout: Path, tmp_path: Path, units: list[str], said: str
) -> None:
    editor = connect()
    chosen = {"uris": [(checkout / "src/one.py").as_uri()]}
    asked = {"selection": chosen, "instruction": "Change {file}.", "options": options(tmp_path), "units": units}
    assert said in refused(editor, "fanout.run", asked)[1]


def test_a_client_that_tells_the_end_itself_is_not_asked(connect: MakeEditor, tmp_path: Path, checkout: Path) -> None:
    editor = connect(REVIEWS)
    run = run_files(editor, tmp_path, "src/one.py")
    editor.client.wait_for("fanout/ended", lambda one: one["runId"] == run)
    ended(editor, run, "ready")
    assert editor.client.command("fanout.apply", {"runId": run, "mode": "now"})["applied"]
    assert "return 10 +" in (checkout / "src/one.py").read_text()
    assert editor.client.all("window/showMessage") == []
    now = run_files(editor, tmp_path, "src/two.py", apply="now")
    ended(editor, now, "applied")
    assert all(one["runId"] != now for one in editor.client.all("fanout/ended"))


def test_files_are_shown_as_they_were_and_as_they_became(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(SHOWS)
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", apply="later")
    first, second = (unit["id"] for unit in ended(editor, run, "ready")["units"])
    before = (checkout / "src/one.py").read_text()
    now = before.replace("return", "return 10 +")
    assert content(editor, f"fanout:/src/one.py?run={run}&side=before") == before
    assert content(editor, f"fanout:/src/one.py?run%3D{run}%26side%3Dafter") == now
    assert content(editor, f"fanout:/src/one.py?run={run}&unit={first}&side=after") == before.replace(
        "return", "return 10 +"
    )
    assert content(editor, f"fanout:/src/one.py?run={run}&unit={second}&side=after") == before
    assert content(editor, f"fanout:/extra.py?run={run}&unit={first}&side=after") == ""
    assert "no unit" in content(editor, f"fanout:/src/one.py?run={run}&unit=09-gone&side=after")


def test_texts_belong_to_the_repository_that_is_named(
    connect: MakeEditor, checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "only-here.txt").write_text("x")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "first")
    folders = [{"uri": one.as_uri(), "name": one.name} for one in (checkout, other)]
    editor = connect(workspaceFolders=folders)
    chosen = {"items": ["only-here.txt"], "folder": other.as_uri()}
    found = editor.client.command("fanout.preview", {"selection": chosen})
    assert [one["uri"] for unit in found["units"] for one in unit["targets"]] == [(other / "only-here.txt").as_uri()]
    asked = {"selection": chosen, "instruction": "Change {file}.", "options": options(tmp_path, apply="later")}
    run = editor.client.command("fanout.run", asked)["runId"]
    assert ended(editor, run, "ready")["folder"] == other.as_uri()
    wrong = {"selection": {"uris": [checkout.as_uri()], "folder": other.as_uri()}}
    assert "goes with 'selection.items'" in refused(editor, "fanout.preview", wrong)[1]


def test_lines_are_traced_to_their_unit(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(REVIEWS)
    uri = editor.did_open("src/one.py")
    run = run_files(editor, tmp_path, "src/one.py")
    ended(editor, run, "ready")
    assert editor.client.command("fanout.origins", {"uri": uri}) == {"origins": []}
    editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    ended(editor, run, "applied")
    editor.did_change(uri, "# mine\n" + editor.open[uri][1])
    (found,) = editor.client.command("fanout.origins", {"uri": uri})["origins"]
    assert (found["runId"], found["agent"]) == (run, "command")
    assert found["range"] == {"start": {"line": 2, "character": 0}, "end": {"line": 3, "character": 0}}
    assert [unit["title"] for unit in found["units"]] == ["src/one.py"]
    outside = tmp_path / "else.txt"
    outside.write_text("x")
    assert "error" in editor.client.call(
        "workspace/executeCommand", {"command": "fanout.origins", "arguments": [{"uri": outside.as_uri()}]}
    )
