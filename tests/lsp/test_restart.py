"""Plan documents and the runs that were not begun by this server: of one that was killed, or of the terminal."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agents.running import wait_until
from tests.lsp.conftest import ClientMaker
from tests.lsp.editor import Editor, MakeEditor, options, run_files
from tests.lsp.plans import CAPABILITIES, NAME, PlanPage, plan, waiting_agent
from tests.lsp.rawclient import LIMIT

RENAMES = {
    **CAPABILITIES,
    "workspace": {**CAPABILITIES["workspace"], "fileOperations": {"didRename": True}},
}
FANOUT = [sys.executable, "-m", "fanout_server"]


@pytest.fixture
def document(checkout: Path, tmp_path: Path) -> str:
    """A saved plan document: of its two units the second fails."""
    command = waiting_agent(tmp_path, "if 'two' in sys.argv[1]: sys.exit('cannot do it')")
    text = plan(command, "src/one.py", "src/two.py", more="attempts: 1\napply: later\n")
    (checkout / NAME).write_text(text)
    return text


def kill(editor: Editor) -> None:
    editor.client.process.send_signal(signal.SIGKILL)
    editor.client.process.wait(LIMIT)


def has(title: str) -> Callable[[list[str]], bool]:
    return lambda found: any(one.startswith(title) for one in found)


def shown(page: PlanPage) -> dict[str, Any]:
    """All that an editor shows of the last run."""
    return {
        "lenses": page.until(page.lenses, has("Apply")),
        "hints": page.hints(),
        "hovers": [page.hover("src/one.py", 2), page.hover("src/two.py", 2)],
        "findings": [(one["code"], one["message"], one["range"]) for one in failed(page)],
    }


def failed(page: PlanPage) -> list[dict[str, Any]]:
    found = page.client.wait_for(
        "textDocument/publishDiagnostics", lambda one: any(each["code"] == "unit/failed" for each in one["diagnostics"])
    )
    return list(found["diagnostics"])


def apply(page: PlanPage) -> Any:
    (lens,) = [one for one in page.ask("codeLens") if one["command"]["title"] == "Apply 1 file"]
    return page.client.command("fanout.apply", {**lens["command"]["arguments"][0], "mode": "now"})


def test_after_a_kill_the_last_run_is_shown_as_before(
    connect: MakeEditor, document: str, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    first = connect(CAPABILITIES)
    page = PlanPage(first, document)
    page.press("Run 2 units")
    before = shown(page)
    assert before["hints"][0].startswith("done")
    assert "Retry 1 failed" in before["lenses"]
    assert "Discard" in before["lenses"]
    kill(first)

    page = PlanPage(connect(CAPABILITIES), document)
    assert shown(page) == before
    assert apply(page)["applied"]
    assert page.editor.edits
    page.until(page.lenses, has("Take back"))
    page.press("Take back")
    page.until(page.lenses, has("Apply"))
    page.press("Discard")
    page.until(page.lenses, lambda found: not has("Discard")(found))
    assert page.hints() == []


def test_a_run_that_a_kill_interrupted_goes_on_where_it_was(connect: MakeEditor, document: str, tmp_path: Path) -> None:
    first = connect(CAPABILITIES)
    page = PlanPage(first, document)
    page.press("Run 2 units")
    page.until(page.hints, lambda found: len(found) == 2 and found[0].startswith("running"))
    kill(first)

    page = PlanPage(connect(CAPABILITIES), document)
    page.until(page.lenses, has("Resume"))
    (tmp_path / "go").touch()
    page.press("Resume")
    found = shown(page)
    assert [one.split()[0] for one in found["hints"]] == ["done", "failed"]
    assert len(found["findings"]) == 1


def test_a_run_of_the_terminal_is_followed_by_the_editor_that_opens_its_plan(
    connect: MakeEditor, document: str, checkout: Path, tmp_path: Path
) -> None:
    terminal = subprocess.Popen([*FANOUT, "run", f"../{NAME}"], cwd=checkout / "src", stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: run_of_the_terminal(checkout))
        page = PlanPage(connect(CAPABILITIES), document)
        page.until(page.hints, lambda found: len(found) == 2 and found[0].startswith("running"))
        page.until(page.lenses, has("Cancel"))
        (tmp_path / "go").touch()
        found = shown(page)
    finally:
        (tmp_path / "go").touch()
        status = terminal.wait(LIMIT)
    assert status == 1
    assert [one.split()[0] for one in found["hints"]] == ["done", "failed"]
    assert apply(page)["applied"]


def test_a_run_of_the_terminal_is_seen_when_the_open_plan_is_saved(
    connect: MakeEditor, document: str, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    page = PlanPage(connect(CAPABILITIES), document)
    page.until(page.lenses, has("Run 2 units"))
    assert not has("Apply")(page.lenses())
    assert subprocess.run([*FANOUT, "run", NAME], cwd=checkout, capture_output=True, check=False).returncode == 1
    page.client.notify("textDocument/didSave", {"textDocument": {"uri": page.uri}})
    page.until(page.lenses, has("Apply"))


def test_the_run_of_a_plan_that_is_renamed_stays_its_run(
    connect: MakeEditor, document: str, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    first = connect(RENAMES)
    page = PlanPage(first, document)
    page.press("Run 2 units")
    before = shown(page)
    (checkout / "plans").mkdir()
    moved = rename(page, checkout / NAME, checkout / "plans" / "new name.fanout.md", document)
    assert moved.until(moved.lenses, has("Apply")) == before["lenses"]
    assert moved.hints() == before["hints"]
    # Also its folder, which holds it without being it.
    (checkout / "plans").rename(checkout / "jobs")
    tell(first, checkout / "plans", checkout / "jobs")
    place = (checkout / "jobs" / "new name.fanout.md").as_uri()
    again = PlanPage(first, document, place)
    again.until(again.lenses, has("Apply"))
    kill(first)

    second = connect(RENAMES)
    page = PlanPage(second, document, place)
    assert shown(page) == before
    elsewhere = PlanPage(second, document)
    elsewhere.until(elsewhere.lenses, has("Run 2 units"))
    assert not has("Apply")(elsewhere.lenses())


def test_a_plan_that_is_renamed_before_anything_is_open_is_known_by_its_new_name(
    connect: MakeEditor, document: str, checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    assert subprocess.run([*FANOUT, "run", NAME], cwd=checkout, capture_output=True, check=False).returncode == 1
    editor = connect(RENAMES)
    (checkout / NAME).rename(checkout / "b.fanout.md")
    tell(editor, checkout / NAME, checkout / "b.fanout.md")
    page = PlanPage(editor, document, (checkout / "b.fanout.md").as_uri())
    page.until(page.lenses, has("Apply"))


def test_renaming_where_fanout_was_never_used_makes_nothing(start: ClientMaker, checkout: Path) -> None:
    client = start(checkout)
    can = client.initialize(checkout, RENAMES)["result"]["capabilities"]
    editor = Editor(client, checkout)
    announced = can["workspace"]["fileOperations"]["didRename"]["filters"]
    assert [one["pattern"]["glob"] for one in announced] == ["**/*.fanout.md", "**"]
    tell(editor, checkout / "src", checkout / "source")
    tell(editor, Path("/nowhere/a.fanout.md"), Path("/nowhere/b.fanout.md"))
    editor.client.notify("workspace/didRenameFiles", {"files": [{"oldUri": "untitled:a", "newUri": "x:b"}]})
    assert editor.client.shutdown() == 0
    assert not (checkout / ".git" / "fanout").exists()


def test_a_draft_finds_its_run_too(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    first = connect(CAPABILITIES)
    selection = {"uris": [(checkout / "src/one.py").as_uri()]}
    argument = {"selection": selection, "instruction": "Do {file}.", "options": options(tmp_path, apply="later")}
    uri = first.client.command("fanout.plan", argument)["uri"]
    text = Path(uri.removeprefix("file://")).read_text()
    page = PlanPage(first, text, uri)
    page.press("Run 1 unit")
    lenses = page.until(page.lenses, has("Apply"))
    kill(first)
    page = PlanPage(connect(CAPABILITIES), text, uri)
    assert page.until(page.lenses, has("Apply")) == lenses


def test_of_an_older_run_than_the_newest_the_findings_are_not_shown_again(
    connect: MakeEditor, document: str, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    first = connect(CAPABILITIES)
    page = PlanPage(first, document)
    page.press("Run 2 units")
    hints = shown(page)["hints"]
    newer = run_files(first, tmp_path, "src/one.py", apply="later")
    first.client.wait_for("window/showMessage", lambda one: newer in one["message"])
    kill(first)

    page = PlanPage(connect(CAPABILITIES), document)
    page.until(page.hints, lambda found: found == hints)
    assert page.client.shutdown() == 0
    assert not any(one["diagnostics"] for one in page.client.all("textDocument/publishDiagnostics"))


def run_of_the_terminal(checkout: Path) -> bool:
    journal = checkout / ".git" / "fanout" / "journal.db"
    if not journal.exists():
        return False
    with contextlib.closing(sqlite3.connect(journal)) as connection:
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'places'").fetchall()
        return bool(tables and connection.execute("SELECT 1 FROM places").fetchall())


def tell(editor: Editor, before: Path, now: Path) -> None:
    files = [{"oldUri": before.as_uri(), "newUri": now.as_uri()}]
    editor.client.notify("workspace/didRenameFiles", {"files": files})


def rename(page: PlanPage, before: Path, now: Path, text: str) -> PlanPage:
    """As editors do: the document of the old name is closed, one of the new name opened, and then it is told."""
    before.rename(now)
    page.client.notify("textDocument/didClose", {"textDocument": {"uri": page.uri}})
    made = PlanPage(page.editor, text, now.as_uri())
    tell(page.editor, before, now)
    return made
