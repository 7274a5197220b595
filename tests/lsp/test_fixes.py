"""What can be done about findings and results in an editor without a plugin: quick fixes and other code actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GitCommand
from tests.lsp.conftest import ClientMaker
from tests.lsp.editor import ACTIONS, CAPABILITIES, Editor, MakeEditor, message, run_files, view_of
from tests.lsp.profiles import PROFILES, Profile

TYPED = "import os\n\n\ndef two():\n    return 'typed'\n"
# In both the run's other change, at the end of the file, comes in.
AGENT = "sed -i 's/return/return 10 +/; $ a # the end' $0"
RESOLVING = {**CAPABILITIES, "textDocument": ACTIONS}
EAGER = {
    **CAPABILITIES,
    "textDocument": {"codeAction": {**ACTIONS["codeAction"], "resolveSupport": None, "dataSupport": False}},
}
BASE = "import os\n\n\ndef two():\n    return 2\n\n\n# last\n"


def diagnostics(editor: Editor, uri: str, code: str, *, gone: bool = False) -> list[dict[str, Any]]:
    """Those that the editor shows for a document, once one of this code is among them, or is so no more."""

    def is_so(_: Any) -> bool:
        sent = [one for one in editor.client.all("textDocument/publishDiagnostics") if one["uri"] == uri]
        return bool(sent) and any(one["code"] == code for one in sent[-1]["diagnostics"]) is not gone

    editor.client.wait(lambda one: one.get("method") == "textDocument/publishDiagnostics" and is_so(one), code)
    sent = [one for one in editor.client.all("textDocument/publishDiagnostics") if one["uri"] == uri]
    return list(sent[-1]["diagnostics"])


def conflict(editor: Editor, checkout: Path, tmp_path: Path) -> tuple[str, str]:
    """A run whose result for src/two.py does not fit what was typed; its id and the document's uri."""
    (checkout / "src/two.py").write_text(BASE)
    uri = editor.did_open("src/two.py")
    command = ["sh", "-c", AGENT, "{file}"]
    run = run_files(editor, tmp_path, "src/two.py", command=command, apply="later")
    message(editor, "is ready")
    editor.did_change(uri, BASE.replace("2", "'typed'"))
    answer = editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    assert [one["code"] for one in answer["left"]] == ["merge/conflict"]
    (shown,) = diagnostics(editor, uri, "merge/conflict")
    assert shown["range"]["start"]["line"] == 4
    return run, uri


@pytest.mark.parametrize("capabilities", [RESOLVING, EAGER], ids=["resolve", "at once"])
@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("Keep what I have", "    return 'typed'\n"),
        ("Take the other side", "    return 10 + 2\n"),
        ("Keep both", "    return 'typed'\n    return 10 + 2\n"),
    ],
)
def test_a_conflict_is_settled_by_a_choice(
    connect: MakeEditor, checkout: Path, tmp_path: Path, capabilities: Any, title: str, lines: str
) -> None:
    editor = connect(capabilities)
    run, uri = conflict(editor, checkout, tmp_path)
    fix = editor.action(uri, title, 4)
    assert fix["kind"] == "quickfix"
    assert fix["diagnostics"][0]["code"] == "merge/conflict"
    assert ("edit" in fix) is (capabilities is EAGER)
    assert editor.do(fix) == {}
    assert editor.open[uri][1] == BASE.replace("    return 2\n", lines) + "# the end\n"
    assert diagnostics(editor, uri, "merge/conflict", gone=True) == []
    assert view_of(editor, run)["findings"] == []
    assert [one for one in editor.actions(uri, 4) if "quickfix" in one["kind"]] == []
    # Not only here: another server finds it settled too.
    again = connect(capabilities)
    assert view_of(again, run)["findings"] == []


def test_the_other_side_that_deletes_the_file_or_was_deleted_by_the_user(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(RESOLVING)
    one, two = checkout / "src/one.py", checkout / "src/two.py"
    script = "case $0 in *one.py) rm $0;; *) echo '# more' >> $0;; esac"
    command = ["sh", "-c", script, "{file}"]
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=command, apply="later")
    message(editor, "is ready")
    one.write_text("typed\n")
    two.unlink()
    answer = editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    assert len(answer["left"]) == 2
    editor.do(editor.action(one.as_uri(), "Take the other side"))
    assert not one.exists()
    editor.do(editor.action(two.as_uri(), "Take the other side"))
    assert two.read_text() == "def two():\n    return 2\n# more\n"
    assert view_of(editor, run)["findings"] == []


def test_what_was_typed_into_a_change_is_chosen_when_the_run_is_taken_back(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(RESOLVING)
    uri = editor.did_open("src/one.py")
    run = run_files(editor, tmp_path, "src/one.py", apply="now")
    message(editor, "Applied 1 file")
    editor.did_change(uri, "def one():\n    return 10 + 1 + typed\n")
    (left,) = editor.client.command("fanout.revert", {"runId": run})["left"]
    assert "was not taken back" in left["message"]
    diagnostics(editor, uri, "merge/conflict")
    assert editor.open[uri][1] == "def one():\n    return 10 + 1 + typed\n"
    editor.do(editor.action(uri, "Take the other side", 1))
    assert editor.open[uri][1] == "def one():\n    return 1\n"
    diagnostics(editor, uri, "merge/conflict", gone=True)


def test_of_two_units_that_do_not_fit_the_other_ones_part_can_be_had(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(RESOLVING)
    uri = editor.did_open("a.txt")
    script = 'sed -i "s,beta,$0," a.txt'
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=["sh", "-c", script, "{file}"], apply="now")
    message(editor, "Applied")
    assert editor.open[uri][1] == "alpha\nsrc/one.py\ngamma\n"
    (shown, *_) = [one for one in diagnostics(editor, uri, "merge/conflict") if one["code"] == "merge/conflict"]
    assert shown["data"]["units"] == ["02-two", "01-one"]
    editor.do(editor.action(uri, "Keep both"))
    assert editor.open[uri][1] == "alpha\nsrc/one.py\nsrc/two.py\ngamma\n"
    assert "merge/conflict" not in [one["code"] for one in view_of(editor, run)["findings"]]


@pytest.mark.parametrize("capabilities", [RESOLVING, EAGER], ids=["resolve", "at once"])
def test_what_a_unit_wrote_and_does_not_own_can_be_had(
    connect: MakeEditor, checkout: Path, tmp_path: Path, capabilities: Any
) -> None:
    editor = connect(capabilities)
    run = run_files(editor, tmp_path, "src/two.py", apply="now", owns=["{file}"])
    message(editor, "Applied 1 file")
    extra = checkout / "extra.py"
    diagnostics(editor, extra.as_uri(), "unit/out-of-scope")
    assert not extra.exists()
    editor.do(editor.action(extra.as_uri(), "Take what was left out"))
    assert extra.read_text() == "made by the unit of two.py\n"
    diagnostics(editor, extra.as_uri(), "unit/out-of-scope", gone=True)
    assert view_of(editor, run)["findings"] == []


def test_a_fix_that_is_out_of_date_or_was_not_made_is_refused(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(RESOLVING)
    _, uri = conflict(editor, checkout, tmp_path)
    fix = editor.action(uri, "Take the other side", 4)
    editor.type(uri, (0, 0), "# hello\n")
    error = editor.client.call("codeAction/resolve", fix)["error"]
    assert error["code"] == -32803
    assert error["message"].startswith("You typed in the file since this fix was offered.")
    # Its place has moved with the text.
    fix = editor.action(uri, "Take the other side", 5)
    resolved = editor.client.call("codeAction/resolve", fix)["result"]
    (change,) = resolved["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": editor.open[uri][0]}
    params = {"command": "fanout.dismiss", "arguments": resolved["command"]["arguments"]}
    assert editor.client.call("workspace/executeCommand", params)["result"] == {"pending": True}
    message(editor, "The editor did not make that change, so its finding stays.")
    assert [one["code"] for one in diagnostics(editor, uri, "merge/conflict")] == ["merge/conflict"]
    editor.do(fix)
    error = editor.client.call("codeAction/resolve", fix)["error"]
    assert error["message"] == "What this fix was for is settled by now, so nothing was changed."
    error = editor.client.call("workspace/executeCommand", params)["error"]
    assert "has no finding" in error["message"]


def test_a_failed_unit_is_done_again_and_its_log_shown(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(RESOLVING)
    marker = tmp_path / "marker"
    command = ["sh", "-c", f"test -e {marker} && echo x >> $0 || {{ echo no luck; false; }}", "{file}"]
    run = run_files(editor, tmp_path, "src/one.py", command=command, apply="later", attempts=1)
    message(editor, "failed")
    uri = (checkout / "src/one.py").as_uri()
    diagnostics(editor, uri, "unit/failed")
    editor.client.handlers["window/showDocument"] = lambda _: {"success": True}
    shown = editor.do(editor.action(uri, "Show the log of unit 01-one"))
    assert "no luck" in Path(shown["uri"].removeprefix("file://")).read_text()
    marker.touch()
    assert editor.do(editor.action(uri, "Do unit 01-one again")) == {"runId": run}
    message(editor, "is ready")
    assert diagnostics(editor, uri, "unit/failed", gone=True) == []


def test_a_change_that_was_not_taken_is_applied_again(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(RESOLVING)
    one, two = editor.did_open("src/one.py"), editor.did_open("src/two.py")
    editor.takes = lambda change: change["textDocument"]["uri"] == one
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", apply="now", owns=["{file}"])
    message(editor, "1 left alone")
    diagnostics(editor, two, "apply/not-taken")
    editor.takes = lambda _: True
    answer = editor.do(editor.action(two, "Apply the change of this file again"))
    assert answer["files"] == [two]
    assert editor.open[two][1] == "def two():\n    return 10 + 2\n"
    assert "apply/not-taken" not in [found["code"] for found in diagnostics(editor, two, "apply/not-taken", gone=True)]
    assert "apply/not-taken" not in [found["code"] for found in view_of(editor, run)["findings"]]


def test_what_is_later_is_applied_from_its_files_in_parts_and_taken_back(
    connect: MakeEditor, checkout: Path, tmp_path: Path
) -> None:
    editor = connect(RESOLVING)
    editor.client.handlers["window/showMessageRequest"] = lambda _: {"title": "Later"}
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py")
    assert message(editor, "kept as it is").startswith(f"Run {run} is kept as it is:")
    one, two = ((checkout / f"src/{name}.py").as_uri() for name in ("one", "two"))
    assert editor.actions((checkout / "a.txt").as_uri()) == []
    titles = [found["title"] for found in editor.actions(two, only="refactor.rewrite")]
    assert titles == [
        f"fanout: Apply run {run} to this file",
        "fanout: Apply unit 02-two (src/two.py)",
        f"fanout: Apply run {run} without unit 02-two (src/two.py)",
        f"fanout: Apply all of run {run} (3 files)",
        f"fanout: Show the diff of run {run}",
        f"fanout: Discard run {run}",
    ]
    assert editor.actions(two, only="quickfix") == []
    assert editor.do(editor.action(two, "to this file"))["files"] == [two]
    assert (checkout / "src/two.py").read_text() == "def two():\n    return 10 + 2\n"
    assert not (checkout / "extra.py").exists()
    titles = [found["title"] for found in editor.actions(one)]
    assert f"fanout: Apply the rest of run {run} (2 files)" in titles
    assert not any("to this file" in found["title"] for found in editor.actions(two))
    assert len(editor.do(editor.action(one, "the rest of"))["files"]) == 2
    assert (checkout / "extra.py").exists()
    assert len(editor.do(editor.action(one, "Take back"))["files"]) == 3
    assert (checkout / "src/one.py").read_text() == "def one():\n    return 1\n"
    editor.do(editor.action(one, "Discard run"))
    assert editor.actions(one) == []


def test_an_editor_that_knows_only_commands_gets_those(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    run, uri = conflict(editor, checkout, tmp_path)
    found = editor.actions(uri, 4)
    assert all(isinstance(one["command"], str) for one in found)
    assert [one["title"] for one in found if one["command"] == "fanout.discard"] == [f"fanout: Discard run {run}"]
    (both,) = [one for one in found if "Keep both" in one["title"]]
    assert editor.client.command(both["command"], both["arguments"][0]) == {}
    assert (
        editor.open[uri][1] == BASE.replace("    return 2\n", "    return 'typed'\n    return 10 + 2\n") + "# the end\n"
    )
    assert view_of(editor, run)["findings"] == []


def test_runs_that_wait_are_offered_the_newest_first(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect(RESOLVING)
    runs: list[str] = []
    for _ in range(4):
        runs.append(run_files(editor, tmp_path, "src/one.py", apply="later"))
        message(editor, f"Run {runs[-1]} is ready")
    uri = (checkout / "src/one.py").as_uri()
    titles = [one["title"] for one in editor.actions(uri) if "to this file" in one["title"]]
    assert titles == [f"fanout: Apply run {run} to this file" for run in reversed(runs[1:])]
    editor.client.command("fanout.discard", {"runId": runs[2]})
    titles = [one["title"] for one in editor.actions(uri) if "to this file" in one["title"]]
    assert titles == [f"fanout: Apply run {run} to this file" for run in (runs[3], runs[1], runs[0])]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_a_conflict_in_every_editor(
    profile: Profile, start: ClientMaker, checkout: Path, tmp_path: Path, git: GitCommand
) -> None:
    (checkout / "src/two.py").write_text(BASE)
    editor = profile.play(start(checkout), checkout)
    uri = editor.did_open("src/two.py")
    run = run_files(editor, tmp_path, "src/two.py", command=["sh", "-c", AGENT, "{file}"], apply="later")
    message(editor, "is ready")
    editor.did_change(uri, BASE.replace("2", "'typed'"))
    editor.save_all()
    editor.client.command("fanout.apply", {"runId": run, "mode": "now"})
    diagnostics(editor, uri, "merge/conflict")
    fix = editor.action(uri, "Keep both", 4)
    if isinstance(fix["command"], str):
        editor.client.command(fix["command"], fix["arguments"][0])
    else:
        editor.do(fix)
    diagnostics(editor, uri, "merge/conflict", gone=True)
    if isinstance(fix["command"], str):
        # The server made it, and what it replaced is kept.
        kept = git(checkout, "for-each-ref", "--format=%(refname)", f"refs/fanout/{run}/applies").splitlines()
        assert "    return 'typed'" in git(checkout, "show", f"{kept[-1]}^:src/two.py").splitlines()
    if not profile.capabilities["workspace"]["applyEdit"]:
        editor.read_again()
    made = BASE.replace("    return 2\n", "    return 'typed'\n    return 10 + 2\n") + "# the end\n"
    assert editor.text_of("src/two.py") == made
    assert view_of(editor, run)["findings"] == []
    assert editor.client.shutdown() == 0
    assert editor.client.stderr() == ""


def test_files_of_a_run_are_applied_and_strange_ones_named(connect: MakeEditor, checkout: Path, tmp_path: Path) -> None:
    editor = connect()
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", apply="later")
    message(editor, "is ready")
    one, extra = (checkout / "src/one.py").as_uri(), (checkout / "extra.py").as_uri()
    argument = {"runId": run, "files": [extra, one], "mode": "now"}
    assert sorted(editor.client.command("fanout.apply", argument)["files"]) == [extra, one]
    assert (checkout / "src/two.py").read_text() == "def two():\n    return 2\n"
    for files, said in (
        ([(checkout / "b.txt").as_uri()], "has no change of b.txt to apply"),
        ([tmp_path.as_uri()], "is no file of the repository at"),
        (["untitled:x"], "untitled:x is no file of the repository at"),
    ):
        params = {"command": "fanout.apply", "arguments": [{"runId": run, "files": files, "mode": "now"}]}
        error = editor.client.call("workspace/executeCommand", params)["error"]
        assert (error["code"], said in error["message"]) == (-32803, True), error
    # A unit's part of one file, of which nothing is left.
    argument = {"runId": run, "files": [one], "units": ["01-one"], "mode": "now"}
    assert editor.client.command("fanout.apply", argument) == {"applied": True, "files": [], "left": [], "rest": 1}
    assert editor.client.command("fanout.apply", {"runId": run, "mode": "now"})["files"] == [
        (checkout / "src/two.py").as_uri()
    ]
