"""What tools print for people, as they print it, and what is made of it."""

from __future__ import annotations

import pytest

from fanout_server.model import Severity
from fanout_server.review.problems import lines

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFORMATION  # noqa: E741 - short, for the table

# Tool, what it printed, and the path, line, column, code and severity of each problem in it.
SAMPLES = {
    "mypy": (
        (
            'src/a.py:3: error: Name "x" is not defined  [name-defined]\n'
            'src/a.py:7:5: note: Revealed type is "int"\nFound 1 error in 1 file (checked 2 source files)\n'
        ),
        [("src/a.py", 3, 0, "name-defined", E), ("src/a.py", 7, 5, "", I)],
    ),
    "ruff concise": (
        "src/a.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.\n[*] 1 fixable with the `--fix` option.\n",
        [("src/a.py", 1, 8, "F401", E)],
    ),
    "ruff full": (
        "F401 [*] `os` imported but unused\n --> src/a.py:1:8\n  |\n1 | import os\n  |        ^^\nhelp: Remove\n",
        [("src/a.py", 1, 8, "F401", E)],
    ),
    "ty": (
        "error[unresolved-import]: Cannot resolve imported module `nope`\n --> src/a.py:1:8\n  |\n1 | import nope\n\n",
        [("src/a.py", 1, 8, "unresolved-import", E)],
    ),
    "pyright": (
        (
            "/proj/src/a.py\n"
            '  /proj/src/a.py:2:9 - error: "y" is not defined (reportUndefinedVariable)\n'
            '  /proj/src/a.py:4:1 - warning: Import "z" is not accessed (reportUnusedImport)\n1 error, 1 warning\n'
        ),
        [("/proj/src/a.py", 2, 9, "reportUndefinedVariable", E), ("/proj/src/a.py", 4, 1, "reportUnusedImport", W)],
    ),
    "flake8": ("./src/a.py:1:80: E501 line too long (99 > 79 characters)\n", [("./src/a.py", 1, 80, "E501", E)]),
    "pylint": (
        "************* Module a\nsrc/a.py:1:0: C0114: Missing module docstring (missing-module-docstring)\n",
        [("src/a.py", 1, 0, "C0114", E)],
    ),
    "tsc": (
        "src/a.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.\n",
        [("src/a.ts", 3, 5, "TS2322", E)],
    ),
    "tsc, pretty": (
        "src/a.ts:3:5 - error TS2322: Type 'string' is not assignable to type 'number'.\n\n3 let x: number = 's';\n",
        [("src/a.ts", 3, 5, "TS2322", E)],
    ),
    "eslint": (
        (
            "\n/proj/src/a.js\n  1:7   error    'a' is assigned a value but never used  no-unused-vars\n"
            "  2:10  warning  Unexpected console statement            no-console\n\n✖ 2 problems (1 error, 1 warning)\n"
        ),
        [("/proj/src/a.js", 1, 7, "no-unused-vars", E), ("/proj/src/a.js", 2, 10, "no-console", W)],
    ),
    "gcc": (
        (
            "src/a.c: In function 'main':\nsrc/a.c:3:5: error: 'x' undeclared (first use in this function)\n"
            "src/a.c:9:1: warning: control reaches end of non-void function [-Wreturn-type]\n"
        ),
        [("src/a.c", 3, 5, "", E), ("src/a.c", 9, 1, "-Wreturn-type", W)],
    ),
    "cargo": (
        (
            'error[E0308]: mismatched types\n --> src/main.rs:2:18\n  |\n2 |     let x: i32 = "s";\n  |\n\n'
            'error: could not compile `a` (bin "a") due to 1 previous error\n'
        ),
        [("src/main.rs", 2, 18, "E0308", E)],
    ),
    "go vet": ("# example.com/a\n./main.go:5:2: undefined: foo\n", [("./main.go", 5, 2, "", E)]),
    "rubocop": (
        "a.rb:1:1: C: [Correctable] Style/FrozenStringLiteralComment: Missing frozen string literal comment.\n",
        [("a.rb", 1, 1, "", E)],
    ),
    "python": (
        (
            'Traceback (most recent call last):\n  File "/proj/run.py", line 3, in <module>\n    main()\n'
            '  File "/usr/lib/python3/json/decoder.py", line 355, in raw_decode\n'
            "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n"
        ),
        [("/usr/lib/python3/json/decoder.py", 355, 0, "json.decoder.JSONDecodeError", E)],
    ),
    "pytest": (
        "    def test_a():\n>       assert f() == 2\nE       assert 1 == 2\n\ntests/test_a.py:4: AssertionError\n",
        [("tests/test_a.py", 4, 0, "", E)],
    ),
}


@pytest.mark.parametrize("tool", SAMPLES)
def test_the_common_tools_problems_are_located(tool: str) -> None:
    text, wanted = SAMPLES[tool]
    assert [(one.path, one.line, one.column, one.code, one.severity) for one in lines.read(text)] == wanted


@pytest.mark.parametrize(
    "text",
    [
        "12 passed in 0.31s",
        "http://localhost:8080/ is open",
        "12:30:45 started",
        "  at 12:30",
        "a: b: c",
        "x" * 9000,
        "",
    ],
)
def test_what_is_no_problem_is_not_taken_for_one(text: str) -> None:
    assert [one for one in lines.read(text) if "/" in one.path or "." in one.path] == []


def test_a_traceback_knows_its_frames_further_out() -> None:
    (found,) = lines.read(SAMPLES["python"][0])
    assert found.outer == (("/proj/run.py", 3),)
    assert found.message == "Expecting value: line 1 column 1 (char 0)"


def test_an_ugly_output_takes_no_time() -> None:
    hostile = "\n".join(["a" * 1999, " " * 1999, "a:" * 999, ":1" * 999, "a(1,1):" * 280, "x " * 999, "[" * 1999] * 100)
    lines.read(hostile)
