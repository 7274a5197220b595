from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

from fanout_server.model import Position, Range, Severity
from fanout_server.review.problems import reading
from fanout_server.review.problems.reading import Problem

FILES = {
    "src/a.py": b"import os\n\n    total = coun + 1\n",
    "odd name\n.py": b"x\n",
    "caf\udce9.py": b"x = y\n",
    "crlf.py": b"a\r\nbb\r\n",
}


def read(
    text: str | bytes, argv: tuple[str, ...] = ("mypy",), folder: Path = Path("/proj/tree")
) -> tuple[Problem, ...]:
    printed = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return reading.read(printed, argv, folder, FILES.get)


SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {"driver": {"name": "Semgrep OSS"}},
            "results": [
                {
                    "ruleId": "py.bad",
                    "message": {"text": "Bad."},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "src/a.py"},
                                "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 10},
                            }
                        }
                    ],
                },
                {"message": {"text": "nowhere"}},
            ],
        }
    ],
}
RDJSON = {
    "source": {"name": "vale"},
    "severity": "WARNING",
    "diagnostics": [
        {
            "message": "Bad.",
            "location": {
                "path": "src/a.py",
                "range": {"start": {"line": 3, "column": 5}, "end": {"line": 3, "column": 10}},
            },
            "code": {"value": "py.bad"},
        },
        {"message": "without a place"},
    ],
}
RUFF = [
    {
        "filename": "/proj/tree/src/a.py",
        "code": "F821",
        "message": "Undefined name `coun`",
        "location": {"row": 3, "column": 13},
        "end_location": {"row": 3, "column": 17},
    }
]
ESLINT = [
    {
        "filePath": "/proj/tree/src/a.py",
        "messages": [{"ruleId": "semi", "severity": 1, "message": "Missing.", "line": 1, "column": 10}],
    }
]


@pytest.mark.parametrize(
    ("value", "code", "severity", "place"),
    [
        (SARIF, "check/Semgrep-OSS:py.bad", Severity.WARNING, ((2, 4), (2, 9))),
        (RDJSON, "check/vale:py.bad", Severity.WARNING, ((2, 4), (2, 9))),
        (RUFF, "check/ruff:F821", Severity.ERROR, ((2, 12), (2, 16))),
        (ESLINT, "check/eslint:semi", Severity.WARNING, ((0, 9), (0, 9))),
    ],
)
def test_forms_for_machines_are_read_whatever_is_printed_around_them(
    value: object, code: str, severity: Severity, place: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    for text in (json.dumps(value), "warning: old\n[notice] x\n" + json.dumps(value, indent=1) + "\nFound 1 error.\n"):
        (found,) = read(text, ("ruff", "check"))
        assert (f"check/{found.tool}:{found.code}", found.severity, found.path) == (code, severity, "src/a.py")
        assert found.range == Range(Position(*place[0]), Position(*place[1]))


def test_rdjson_a_line_each() -> None:
    one = {"message": "Bad.", "location": {"path": "src/a.py"}, "severity": "ERROR"}
    found = read("starting\n" + json.dumps(one) + "\n" + json.dumps({**one, "message": "Worse."}) + "\n{broken\n")
    assert [problem.message for problem in found] == ["Bad.", "Worse."]


@pytest.mark.parametrize(
    "value",
    [
        {"runs": [None, 3, {"results": "x"}, {"results": [{"locations": {}}]}, {"tool": 3, "results": [3]}]},
        {"diagnostics": [3, {"location": 3}, {"location": {"path": ["x"]}}]},
        [{"filename": 3, "location": []}],
        [{"messages": 3}, {"messages": [3], "filePath": None}],
    ],
)
def test_a_form_that_is_broken_inside_breaks_nothing(value: object) -> None:
    assert read(json.dumps(value)) == ()


def test_deep_json_is_no_crash() -> None:
    assert read("[" * 200_000) == ()


@pytest.mark.parametrize(
    "printed",
    [
        "/etc/passwd:1:1: error: x",
        "../other/src/a.py:1: error: x",
        "/proj/tree/../x.py:1: error: x",
        "gone.py:1: error: x",
    ],
)
def test_only_files_of_the_checkout_are_places(printed: str) -> None:
    assert read(printed) == ()


@pytest.mark.parametrize("name", ["src/a.py", "./src/a.py", "/proj/tree/src/a.py", "src/../src/a.py"])
def test_paths_are_relative_to_the_top_folder(name: str) -> None:
    (found,) = read(f"{name}:3:5: error: bad")
    assert found.path == "src/a.py"
    assert found.range == Range(Position(2, 4), Position(2, 20))
    assert found.text == "total = coun + 1"


def test_names_that_are_no_utf8_colours_and_control_characters() -> None:
    (found,) = read(b"\x1b[31mcaf\xe9.py\x1b[0m:1:1: error: b\x00ad \xe2\x80\xae\xff thing")
    assert (found.path, found.message) == ("caf\udce9.py", "bad thing")


def test_a_place_beyond_the_file_is_its_last_line() -> None:
    (found,) = read("src/a.py:99:99: error: unexpected end of file")
    assert found.range == Range(Position(3, 0), Position(3, 0))
    (found,) = read("crlf.py:2: error: x")
    assert found.range == Range(Position(1, 0), Position(1, 2))


def test_of_a_traceback_the_innermost_frame_in_the_checkout_counts() -> None:
    (found,) = read(
        'Traceback (most recent call last):\n  File "/proj/tree/src/a.py", line 3, in <module>\n    x\n'
        '  File "/usr/lib/python3.11/re.py", line 9, in f\nValueError: bad\n',
        ("python", "src/a.py"),
    )
    assert (found.path, found.range.start.line, found.code, found.message) == ("src/a.py", 2, "ValueError", "bad")


def test_no_more_than_a_limit_each_once() -> None:
    many = "".join(f"src/a.py:1:{number % 9 + 1}: error: x{number}\n" for number in range(5000))
    assert len(read(many)) == reading.MOST
    assert len(read("src/a.py:1: error: x\n" * 3)) == 1


def test_new_is_what_there_is_more_of() -> None:
    (one,) = read("src/a.py:3:5: error: bad")
    moved = evolve(one, range=Range(Position(9, 0), Position(9, 1)))
    other = evolve(one, message="other")
    elsewhere = evolve(one, text="another line")
    assert reading.new([moved], [one]) == ()
    assert reading.new([one, moved, other, elsewhere], [one]) == (moved, other, elsewhere)


@pytest.mark.parametrize(
    ("argv", "tool"),
    [
        ("mypy src", "mypy"),
        ("python -m mypy src", "mypy"),
        ("/usr/bin/python3.11 tools/lint.py", "lint"),
        ("npx --no tsc --noEmit", "tsc"),
        ("uv run ruff check", "ruff"),
        ("env A=1 .venv/bin/pytest -q", "pytest"),
        ("cargo clippy", "clippy"),
        ("npm run lint", "lint"),
        ("make", "make"),
    ],
)
def test_a_tool_is_known_without_what_starts_it(argv: str, tool: str) -> None:
    assert reading.tool_of(argv.split()) == tool
