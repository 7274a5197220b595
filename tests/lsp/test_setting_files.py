"""The settings files in a session: read again when they change, below the editor's own, trusted by the user alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fanout_server.setting_files import user_file
from tests.lsp.editor import Editor, MakeEditor, message
from tests.lsp.plans import CAPABILITIES, PlanPage
from tests.lsp.test_configuration import REVIEW, RULES, reviews

PROJECT = ".fanout.toml"


def write_user(text: str) -> Path:
    path = user_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def messages(editor: Editor) -> list[str]:
    return [one["message"] for one in editor.client.all("window/showMessage")]


def test_the_layers_from_the_users_file_to_the_command(connect: MakeEditor, checkout: Path) -> None:
    editor = connect(initializationOptions={"options": {"attempts": 3}})
    assert not reviews(editor)
    write_user('[options]\nreview = "agent"\n')
    assert reviews(editor)
    (checkout / PROJECT).write_text('[options]\nreview = "checks"\n')
    assert not reviews(editor)
    editor.client.notify("workspace/didChangeConfiguration", {"settings": {"fanout": REVIEW}})
    assert reviews(editor)
    argument = {"selection": {"uri": (checkout / "a.txt").as_uri()}, "options": {**RULES, "review": "none"}}
    found = editor.client.command("fanout.preview", argument)
    assert not any("'review'" in one["message"] for one in found["warnings"])
    assert messages(editor) == []


def test_what_is_wrong_is_told_once_with_file_and_line_and_mended_at_the_next_use(
    connect: MakeEditor, checkout: Path
) -> None:
    user = write_user('[options]\nreview = "agent"\njobs = "x"\n[[presets]]\ntitle = "a"\n')
    project = checkout / PROJECT
    project.write_text("[options]\nreview = \n")
    editor = connect()
    assert reviews(editor)
    assert reviews(editor)
    (told,) = messages(editor)
    assert f"{user}:3: Option 'jobs' takes a whole number" in told
    assert f"{user}:4: presets[0] needs a text as its instruction." in told
    assert f"{project}:2: This is no TOML, so nothing in the file counts: Invalid value." in told
    project.write_text('[options]\nreview = "none"\n')
    user.write_text("")
    assert not reviews(editor)
    assert len(messages(editor)) == 1


def test_a_project_runs_nothing_before_it_is_trusted(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    (checkout / PROJECT).write_text(f"[options]\nattempts = 1\nverify = {touch_of(evil)}\n")
    editor = connect()
    run(editor)
    assert not evil.exists()
    told = message(editor, "is not trusted yet")
    assert f"{checkout / PROJECT}:3: Option 'verify' was left out." in told
    write_user(f'trust = ["{checkout}"]\n')
    run(editor)
    assert evil.exists()
    evil.unlink()
    write_user("")
    # The program that is the editor's client knows what its user trusts; a project's own settings do not.
    editor.client.notify("workspace/didChangeConfiguration", {"settings": {"fanout": {"trusted": True}}})
    run(editor)
    assert not evil.exists()
    run(connect(initializationOptions={"trusted": True}))
    assert evil.exists()


def touch_of(path: Path) -> str:
    return f'["{sys.executable}", "-c", "open({str(path)!r}, chr(119))"]'


def run(editor: Editor) -> None:
    """A run of one unit that changes something, from its begin to its end."""
    rules = {"agent": "rewrite", "rewrite": [{"pattern": "return 1", "to": "return 7"}], "apply": "later"}
    selection = {"uris": [(editor.root / "src/one.py").as_uri()]}
    found = editor.client.command("fanout.run", {"selection": selection, "options": rules})["runId"]
    message(editor, f"un {found} is ")


def test_a_plan_document_knows_them_and_says_more_above_them(connect: MakeEditor, checkout: Path) -> None:
    write_user('[options]\nagent = "claude"\nreview = "agent"\n')
    rules = "rewrite:\n  - {pattern: return 1, to: return 7}\n"
    page = PlanPage(connect(CAPABILITIES), f"---\n{rules}---\n\n- src/one.py\n")
    # Its rules mean the agent that rewrites, whatever the file says.
    (found,) = page.diagnostics(bool)
    assert (found["code"], "'review'" in found["message"]) == ("preflight/no-reviewer", True)
    page.change(f"---\n{rules}review: none\n---\n\n- src/one.py\n")
    page.diagnostics(lambda codes: not codes)


def test_an_open_plan_document_is_looked_at_again_when_settings_change(connect: MakeEditor, checkout: Path) -> None:
    rules = "rewrite:\n  - {pattern: return 1, to: return 7}\n"
    page = PlanPage(connect(CAPABILITIES), f"---\n{rules}---\n\n- src/one.py\n")
    page.until(page.lenses, lambda found: found != [])
    page.client.notify("workspace/didChangeConfiguration", {"settings": {"fanout": REVIEW}})
    page.diagnostics(lambda codes: codes == ["preflight/no-reviewer"])
    page.client.notify("workspace/didChangeConfiguration", {"settings": {"fanout": None}})
    # That says nothing; an object does.
    page.client.notify("workspace/didChangeConfiguration", {"settings": {"fanout": {}}})
    seen = len(page.client.all("textDocument/publishDiagnostics"))
    page.client.wait(lambda _: len(page.client.all("textDocument/publishDiagnostics")) > seen, "diagnostics")
    write_user('[options]\nreview = "agent"\n')
    page.client.notify("textDocument/didSave", {"textDocument": {"uri": page.uri}})
    told = page.client.all("textDocument/publishDiagnostics")
    page.client.wait(lambda _: len(_found(page, told)) > 0, "the warning again")


def _found(page: PlanPage, before: list[Any]) -> list[Any]:
    after = page.client.all("textDocument/publishDiagnostics")[len(before) :]
    return [one for one in after if one["diagnostics"]]


def test_presets_of_files_are_in_the_menus(connect: MakeEditor, checkout: Path) -> None:
    write_user('[[presets]]\ntitle = "Port it"\ninstruction = "Port {item}."\n[presets.options]\njobs = 2\n')
    capabilities: dict[str, Any] = {
        **CAPABILITIES,
        "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}}},
    }
    editor = connect(capabilities)
    uri = editor.did_open("src/one.py")
    place = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 3}}
    params = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": [], "triggerKind": 1}}
    titles = [one["title"] for one in editor.client.call("textDocument/codeAction", params)["result"]]
    assert any("Port it" in title for title in titles)
    assert not any("Write unit tests" in title for title in titles)
