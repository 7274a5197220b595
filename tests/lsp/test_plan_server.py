"""Plan documents through the real server: each feature, in documents that are right, wrong, unsaved and astray."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.editor import CAPABILITIES as PLAIN
from tests.lsp.editor import MakeEditor, message
from tests.lsp.plans import CAPABILITIES, PlanPage, plan, waiting_agent
from tests.lsp.rawclient import LIMIT

WRONG = (
    "---\n"
    "agent: command\n"
    "command: ['true']\n"
    "jobbs: 3\n"
    "---\n"
    "\U0001f600 Do it to {file}, {fil}.\n"
    "\n"
    "- src/one.py\n"
    "- src/*.py\n"
    "- src/\U0001f600.py\n"
    "- src/*.rs\n"
)


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [one["code"] for one in found]


def test_all_that_is_wrong_is_shown_at_its_place_while_you_type_and_goes_when_it_is_mended(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), WRONG)
    found = page.diagnostics(bool)
    assert codes(found) == [
        "plan/unknown-option",
        "plan/unknown-variable",
        "preflight/duplicate",
        "preflight/missing",
        "preflight/empty-glob",
    ]
    assert found[1]["range"] == {"start": page.at("{fil}"), "end": page.at("{fil}", 5)}
    assert found[3]["range"] == {"start": page.at("src/\U0001f600"), "end": page.at("\U0001f600.py", 4)}
    page.change(WRONG.replace("jobbs", "jobs").replace(", {fil}", ""))
    assert codes(page.diagnostics(lambda told: "plan/unknown-option" not in told))[0] == "preflight/duplicate"
    page.change("---\nagent: command\ncommand: ['true']\n---\nDo it to {file}.\n\n- src/one.py\n")
    assert page.diagnostics(lambda told: not told) == []


def test_what_was_shown_of_a_document_goes_when_it_is_closed(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), WRONG)
    page.diagnostics(bool)
    page.client.notify("textDocument/didClose", {"textDocument": {"uri": page.uri}})
    page.diagnostics(lambda told: not told)
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 9, "character": 0}}
    assert page.ask("hover", position=page.at("src/one.py")) is None
    assert page.ask("inlayHint", range=whole) is None


def test_a_file_that_comes_is_seen_when_something_is_saved(connect: MakeEditor, checkout: Path) -> None:
    page = PlanPage(connect(CAPABILITIES), plan(["true"], "src/one.py", "src/new.py"))
    assert codes(page.diagnostics(bool)) == ["preflight/missing"]
    (checkout / "src/new.py").write_text("new\n")
    uri = (checkout / "src/new.py").as_uri()
    item = {"uri": uri, "languageId": "python", "version": 1, "text": "new\n"}
    page.client.notify("textDocument/didOpen", {"textDocument": item})
    page.client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    page.diagnostics(lambda told: not told)


def test_without_instruction_units_or_repository_it_says_so(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(CAPABILITIES)
    page = PlanPage(editor, "")
    assert codes(page.diagnostics(bool)) == ["plan/no-instruction", "plan/no-units"]
    page.change("- src/one.py\n")
    assert codes(page.diagnostics(lambda told: told == ["plan/no-instruction"])) == ["plan/no-instruction"]
    outside = tmp_path / "outside"
    outside.mkdir()
    page = PlanPage(editor, plan(["true"], "a.py"), (outside / "x.fanout.md").as_uri())
    found = page.diagnostics(bool)
    assert codes(found) == ["plan/no-repository"]
    assert "not in a git repository" in found[0]["message"]
    assert page.hover("agent").startswith("**agent**")
    assert page.hints() == []
    assert page.lenses() == []
    assert page.complete("- a.py", 2) == []
    assert page.ask("documentLink") == []
    assert page.client.all("window/showMessage") == []


def test_a_plan_that_is_not_saved_yet_is_one_by_its_language(connect: MakeEditor) -> None:
    editor = connect(CAPABILITIES)
    page = PlanPage(editor, plan(["true"], "src/one.py", "no.py"), "untitled:Untitled-1", "fanout")
    found = page.diagnostics(bool)
    assert codes(found) == ["preflight/missing"]
    assert found[0]["range"]["start"] == page.at("no.py")
    assert page.lenses() == ["Run 1 unit", "Preview"]
    assert "src/one.py" in page.hover("- src/one", 3)
    other = PlanPage(editor, plan(["true"], "src/one.py"), "untitled:Untitled-2", "markdown")
    assert other.hover("agent") == ""
    assert other.ask("codeLens") is None
    assert other.ask("foldingRange") is None


def test_a_half_written_header_gets_answers(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), "---\nagent: [claude\njo")
    assert codes(page.diagnostics(bool)) == ["plan/front-matter", "plan/no-units"]
    assert "jobs" in [one["label"] for one in page.complete("\njo", 3)]
    page.change("---\nagent: [claude\n---\nDo {file}.\n\n- src/*.py\n")
    assert "**2 units**" in page.hover("- src", 4)
    assert page.hints() == ["2 units"]
    assert page.lenses() == []
    assert page.ask("formatting", options={"tabSize": 2, "insertSpaces": True}) == []
    assert page.ask("semanticTokens/full")["data"]
    assert page.client.all("window/showMessage") == []


def test_a_hover_tells_of_items_options_and_variables(connect: MakeEditor) -> None:
    text = plan(["true"], "src/one.py: also this", "*.txt", "gone.py", more='owns: ["{stem}.txt"]\n')
    page = PlanPage(connect(CAPABILITIES), text)
    item = page.hover("src/one.py: also", 2)
    assert "src/one.py" in item
    assert "`one.txt`" in item
    assert "Change src/one.py.\n\nAlso: also this" in item
    assert "- `a.txt`\n- `b.txt`" in page.hover("*.txt", 2)
    assert page.hover("gone.py", 2) == "There is no file gone.py. Check its spelling."
    assert "What a unit may write" in page.hover("owns")
    assert "`src/one.py`: `one`" in page.hover("{stem}", 2)
    assert page.hover("Change") == ""


def test_completion_offers_keys_values_variables_and_paths(connect: MakeEditor, checkout: Path) -> None:
    (checkout / "src/odd: name.py").write_text("x")
    text = "---\nagent: c\nap\n---\nDo {f.\n\n- src/\n- tw\n"
    page = PlanPage(connect(CAPABILITIES), text)

    def labels(part: str, after: int) -> list[str]:
        return [one["label"] for one in page.complete(part, after)]

    assert "claude" in labels("agent: c", 8)
    keys = page.complete("\nap\n", 3)
    assert "agent" not in [one["label"] for one in keys]
    apply = next(one for one in keys if one["label"] == "apply")
    assert apply["textEdit"]["newText"] == "apply: "
    assert "**apply**" in apply["documentation"]["value"]
    assert labels("{f", 2)[0] == "{file}"
    assert labels("- src/", 6) == ["src/odd: name.py", "src/one.py", "src/two.py"]
    odd = page.complete("- src/", 6)[0]
    assert odd["textEdit"]["newText"] == '"src/odd: name.py"'
    assert labels("- tw", 4) == ["src/two.py"]
    assert page.complete("- tw", 4)[0]["filterText"].startswith("tw")


def test_symbols_foldings_links_tokens_and_formatting(connect: MakeEditor, checkout: Path) -> None:
    header = "---\njobs:   3\nagent: command\ncommand: ['true']\n---\n"
    text = f"{header}\nDo it to {{file}}.\nTwo lines.\n\n- src/one.py\n- src/*.py\n"
    page = PlanPage(connect(CAPABILITIES), text)
    symbols = page.ask("documentSymbol")
    assert [one["name"] for one in symbols] == ["Options", "Do it to {file}.", "src/one.py", "src/*.py"]
    assert [one["name"] for one in symbols[0]["children"]] == ["jobs", "agent", "command"]
    assert [(one["startLine"], one["endLine"]) for one in page.ask("foldingRange")] == [(0, 4), (6, 7), (9, 10)]
    (link,) = page.ask("documentLink")
    assert link["target"] == (checkout / "src/one.py").as_uri()
    assert link["range"] == {"start": page.at("src/one.py"), "end": page.at("src/one.py", 10)}
    full = page.ask("semanticTokens/full")["data"]
    assert full[:5] == [1, 0, 4, 0, 0]
    line = {"start": {"line": 9, "character": 0}, "end": {"line": 9, "character": 5}}
    assert page.ask("semanticTokens/range", range=line)["data"] == [9, 2, 10, 3, 0]
    edits = page.ask("formatting", options={"tabSize": 2, "insertSpaces": True})
    assert [one["newText"] for one in edits] == ["---\nagent: command\ncommand: ['true']\njobs: 3\n---\n", ""]


def test_a_client_that_knows_less_gets_plain_forms(connect: MakeEditor) -> None:
    editor = connect({"textDocument": {"hover": {"contentFormat": ["plaintext"]}}})
    page = PlanPage(editor, plan(["true"], "src/one.py"))
    found = page.ask("hover", position=page.at("agent"))
    assert found["contents"]["kind"] == "plaintext"
    flat = page.ask("documentSymbol")
    assert [(one["name"], one.get("containerName")) for one in flat][:2] == [("Options", None), ("agent", "Options")]
    place = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}}
    actions = page.ask("codeAction", range=place, context={"diagnostics": []})
    assert [one["command"] for one in actions] == ["fanout.run", "fanout.preview"]


def test_features_are_announced_or_registered_but_never_both(connect: MakeEditor) -> None:
    static = connect(CAPABILITIES).client.received[0]["result"]["capabilities"]
    assert static["hoverProvider"]
    assert static["codeActionProvider"]["resolveProvider"] is True
    names = ("hover", "completion", "codeLens", "inlayHint", "semanticTokens", "formatting")
    dynamic: dict[str, Any] = {name: {"dynamicRegistration": True} for name in names}
    dynamic["semanticTokens"] |= {"requests": {}, "tokenTypes": [], "tokenModifiers": [], "formats": ["relative"]}
    editor = connect({"textDocument": dynamic})
    announced = editor.client.received[0]["result"]["capabilities"]
    for key in ("hoverProvider", "completionProvider", "codeLensProvider", "inlayHintProvider"):
        assert announced.get(key) is None
    assert announced["foldingRangeProvider"]
    registered = editor.client.wait_for("client/registerCapability")["registrations"]
    assert {one["method"] for one in registered} == {
        "textDocument/hover",
        "textDocument/completion",
        "textDocument/codeLens",
        "textDocument/inlayHint",
        "textDocument/semanticTokens",
        "textDocument/formatting",
    }
    for one in registered:
        assert one["registerOptions"]["documentSelector"] == [{"language": "fanout"}, {"pattern": "**/*.fanout.md"}]
    page = PlanPage(editor, plan(["true"], "src/one.py"))
    assert page.lenses() == ["Run 1 unit", "Preview"]
    assert page.ask("semanticTokens/full")["data"]


def test_other_documents_get_null(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), "text", "untitled:x", "plaintext")
    place = {"line": 0, "character": 0}
    for method in ("hover", "completion"):
        assert page.ask(method, position=place) is None
    for method in ("codeLens", "documentSymbol", "foldingRange", "documentLink", "semanticTokens/full"):
        assert page.ask(method) is None
    assert page.ask("codeAction", range={"start": place, "end": place}, context={"diagnostics": []}) == []


def test_a_run_is_seen_in_the_document_from_its_start_to_its_end(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    text = plan(waiting_agent(tmp_path), "src/one.py", "src/two.py", "*.txt", more="jobs: 1\napply: later\n")
    page = PlanPage(connect(CAPABILITIES), text)
    assert page.lenses() == ["Run 4 units", "Preview"]
    assert page.hints() == ["2 units"]
    page.press("Run")
    hints = page.until(page.hints, lambda told: told[:1] and told[0].startswith("running 0:0"))
    assert hints[1:] == ["queued", "0/2 done"]
    page.until(
        lambda: page.hover("src/one.py", 1), lambda told: "Log:\n```text\nthinking about src/one.py\n```" in told
    )
    lenses = page.until(page.lenses, lambda told: told[0] == "Cancel (0/4 done, 1 running)")
    assert lenses[1:] == ["Preview"]
    # What is typed meanwhile moves the items; their units stay theirs.
    page.change(text.replace("Change", "One more line.\nChange"))
    assert page.hints()[1:] == ["queued", "0/2 done"]
    (tmp_path / "go").touch()
    hints = page.until(page.hints, lambda told: all("done" in one for one in told) and told[2] == "2/2 done")
    assert hints[0].startswith("done 0:")
    lenses = page.until(page.lenses, lambda told: told[0].startswith("Apply"))
    assert lenses == ["Apply 4 files", "Show diff", "Discard", "Run 4 units", "Preview"]
    page.client.command("fanout.apply", {**page.ask("codeLens")[0]["command"]["arguments"][0], "mode": "now"})
    lenses = page.until(page.lenses, lambda told: told[0] == "Take back")
    assert lenses == ["Take back", "Run 4 units", "Preview"]
    assert (checkout / "src/one.py").read_text().endswith("# done\n")


def test_a_run_is_cancelled_tried_again_and_discarded_by_its_lenses(connect: MakeEditor, tmp_path: Path) -> None:
    fails = waiting_agent(tmp_path, "sys.exit(3) if 'two' in sys.argv[1] else None")
    page = PlanPage(connect(CAPABILITIES), plan(fails, "src/one.py", "src/two.py", more="attempts: 1\napply: later\n"))
    page.press("Run")
    page.until(page.lenses, lambda told: told[0].startswith("Cancel (0/2 done, 2 running"))
    page.press("Cancel")
    lenses = page.until(page.lenses, lambda told: not told[0].startswith("Cancel"))
    assert lenses == ["Retry 2 cancelled", "Discard", "Run 2 units", "Preview"]
    (tmp_path / "go").touch()
    page.press("Retry")
    lenses = page.until(page.lenses, lambda told: "Apply 1 file" in told)
    assert lenses == ["Apply 1 file", "Show diff", "Retry 1 failed", "Discard", "Run 2 units", "Preview"]
    hints = page.hints()
    assert hints[0].startswith("done")
    assert hints[1].startswith("failed")
    assert "exit status 3" in page.hover("src/two.py", 1)
    page.press("Discard")
    assert page.until(page.lenses, lambda told: told[0].startswith("Run")) == ["Run 2 units", "Preview"]
    assert page.hints() == []


def test_a_preview_is_a_document_to_read(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), plan(["true"], "src/*.py"))
    page.press("Preview")
    path = Path(message(page.editor, "Written to ").removeprefix("Written to "))
    told = path.read_text()
    assert told.startswith("# 2 units, $0.00\n")
    assert "Change src/two.py." in told


def test_code_actions_are_those_that_are_asked_for(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), plan(["true"], "src/one.py"))
    place = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}}

    def titles(*only: str) -> list[str]:
        context: dict[str, Any] = {"diagnostics": [], **({"only": list(only)} if only else {})}
        return [one["title"] for one in page.ask("codeAction", range=place, context=context)]

    every = ["fanout: Run 1 unit", "fanout: Preview"]
    assert titles() == every
    assert titles("refactor") == every
    assert titles("quickfix", "refactor.rewrite.fanout") == every
    assert titles("quickfix") == []
    assert titles("refactor.rewrite.fan") == []


def test_an_editor_that_never_answers_a_refresh_is_still_served(connect: MakeEditor, tmp_path: Path) -> None:
    editor = connect({**PLAIN, **CAPABILITIES})
    editor.client.hold("workspace/inlayHint/refresh")
    editor.client.hold("workspace/codeLens/refresh")
    (tmp_path / "go").touch()
    page = PlanPage(editor, plan(waiting_agent(tmp_path), "src/one.py", more="apply: now\n"))
    page.press("Run")
    message(editor, "Applied 1 file")
    # One is out, and no other until it is answered.
    assert len(editor.client.all("workspace/inlayHint/refresh")) <= 2
    deadline = time.monotonic() + LIMIT
    while not any(hint.startswith("done") for hint in page.hints()):
        assert time.monotonic() < deadline


def test_remarks_on_the_plan_stand_there_once_and_go_when_they_are_mended(connect: MakeEditor, tmp_path: Path) -> None:
    text = plan(waiting_agent(tmp_path), "src/one.py", "gone.py", more="apply: later\n")
    page = PlanPage(connect(CAPABILITIES), text)
    page.press("Run")
    page.until(page.lenses, lambda told: told[0].startswith("Cancel (0/1 done, 1 running"))
    # The run may be quicker than the look at its plan; what was never said need not go.
    page.diagnostics(bool)
    page.change(text.replace("- gone.py\n", ""))
    page.diagnostics(lambda told: not told)
    (tmp_path / "go").touch()
    page.until(page.lenses, lambda told: told[0].startswith("Apply"))
    published = [one for one in page.client.all("textDocument/publishDiagnostics") if one["uri"] == page.uri]
    # Where the plan is looked at late, its remark first moves with the text.
    told = [key for key, _ in itertools.groupby(codes(one["diagnostics"]) for one in published)]
    assert told == [["preflight/missing"], []]


def test_a_run_that_cannot_begin_leaves_the_document_as_it_was_each_time(connect: MakeEditor, checkout: Path) -> None:
    (checkout / "big.bin").write_bytes(b"x" * 5000)
    page = PlanPage(connect(CAPABILITIES), plan(["true"], "src/one.py", more="untracked_limit: 1kB\n"))
    for number in (1, 2):
        page.press("Run")
        message(page.editor, "big.bin")
        page.until(lambda: len(page.client.all("window/showMessage")), number.__le__)
        assert page.until(page.lenses, lambda told: told[0].startswith("Run")) == ["Run 1 unit", "Preview"]


def test_a_preview_takes_true_or_false(connect: MakeEditor) -> None:
    page = PlanPage(connect(CAPABILITIES), plan(["true"], "src/one.py"))
    argument: dict[str, Any] = {"plan": page.uri, "show": "yes"}
    answer = page.client.call("workspace/executeCommand", {"command": "fanout.preview", "arguments": [argument]})
    assert answer["error"]["message"] == "'show' of fanout.preview should be true or false, but is a string."
    argument = {"plan": page.uri, "show": True}
    answer = page.client.call("workspace/executeCommand", {"command": "fanout.run", "arguments": [argument]})
    assert "has no key 'show'" in answer["error"]["message"]


@pytest.mark.parametrize(("encoding", "width"), [("utf-8", 4), ("utf-16", 2), ("utf-32", 1)])
def test_places_are_counted_as_the_client_counts(
    connect: MakeEditor, checkout: Path, encoding: str, width: int
) -> None:
    name = "\U0001f600.py"
    (checkout / name).write_text("x")
    page = PlanPage(connect({"general": {"positionEncodings": [encoding]}}), f"Do {{file}}.\n\n-  {name}: \U0001f600\n")
    wanted = {"start": {"line": 2, "character": 3}, "end": {"line": 2, "character": 3 + width + 3}}
    (link,) = page.ask("documentLink")
    assert link["range"] == wanted
    note = {"line": 2, "character": 3 + width + 3 + 2 + width}
    assert page.ask("hover", position=note)["range"] == {"start": wanted["start"], "end": note}
    assert page.ask("semanticTokens/full")["data"][-5:] == [2, 3, width + 3, 3, 0]
    (edit,) = page.ask("formatting", options={"tabSize": 2, "insertSpaces": True})
    assert edit["range"] == {"start": {"line": 2, "character": 0}, "end": {"line": 3, "character": 0}}
    offered = page.ask("completion", position={"line": 2, "character": 3 + width})
    assert offered["items"][0]["textEdit"]["range"]["end"] == {"line": 2, "character": 3 + width}
    page.change(f"Do {{file}}.\n\n- {name}: a\n- {name}: b\n")
    found = page.diagnostics(lambda told: "preflight/shared-file" in told)
    assert found[0]["range"]["end"]["character"] == 2 + width + 3


def test_what_need_not_be_done_again_is_shown_before_it_is_run(connect: MakeEditor, checkout: Path) -> None:
    script = "echo more >> $1"
    command = ["sh", "-c", script, "agent", "{file}"]
    editor = connect(CAPABILITIES)
    page = PlanPage(editor, plan(command, "src/one.py", "src/two.py", "*.txt", more="apply: later\n"))
    page.press("Run 4 units")
    page.until(page.hints, lambda hints: hints[0].startswith("done 0:00"))
    run = editor.client.command("fanout.status")["runs"][0]["runId"]
    editor.client.wait_for("window/showMessage", lambda one: f"Run {run}" in one["message"])
    page.until(page.hints, lambda hints: hints[0].endswith(", kept") and hints[2].endswith(", 2 kept"))
    (told,) = [one for one in page.diagnostics(lambda found: "preflight/kept" in found) if "kept" in one["code"]]
    assert "4 of 4 units need not be done again" in told["message"]
    assert told["range"]["start"] == page.at("src/one.py")
    assert [one["kept"] for one in page.preview()["units"]] == [run] * 4
    (checkout / "a.txt").write_text("other\n")
    page.change(page.text.replace("- src/two.py\n", "- src/two.py: otherwise\n"))
    page.until(page.hints, lambda hints: hints[1:] == ["2 units, 1 kept"] or hints[-1].endswith(", 1 kept"))
    page.press("Run 4 units")
    page.until(page.hints, lambda hints: hints[0] == f"done, of run {run}")
    (second, _) = editor.client.command("fanout.status")["runs"]
    assert [one.get("kept") for one in second["units"]] == [run, None, None, run]
