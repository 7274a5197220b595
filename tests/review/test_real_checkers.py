"""What real checkers print, those that the project itself is developed with: located in each of their forms."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fanout_server.review.problems import reading
from fanout_server.review.problems.reading import Problem

_SOURCE = "import os\n\n\ndef area(radius: int) -> int:\n    return radius * missing\n\n\narea('x')\n"
_NAME = "odd name é.py"


def problems(folder: Path, *argv: str) -> tuple[Problem, ...]:
    (folder / _NAME).write_text(_SOURCE)
    command = (sys.executable, *argv, _NAME)
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60
    )
    assert done.returncode == 1, done.stdout.decode()

    def contents(path: str) -> bytes | None:
        return (folder / path).read_bytes() if (folder / path).is_file() else None

    return reading.read(done.stdout, command, folder, contents)


@pytest.mark.parametrize("form", ["concise", "full", "json", "sarif", "rdjson", "grouped", "pylint"])
def test_ruff_in_all_its_forms(tmp_path: Path, form: str) -> None:
    found = problems(tmp_path, "-m", "ruff", "check", "--no-cache", "--isolated", f"--output-format={form}")
    placed = {(one.path, one.range.start.line, one.tool) for one in found}
    assert placed == {(_NAME, 0, "ruff"), (_NAME, 4, "ruff")}
    if form not in {"grouped", "pylint"}:
        assert {one.code for one in found} == {"F401", "F821"}
        (undefined,) = [one for one in found if one.code == "F821"]
        assert "missing" in undefined.message
        assert undefined.range.start.character == 20


def test_mypy(tmp_path: Path) -> None:
    found = problems(tmp_path, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "--show-column-numbers")
    assert [(one.tool, one.code, one.path, one.range.start.line, one.range.start.character) for one in found] == [
        ("mypy", "name-defined", _NAME, 4, 20),
        ("mypy", "arg-type", _NAME, 7, 5),
    ]


def test_a_program_that_raises(tmp_path: Path) -> None:
    (found,) = problems(tmp_path)
    assert (found.code, found.path, found.range.start.line) == ("NameError", _NAME, 4)
