"""Findings go back to the agents that are behind them, and a dismissed one stays away; in a real session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lsp.editor import MakeEditor, message, run_files, scripted, view_of
from tests.lsp.test_fixes import RESOLVING, diagnostics

# Mends what it is told of, and only in what is there; it says the rest of its prompt in a file.
AGENT = """
import pathlib, sys
path, prompt = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text()
text = path.read_text()
if "The last time" not in prompt:
    text += "# TODO: your code here\\n" + ("def more(:\\n" if "one" in path.name else "")
if "unit/syntax-error at" in prompt:
    text = text.replace("def more(:\\n", "# mended\\n")
if "review/placeholder at" in prompt:
    text = text.replace("# TODO: your code here\\n", "# written\\n")
path.write_text(text)
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return scripted(tmp_path, AGENT)


def test_one_finding_goes_back_to_its_unit_then_all_of_them(
    connect: MakeEditor, checkout: Path, tmp_path: Path, command: list[str]
) -> None:
    editor = connect(RESOLVING)
    one, two = (editor.did_open(name) for name in ("src/one.py", "src/two.py"))
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=command, apply="now")
    message(editor, "Applied 2 files")
    assert sorted(found["code"] for found in view_of(editor, run)["findings"]) == [
        "review/placeholder",
        "review/placeholder",
        "unit/syntax-error",
    ]
    diagnostics(editor, one, "unit/syntax-error")
    back = next(
        action
        for action in editor.actions(one, 3)
        if "Send this back to unit 01-one" in action["title"]
        and action["diagnostics"][0]["code"] == "unit/syntax-error"
    )
    editor.do(back)
    diagnostics(editor, one, "unit/syntax-error", gone=True)
    message(editor, "Applied 1 file")
    # The unit went on from what it had, and heard of nothing else.
    assert editor.open[one][1] == "def one():\n    return 1\n# TODO: your code here\n# mended\n"
    (every, *_) = [action for action in editor.actions(two, 2) if "Send all 2 findings" in action["title"]]
    editor.do(every)
    wanted = {
        one: "def one():\n    return 1\n# written\n# mended\n",
        two: "def two():\n    return 2\n# written\n",
    }
    for uri in wanted:
        diagnostics(editor, uri, "review/placeholder", gone=True)
    editor.client.wait(lambda _: wanted == {uri: text for uri, (_, text) in editor.open.items()}, "the mended texts")
    assert view_of(editor, run)["findings"] == []


def test_what_was_dismissed_stays_away_when_all_is_looked_at_again(
    connect: MakeEditor, checkout: Path, tmp_path: Path, command: list[str]
) -> None:
    editor = connect(RESOLVING)
    one = editor.did_open("src/one.py")
    run = run_files(editor, tmp_path, "src/one.py", "src/two.py", command=command, apply="later")
    message(editor, "is ready")
    found = {(each["code"], each["uri"]): each["id"] for each in view_of(editor, run)["findings"]}
    assert len(found) == 3
    editor.client.command("fanout.dismiss", {"runId": run, "findings": [found["unit/syntax-error", one]]})
    editor.client.command("fanout.retry", {"runId": run, "units": ["02-two"]})
    told = editor.client.all
    editor.client.wait(
        lambda _: sum("is ready" in each["message"] for each in told("window/showMessage")) == 2, "a second result"
    )
    # Another server reads it from the journal.
    again = connect(RESOLVING)
    left = sorted((each["code"], *each["units"]) for each in view_of(again, run)["findings"])
    assert left == [("review/placeholder", "01-one"), ("unit/no-change", "02-two")]
