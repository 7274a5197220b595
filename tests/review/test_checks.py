"""Each check in several languages: what raises its code, and what looks like it and does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from fanout_server.model import Finding, Severity, Unit
from fanout_server.review import checks, duplicates, leftovers, material, outputs, removed, same_names, syntax_errors
from fanout_server.review.material import Material
from tests.review import merging
from tests.review.merging import Made

Check = Callable[[Material], Iterable[Finding]]


def found(check: Check, files: dict[str, Made], others: dict[str, str] | None = None) -> list[Finding]:
    with merging.material(files, others) as made:
        return list(check(made))


def lines(findings: list[Finding]) -> list[int | None]:
    return [one.range.start.line if one.range else None for one in findings]


@pytest.mark.raises_code("unit/syntax-error")
@pytest.mark.parametrize(
    ("path", "before", "after", "line"),
    [
        ("a.py", "x = 1\n", "x = 1\ndef f(:\n", 1),
        ("a.py", "x = 1\n", "x = 1\ndef f():\n  y = 1\n    z = 2\n", 3),
        ("a.py", None, "\ufeffdef f():\r\n    return (1\r\n", 1),
        ("a.ts", None, "const a = 1\nfunction f( { return a }\n", 1),
        ("a.go", None, "package a\n\nfunc f() {\n\tif x {\n", 2),
        ("a.rs", None, "fn f() -> i32 { 1 \n", 0),
        ("A.java", None, "class A {\n  void f( { }\n}\n", 1),
        ("a.rb", None, "def f(a\n  a\nend end\n", 0),
        ("a.json", '{"a": 1}\n', '{"a": 1,\n "b": }\n', 1),
        ("a.toml", "a = 1\n", "a = 1\nb = \n", 1),
    ],
)
def test_a_syntax_error_that_is_new_is_told_with_its_unit(path: str, before: str | None, after: str, line: int) -> None:
    (one,) = found(syntax_errors.find, {path: Made(before, after)})
    assert (one.code, one.severity, one.path, one.units) == ("unit/syntax-error", Severity.ERROR, path, ("one",))
    assert one.range is not None
    assert abs(one.range.start.line - line) <= 1


@pytest.mark.spares_code("unit/syntax-error")
@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "def f(:\n    pass\n", "x = 1\ndef f(:\n    pass\n"),
        ("a.py", None, "match x:\n    case 1:\n        pass\n"),
        ("a.py", "x = 1\n", "def f():\r\n    return 1\r\n"),
        ("a.ts", None, "export const f = <T,>(a: T): T => a;\n"),
        ("tsconfig.json", "{\n// hm\n}\n", "{\n// hm\n}\n\n"),
        ("a.txt", None, "def f(:\n"),
        ("a.py", "x = 1\n", None),
        ("a.json", None, "[1, 2]\n"),
    ],
)
def test_what_parses_or_never_did_is_no_syntax_error(path: str, before: str | None, after: str | None) -> None:
    assert found(syntax_errors.find, {path: Made(before, after)}) == []


def test_of_two_units_the_one_that_broke_the_file_is_named() -> None:
    base = "a = 1\nb = 2\nc = 3\nd = 4\n"
    one, two = base.replace("1", "10"), base.replace("d = 4", "d = (4")
    made = Made(base, one.replace("d = 4", "d = (4"), ("one", "two"), {"one": one, "two": two})
    assert found(syntax_errors.find, {"a.py": made})[0].units == ("two",)


USES = {
    "py": ("def load(a):\n    return a\n", "def keep(a):\n    return a\n", "from a import load\nprint(load(1))\n"),
    "ts": (
        "export function load(a) { return a }\n",
        "export function keep(a) { return a }\n",
        "import { load } from './a'\nload(1)\n",
    ),
    "go": (
        "package m\n\nfunc load(a int) int { return a }\n",
        "package m\n\nfunc keep(a int) int { return a }\n",
        "package m\n\nvar x = load(1)\n",
    ),
    "rs": (
        "pub fn load(a: i32) -> i32 { a }\n",
        "pub fn keep(a: i32) -> i32 { a }\n",
        "use crate::a::load;\nfn g() { load(1); }\n",
    ),
}


@pytest.mark.raises_code("merge/removed-but-used")
@pytest.mark.parametrize("ending", USES)
def test_what_one_unit_removes_and_another_uses_is_told(ending: str) -> None:
    before, after, user = USES[ending]
    (one,) = found(removed.find, {f"a.{ending}": Made(before, after), f"b.{ending}": Made(None, user, ("two",))})
    assert (one.code, one.severity, one.path, one.units) == (
        "merge/removed-but-used",
        Severity.WARNING,
        f"b.{ending}",
        ("two", "one"),
    )
    assert "'load'" in one.message
    assert [place.path for place in one.related][:1] == [f"a.{ending}"]


@pytest.mark.spares_code("merge/removed-but-used")
@pytest.mark.parametrize("ending", USES)
@pytest.mark.parametrize("case", ["same unit", "still there", "moved", "unnamed", "in a comment"])
def test_a_name_that_is_gone_is_no_matter_where_nobody_else_misses_it(ending: str, case: str) -> None:
    before, after, user = USES[ending]
    mark = "#" if ending == "py" else "//"
    files = {f"a.{ending}": Made(before, after), f"b.{ending}": Made(None, user, ("two",))}
    if case == "same unit":
        files[f"b.{ending}"] = Made(None, user)
    elif case == "still there":
        files[f"a.{ending}"] = Made(before, before + "\n")
    elif case == "moved":
        files[f"c.{ending}"] = Made(None, before, ("one",))
    elif case == "unnamed":
        files[f"b.{ending}"] = Made(None, user.replace("load", "other"), ("two",))
    else:
        files[f"b.{ending}"] = Made(None, f"{'package m' if ending == 'go' else ''}\n{mark} load is gone\n", ("two",))
    assert found(removed.find, files) == []


@pytest.mark.spares_code("merge/same-name-added")
@pytest.mark.raises_code("merge/same-name-added")
@pytest.mark.parametrize(
    ("path", "base", "one", "two"),
    [
        ("a.py", "import os\n", "def load():\n    return 1\n", "def load():\n    return os\n"),
        ("a.py", "import os\n", "LIMIT = 1\n", "LIMIT = 2\n"),
        ("a.ts", "import 'x'\n", "export function load() { return 1 }\n", "export const load = () => 2\n"),
        ("a.go", "package m\n", "func load() int { return 1 }\n", "func load() int { return 2 }\n"),
        ("a.rs", "use x;\n", "fn load() -> i32 { 1 }\n", "fn load() -> i32 { 2 }\n"),
        ("a.php", "<?php\n", "function load() { return 1; }\n", "function load() { return 2; }\n"),
    ],
)
def test_a_name_that_two_units_added_to_one_module_is_told(path: str, base: str, one: str, two: str) -> None:
    versions = {"one": base + one, "two": base + two}
    (told,) = found(same_names.find, {path: Made(base, base + one + two, ("one", "two"), versions)})
    assert (told.code, told.severity, set(told.units)) == ("merge/same-name-added", Severity.ERROR, {"one", "two"})
    assert len(told.related) == 1
    # One unit may do as it likes, and what was there before is nobody's.
    assert found(same_names.find, {path: Made(base, base + one + two)}) == []
    both = base + one
    assert (
        found(same_names.find, {path: Made(both, both + two, ("one", "two"), {"one": both, "two": both + two})}) == []
    )


def test_of_go_a_folder_is_a_module_and_of_python_a_file() -> None:
    go = {
        "m/a.go": Made(None, "package m\nfunc load() {}\n"),
        "m/b.go": Made(None, "package m\nfunc load() {}\n", ("two",)),
    }
    assert [one.path for one in found(same_names.find, go)] == ["m/b.go"]
    python = {"m/a.py": Made(None, "def load(): ...\n"), "m/b.py": Made(None, "def load(): ...\n", ("two",))}
    assert found(same_names.find, python) == []


@pytest.mark.spares_code("merge/same-name-added")
def test_overloads_of_two_units_are_no_names_added_twice() -> None:
    base, one, two = "class A {\n  int a;\n", "  int f(int a) { return 1; }\n", "  int f(String a) { return 2; }\n"
    versions = {"one": base + one + "}\n", "two": base + two + "}\n"}
    assert (
        found(same_names.find, {"A.java": Made(base + "}\n", base + one + two + "}\n", ("one", "two"), versions)}) == []
    )


HELPERS = {
    "py": """def read_pairs(path, limit=3):
    found = []
    for line in open(path):
        if line.startswith('#') or not line.strip():
            continue
        found.append(line.strip().split('=', 1))
    return sorted(found)[:limit]
""",
    "ts": """export function readPairs(text: string, limit = 3): string[][] {
  const found: string[][] = []
  for (const line of text.split('\\n')) {
    if (line.startsWith('#') || !line.trim()) continue
    found.push(line.trim().split('=', 2))
  }
  return found.sort().slice(0, limit)
}
""",
    "go": """package m

func readPairs(text string, limit int) [][]string {
\tfound := [][]string{}
\tfor _, line := range strings.Split(text, "\\n") {
\t\tif strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
\t\t\tcontinue
\t\t}
\t\tfound = append(found, strings.SplitN(line, "=", 2))
\t}
\treturn found[:limit]
}
""",
}


def renamed(text: str, name: str) -> str:
    for old, new in (
        ("found", "result"),
        ("line", "row"),
        ("text", "source"),
        ("readPairs", name),
        ("read_pairs", name),
    ):
        text = text.replace(old, new)
    return text


@pytest.mark.raises_code("review/duplicate-helper")
@pytest.mark.parametrize("ending", HELPERS)
def test_a_helper_that_three_units_wrote_is_told_once(ending: str) -> None:
    helper = HELPERS[ending]
    files = {
        f"src/a.{ending}": Made(None, helper),
        f"src/b.{ending}": Made(None, renamed(helper, "parse"), ("two",)),
        f"lib/c.{ending}": Made(None, renamed(helper, "loadAll"), ("three",)),
    }
    (one,) = found(duplicates.find, files)
    assert (one.code, one.severity) == ("review/duplicate-helper", Severity.WARNING)
    assert (set(one.units), len(one.related)) == ({"one", "two", "three"}, 2)


@pytest.mark.raises_code("review/reimplements-existing")
@pytest.mark.parametrize("ending", HELPERS)
def test_a_helper_that_the_base_has_is_told(ending: str) -> None:
    helper = HELPERS[ending]
    files = {f"src/a.{ending}": Made(None, renamed(helper, "parse"))}
    (one,) = found(duplicates.find, files, {f"src/old.{ending}": helper, f"src/more.{ending}": "x\n"})
    assert (one.code, one.severity, one.units) == ("review/reimplements-existing", Severity.INFORMATION, ("one",))
    assert [place.path for place in one.related] == [f"src/old.{ending}"]


@pytest.mark.spares_code("review/duplicate-helper", "review/reimplements-existing")
@pytest.mark.parametrize("ending", HELPERS)
def test_helpers_that_are_meant_to_be_alike_are_not_told(ending: str) -> None:
    helper = HELPERS[ending]
    same_unit = {f"a.{ending}": Made(None, helper), f"b.{ending}": Made(None, renamed(helper, "parse"))}
    assert found(duplicates.find, same_unit) == []
    tests = {f"tests/a.{ending}": Made(None, helper), f"tests/b.{ending}": Made(None, helper, ("two",))}
    assert found(duplicates.find, tests) == []
    moved = {f"a.{ending}": Made(helper, "\n"), f"b.{ending}": Made(None, helper)}
    assert found(duplicates.find, moved) == []


def test_methods_of_one_name_are_not_told() -> None:
    inside = "".join(f"    {line}\n" for line in HELPERS["py"].splitlines()).replace("(path,", "(self, path,")
    files = {"a.py": Made(None, f"class A:\n{inside}"), "b.py": Made(None, f"class B:\n{inside}", ("two",))}
    assert found(duplicates.find, files) == []


@pytest.mark.raises_code("review/conflict-markers")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_markers_of_a_conflict_are_told_once(end: str) -> None:
    text = end.join(["a", "<<<<<<< HEAD", "b", "=======", "c", ">>>>>>> other", ""])
    (one,) = found(leftovers.markers, {"a.txt": Made("a\n", text)})
    assert (one.code, one.severity, lines([one])) == ("review/conflict-markers", Severity.ERROR, [1])


@pytest.mark.spares_code("review/conflict-markers")
def test_a_heading_is_no_marker_and_old_markers_are_nobodys() -> None:
    assert found(leftovers.markers, {"a.md": Made(None, "Title\n=======\n>>>>>>> quoted\n")}) == []
    text = "<<<<<<< a\n=======\n>>>>>>> b\n"
    assert found(leftovers.markers, {"a.txt": Made(text, text + "more\n")}) == []


@pytest.mark.raises_code("review/debug-output")
@pytest.mark.parametrize(
    ("path", "before", "line"),
    [
        ("src/a.py", "def f():\n    return 1\n", "print('here')"),
        ("src/a.py", None, "breakpoint()"),
        ("src/a.js", "let a = 1\n", "console.log(a)"),
        ("src/a.ts", None, "debugger;"),
        ("src/a.rs", None, "fn f() { dbg!(1); }"),
        ("src/a.go", "package a\n", 'func f() { fmt.Println("x") }'),
        ("src/a.rb", None, "binding.pry"),
        ("src/a.php", None, "<?php\nvar_dump($x);"),
        ("src/A.java", None, "class A { void f() { e.printStackTrace(); } }"),
    ],
)
def test_debug_output_in_a_file_that_had_none_is_told(path: str, before: str | None, line: str) -> None:
    (one,) = found(leftovers.debug_output, {path: Made(before, f"{before or ''}{line}\n")})
    assert (one.code, one.units) == ("review/debug-output", ("one",))


@pytest.mark.spares_code("review/debug-output")
@pytest.mark.parametrize(
    ("path", "before", "line"),
    [
        ("src/a.py", "print(1)\n", "print('here')"),
        ("src/a.py", "a = 1\n", "# print('here')"),
        ("src/a.py", "a = 1\n", "b = 'print(1)'"),
        ("src/a.py", "a = 1\n", "log.print(1)"),
        ("scripts/a.py", "a = 1\n", "print(1)"),
        ("src/a.js", None, "console.log(1)"),
        ("src/a.txt", "a\n", "breakpoint()"),
    ],
)
def test_output_that_is_meant_is_not_told(path: str, before: str | None, line: str) -> None:
    assert found(leftovers.debug_output, {path: Made(before, f"{before or ''}{line}\n")}) == []


@pytest.mark.raises_code("review/placeholder")
@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", "x = 1  # TODO: the rest"),
        ("a.py", "# ... existing code ..."),
        ("a.js", "// your code here"),
        ("a.ts", "/* rest of the implementation unchanged */"),
        ("a.js", "// ..."),
        ("a.go", "// FIXME later"),
        ("a.rs", "fn f() { todo!() }"),
        ("a.rb", "# Implementation goes here"),
        ("a.md", "(rest of the file here)"),
    ],
)
def test_a_place_to_be_filled_in_is_told(path: str, line: str) -> None:
    (one,) = found(leftovers.placeholders, {path: Made("\n", f"\n{line}\n")})
    assert (one.code, one.severity, lines([one])) == ("review/placeholder", Severity.WARNING, [1])


@pytest.mark.spares_code("review/placeholder")
@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", "# TODO: old\n", "x = 1\n# TODO: old\n"),
        ("a.py", "", "x = 'TODO'\n"),
        ("a.py", "", "def f(*args) -> tuple[int, ...]: ...\n"),
        ("a.py", "# TODO: old\nx = 1\n", "x = 2\n    # TODO: old\n"),
        ("a.js", "", "const a = [...b]  // spread\n"),
        ("a.md", "", "- TODO list\n"),
    ],
)
def test_what_is_no_place_to_be_filled_in_is_not_told(path: str, before: str, after: str) -> None:
    assert found(leftovers.placeholders, {path: Made(before, after)}) == []


@pytest.mark.spares_code("unit/missing-output")
@pytest.mark.raises_code("unit/missing-output")
def test_outputs_that_are_named_and_not_there_or_empty_are_told() -> None:
    unit = Unit("one", "One", "Do.", owns=("/out/a.ts", "out/b.ts", "out/**", "c.ts", "pkg/__init__.py"))
    sizes = {"one": {"out/a.ts": None, "out/b.ts": 0, "c.ts": 5, "pkg/__init__.py": 0}}
    told = list(outputs.find([unit], sizes))
    assert [(one.code, one.path, one.units) for one in told] == [
        ("unit/missing-output", "out/a.ts", ("one",)),
        ("unit/missing-output", "out/b.ts", ("one",)),
    ]
    # A unit that failed has said so already.
    assert list(outputs.find([unit], {})) == []
    assert list(outputs.find([Unit("two", "Two", "Do.", owns=("src/*",))], {"two": {}})) == []


@pytest.mark.raises_code("review/unfinished")
def test_a_file_that_is_too_long_is_told_and_the_rest_goes_on() -> None:
    files = {"big.py": Made(None, "x = 1\n" * 200_000), "bad.py": Made(None, "def f(:\n")}
    with merging.material(files) as made:
        told = checks.run(made)
    assert sorted((one.code, one.path) for one in told) == [
        ("review/unfinished", "big.py"),
        ("unit/syntax-error", "bad.py"),
    ]


def test_a_review_that_runs_out_of_time_tells_so() -> None:
    with merging.material({"a.py": Made(None, "def f(:\n")}, seconds=0.0) as made:
        (one,) = checks.run(made)
    assert (one.code, one.severity) == (material.CODE, Severity.INFORMATION)
    assert "ran out of time" in one.message


def test_generated_and_binary_files_are_passed_over() -> None:
    files = {"dist/a.min.js": Made(None, "function f( {\n"), "b.py": Made(None, "\0def f(:\n")}
    with merging.material(files) as made:
        assert checks.run(made) == ()


@pytest.mark.spares_code("review/unfinished")
def test_of_many_long_files_that_it_reads_nothing_is_unfinished() -> None:
    files = {f"long{number}.py": Made(None, "x = 1\n" * 20_000) for number in range(3)}
    with merging.material(files) as made:
        assert "review/unfinished" not in [one.code for one in checks.run(made)]
