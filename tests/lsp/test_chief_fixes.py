"""Codes that no other test of a session has: the diagnostic is shown, and its chief action does what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import GitCommand
from tests.lsp.editor import Editor, MakeEditor, run_files, view_of
from tests.lsp.test_fixes import RESOLVING, diagnostics

MIDDLE = "".join(f"x{number} = {number}\n" for number in range(20))
JS = 'const a = "x"\nconst b = "y"\nconst c = "z"\nexport const d = a + b + c\n'
SINGLE = JS.replace('"', "'")
# Goes by its unit's file; ``tried`` is so from its second time on.
AGENT = f"""
import pathlib, sys
path, prompt, again = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_text(), pathlib.Path(sys.argv[3])
known = again / path.name
tried = known.exists()
known.touch()
told = CODE in prompt
first = path.name == "one.py"
text = path.read_text()
JS, SINGLE = {JS!r}, {SINGLE!r}
"""
CASES = {
    "review/debug-output": ("path.write_text(text + 'print(1)\\n' if first else text)", "src/one.py"),
    "review/placeholder": (
        "path.write_text(text.replace('# TODO: more', '# done') if told else text + '# TODO: more\\n')",
        "src/one.py",
    ),
    "merge/same-name-added": (
        (
            "shared = pathlib.Path('shared.py')\nnew = f'def load():\\n    return {path.stem!r}\\n'\n"
            "shared.write_text(new + shared.read_text() if first else shared.read_text() + new)"
        ),
        "shared.py",
    ),
    "merge/removed-but-used": (
        (
            "new = 'from src.one import one\\n' + text + 'x = one()\\n'\n"
            "path.write_text(text.replace('def one', 'def uno') if first else 'y = 2\\n' if told else new)"
        ),
        "src/two.py",
    ),
    "review/style-outlier": ("pathlib.Path('lib/new.js').write_text(JS if told else SINGLE)", "lib/new.js"),
    "review/style-split": (
        "pathlib.Path(path.stem + '.js').write_text(SINGLE if path.suffix == '.py' else JS)",
        "",
    ),
    "review/conflict-markers": (
        "path.write_text(text if told else text + '<<<<<<< a\\nx = 1\\n=======\\nx = 2\\n>>>>>>> b\\n')",
        "src/one.py",
    ),
    "review/secret": ("path.write_text(text + 'KEY = \"AKIA' + 'QYLPMN5HHHFPZAM2\"\\n')", "src/one.py"),
    "unit/missing-output": (
        "path.write_text(text + '# more\\n')\nif told: pathlib.Path('out.md').write_text('x\\n')",
        "out.md",
    ),
    "unit/no-change": ("if tried: path.write_text(text + '# more\\n')", "src/one.py"),
    "unit/out-of-scope": ("path.write_text(text + '# more\\n')\npathlib.Path('b.txt').write_text('two\\n')", "b.txt"),
}
UNITS = {
    "merge/same-name-added": ("src/one.py", "src/two.py"),
    "merge/removed-but-used": ("src/one.py", "src/two.py"),
    "review/style-split": ("src/one.py", "src/two.py", "a.txt", "b.txt"),
}
OWNS = {"unit/missing-output": ["src/one.py", "out.md"], "unit/out-of-scope": ["{file}"]}


def ends(editor: Editor, times: int) -> None:
    """Until the run's end was told of so many times."""

    def are_told(_: object) -> bool:
        said = [one["message"] for one in editor.client.all("window/showMessage")]
        return sum("Applied" in one or "changed nothing" in one for one in said) >= times

    editor.client.wait(are_told, f"end {times} of the run")


@pytest.mark.parametrize(
    ("code", "title", "after"),
    [
        ("review/debug-output", "Drop unit 01-one's part", "def one():\n    return 1\n"),
        ("review/placeholder", "Send this back to unit 01-one", "def one():\n    return 1\n# done\n"),
        ("merge/same-name-added", "Drop unit 02-two's part", "def load():\n    return 'one'\n" + MIDDLE),
        ("merge/removed-but-used", "Send this back to unit 02-two", "y = 2\n"),
        ("review/style-outlier", "Send this back to unit 01-one", JS),
        ("review/style-split", "Dismiss this finding", None),
        ("review/conflict-markers", "Drop unit 01-one's part", "def one():\n    return 1\n"),
        ("review/secret", "Drop unit 01-one's part", "def one():\n    return 1\n"),
        ("unit/missing-output", "Send this back to unit 01-one", "x\n"),
        ("unit/no-change", "Do unit 01-one again", "def one():\n    return 1\n# more\n"),
        ("unit/out-of-scope", "Take what was left out", "two\n"),
    ],
)
def test_the_chief_action_of_a_code_settles_it(
    connect: MakeEditor, checkout: Path, tmp_path: Path, git: GitCommand, code: str, title: str, after: str | None
) -> None:
    (checkout / "shared.py").write_text(MIDDLE)
    (checkout / "lib").mkdir()
    # Where units are to split the repository has no habit of its own.
    for number in range(0 if code == "review/style-split" else 6):
        (checkout / "lib" / f"f{number}.js").write_text(JS)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "more")
    script, again = tmp_path / "chief.py", tmp_path / "again"
    again.mkdir()
    does, path = CASES[code]
    script.write_text(AGENT.replace("CODE", repr(code)) + does + "\n")
    editor = connect(RESOLVING)
    command = [sys.executable, str(script), "{file}", "{prompt_file}", str(again)]
    units = UNITS.get(code, ("src/one.py",))
    more = {"owns": OWNS[code]} if code in OWNS else {}
    run = run_files(editor, tmp_path, *units, command=command, apply="now", **more)
    ends(editor, 1)
    found = next(one for one in view_of(editor, run)["findings"] if one["code"] == code)
    uri = (checkout / path).as_uri() if path else found["uri"]
    shown = next(one for one in diagnostics(editor, uri, code) if one["code"] == code)
    actions = editor.actions(uri, shown["range"]["start"]["line"])
    action = next(one for one in actions if title in one["title"] and one["diagnostics"][0]["code"] == code)
    editor.do(action)
    if action["command"]["command"] == "fanout.retry":
        ends(editor, 2)
    diagnostics(editor, uri, code, gone=True)
    assert code not in [one["code"] for one in view_of(editor, run)["findings"]]
    if after is not None:
        saved = checkout / path

        def is_there(_: object) -> bool:
            return (editor.open[uri][1] if uri in editor.open else saved.read_text() if saved.exists() else "") == after

        editor.client.wait(is_there, "the text after it")
