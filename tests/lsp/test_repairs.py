"""Helpers that were written twice are made one by an agent of their own; in a real session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import MakeEditor, message, run_files, scripted, view_of
from tests.lsp.test_fixes import RESOLVING, diagnostics

HELPER = """

def {name}(values, limit):
    kept = []
    for value in values:
        if value is not None and value < limit:
            kept.append(value * 2)
    kept.sort()
    return kept
"""
# As a unit it adds a helper; as a repair it takes out that of two.py, and tries a file that is not its own.
AGENT = f"""
import pathlib, sys
path, prompt = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
helper = {HELPER!r}
if "Make one of it" in prompt or "that was there before" in prompt:
    assert "does the same as" in prompt and "src/" in prompt, prompt
    for name, kept in (("one", "one_kept"), ("two", "two_kept")):
        other = pathlib.Path("src", name + ".py")
        if (name == "two") is ("Make one of it" in prompt):
            text = other.read_text()
            assert kept in text
            other.write_text(text.replace(helper.format(name=kept), "# uses the other\\n"))
    pathlib.Path("a.txt").write_text("not its own\\n")
else:
    path.write_text(path.read_text() + helper.format(name=path.stem + "_kept"))
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return scripted(tmp_path, AGENT)


def test_a_helper_written_twice_is_made_one_on_top_of_the_merged_result(
    connect: MakeEditor, checkout: Path, tmp_path: Path, command: list[str]
) -> None:
    editor = connect(RESOLVING)
    one, two = (editor.did_open(name) for name in ("src/one.py", "src/two.py"))
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=command, apply="now")
    message(editor, "Applied 2 files")
    shown = diagnostics(editor, one, "review/duplicate-helper")
    first = editor.open[one][1]
    editor.do(editor.action(one, "Extract into one helper", shown[0]["range"]["start"]["line"]))
    diagnostics(editor, one, "review/duplicate-helper", gone=True)
    editor.client.wait(lambda _: editor.open[two][1] == "def two():\n    return 2\n# uses the other\n", "the repair")
    assert editor.open[one][1] == first
    assert (checkout / "a.txt").read_text() != "not its own\n"
    view = view_of(editor, run)
    assert [unit["id"] for unit in view["units"]] == ["01-one", "02-two", "repair-1"]
    assert [found["code"] for found in view["findings"]] == ["unit/out-of-scope"]
    # Another server reads it from the journal.
    assert [unit["state"] for unit in view_of(connect(RESOLVING), run)["units"]] == ["done"] * 3


def test_what_was_there_before_is_used_and_other_findings_cannot_be_given_away(
    connect: MakeEditor, checkout: Path, tmp_path: Path, command: list[str], git: GitCommand
) -> None:
    (checkout / "src/two.py").write_text("def two():\n    return 2\n" + HELPER.format(name="two_kept"))
    git(checkout, "commit", "-qam", "helper")
    editor = connect(RESOLVING)
    one = editor.did_open("src/one.py")
    run = run_files(editor, tmp_path, "src/one.py", command=command, apply="now", owns=["src/one.py"])
    message(editor, "Applied 1 file")
    shown = diagnostics(editor, one, "review/reimplements-existing")
    editor.do(editor.action(one, "Use the existing one", shown[0]["range"]["start"]["line"]))
    diagnostics(editor, one, "review/reimplements-existing", gone=True)
    editor.client.wait(lambda _: editor.open[one][1] == "def one():\n    return 1\n# uses the other\n", "the repair")
    (left,) = view_of(editor, run)["findings"]
    assert left["code"] == "unit/out-of-scope"
    params = {"command": "fanout.repair", "arguments": [{"runId": run, "finding": left["id"]}]}
    error = editor.client.call("workspace/executeCommand", params)["error"]
    assert "cannot be given to an agent" in error["message"]


CLASHING = """
import pathlib, sys
path, prompt = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
shared = pathlib.Path("b.txt")
if "Bring the other one in" in prompt:
    assert "before both changes:" in prompt and "src/two.py\\n" in prompt, prompt
    assert shared.read_text() == "src/one.py\\n"
    shared.write_text(ANSWER)
else:
    shared.write_text(str(path) + "\\n")
"""


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("src/one.py\nsrc/two.py\n", "merge/auto-merged"),
        ("<<<<<<< a\nsrc/one.py\n=======\nsrc/two.py\n>>>>>>> b\n", "merge/conflict"),
    ],
    ids=["settled", "markers"],
)
def test_an_agent_is_asked_about_a_conflict_and_its_answer_looked_at(
    connect: MakeEditor, checkout: Path, tmp_path: Path, answer: str, code: str, git: GitCommand
) -> None:
    (checkout / "b.txt").write_text("nobody\n")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "shared")
    editor = connect(RESOLVING)
    shared = editor.did_open("b.txt")
    command = scripted(tmp_path, CLASHING.replace("ANSWER", repr(answer)))
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=command, apply="now")
    message(editor, "Applied 1 file")
    diagnostics(editor, shared, "merge/conflict")
    editor.do(editor.action(shared, "Ask an agent"))
    editor.client.wait(lambda _: editor.open[shared][1] == answer, "the agent's answer")
    found = [one for one in view_of(editor, run)["findings"] if one["code"].startswith("merge/")]
    assert [(one["code"], one["units"]) for one in found] == [(code, ["02-two", "01-one"])]
    if code == "merge/auto-merged":
        diagnostics(editor, shared, code)
        assert "an agent brought both together (confidence: low)" in found[0]["message"]
        editor.do(editor.action(shared, "Leave out what unit 02-two did"))
        assert editor.open[shared][1] == "src/one.py\n"
