"""Selections split by symbol, problem, folder and line."""

from __future__ import annotations

import time
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.model import Changes, Finding, Options, Position, Range, Severity, Target
from fanout_server.planning import document, targets
from fanout_server.planning.plan import PlanError, make_plan, plan_from_document
from fanout_server.planning.problems import Problem, listed
from fanout_server.planning.selection import EmptySelection, Resolved, Selection, Way, resolve, ways
from fanout_server.planning.texts import Opened, Texts, nothing_open
from fanout_server.planning.workspace import Workspace
from fanout_server.settings import BadOption
from fanout_server.syntax import grammars, parsing, worker
from fanout_server.syntax.errors import Unreadable
from tests.planning.files import FakeFiles

_CART = """\
import money

class Cart:
    limit = 3

    def add(self, x):
        self.x = x

    def drop(self):
        pass


def total(cart):
    return 0
"""
_FILES = {
    "src/cart.py": _CART,
    "src/api/users.ts": "export const find = () => 1;\nexport function find2(a: number) {\n  return a;\n}\n",
    "src/api/Over.java": "class Over { void f(int a) {} void f(long a) {} }\n",
    "src/api/Test.kt": "fun `is free`() {}\nfun L12() {}\n",
    "src/empty.py": "X = 1\n",
    "lists/files.py": 'FILES = (\n    "src/cart.py",\n    "src/api/users.ts",\n)\n',
    "notes.md": "# Notes\n- src/cart.py\n",
    "tool": "\0\1",
}


@pytest.fixture
def files(tmp_path: Path) -> FakeFiles:
    for path, text in _FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return FakeFiles(tuple(_FILES))


def _resolve(files: FakeFiles, root: Path, selection: Selection, opened: Opened = nothing_open) -> Resolved:
    return resolve(selection, files, root, root, opened)


def _titles(resolved: Resolved) -> list[str]:
    return [unit.title for unit in make_plan("Do {file}", resolved, Options(), {}).units]


def _codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def _part(path: str, start: str, end: str, split: str | None = None) -> Selection:
    """The text of a file from ``start`` to the end of ``end``, as an editor selects it."""
    text = _FILES[path]
    first = text.index(start)
    line = text.count("\n", 0, first)
    origin = Position(line, first - (text.rfind("\n", 0, first) + 1))
    return Selection(text=text[first : text.index(end, first) + len(end)], source=path, origin=origin, split=split)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("self.x", "def drop", ["src/cart.py#Cart.add", "src/cart.py#Cart.drop"]),
        ("class", "limit", ["src/cart.py#Cart"]),
        ("pass", "return", ["src/cart.py#Cart.drop", "src/cart.py#total"]),
        ("pass\n", "\n", ["src/cart.py#Cart.drop"]),
        ("import", "return 0", ["src/cart.py#Cart", "src/cart.py#total"]),
    ],
)
@pytest.mark.parametrize("split", [None, "symbol"])
def test_the_symbols_that_a_selected_text_touches(
    files: FakeFiles, tmp_path: Path, start: str, end: str, expected: list[str], split: str | None
) -> None:
    resolved = _resolve(files, tmp_path, _part("src/cart.py", start, end, split))
    assert _titles(resolved) == expected
    assert resolved.findings == ()


def test_a_symbol_has_its_lines_and_its_name(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, _part("src/cart.py", "pass", "return"))
    assert [entry.target for entry in resolved.entries] == [
        Target("src/cart.py", Range(Position(8, 4), Position(9, 12)), "Cart.drop"),
        Target("src/cart.py", Range(Position(12, 0), Position(13, 12)), "total"),
    ]
    plan = make_plan("Test {symbol} of {file}, lines {range}.", resolved, Options(), {})
    assert [unit.prompt for unit in plan.units] == [
        "Test Cart.drop of src/cart.py, lines 9-10.",
        "Test total of src/cart.py, lines 13-14.",
    ]
    assert [unit.id for unit in plan.units] == ["01-cart-cart-drop", "02-cart-total"]
    assert make_plan("Test {file}.", resolved, Options(), {}).units[1].prompt == (
        "Test src/cart.py.\n\nTarget: src/cart.py#total (lines 13-14)"
    )


def test_a_selection_that_touches_no_symbol(files: FakeFiles, tmp_path: Path) -> None:
    with pytest.raises(EmptySelection, match=r"src/cart\.py has no function or class in line 1"):
        _resolve(files, tmp_path, _part("src/cart.py", "import", "money", "symbol"))
    # Not asked for, it is split otherwise.
    assert _titles(_resolve(files, tmp_path, _part("src/cart.py", "import", "money"))) == ["src/cart.py:1"]


def test_code_that_the_repository_ignores_has_no_units_of_its_own(files: FakeFiles, tmp_path: Path) -> None:
    (tmp_path / "build.py").write_text("def f(): pass\n\ndef g(): pass\n")
    ignoring = FakeFiles(files.files, frozenset({"build.py"}))
    selection = Selection(text="def f(): pass\n\ndef g(): pass\n", source="build.py")
    assert [way.kind for way in ways(selection, ignoring, tmp_path, tmp_path)] == ["item", "line"]
    with pytest.raises(EmptySelection, match=r"build\.py is ignored by the repository"):
        _resolve(ignoring, tmp_path, attrs.evolve(selection, split="symbol"))


def test_files_and_folders_by_their_symbols(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=("src/cart.py", "src/api"), split="symbol"))
    assert _titles(resolved) == [
        "src/cart.py#Cart",
        "src/cart.py#total",
        "src/api/Over.java#Over.f",
        "src/api/Over.java#Over.f~2",
        "src/api/Test.kt#is free",
        "src/api/Test.kt#L12",
        "src/api/users.ts#find",
        "src/api/users.ts#find2",
    ]
    assert resolved.findings == ()
    ids = [unit.id for unit in make_plan("Do {symbol}", resolved, Options(), {}).units]
    assert ids[2:5] == ["03-over-over-f", "04-over-over-f-2", "05-test-is-free"]
    prompts = [unit.prompt for unit in make_plan("Do {symbol}", resolved, Options(), {}).units]
    assert prompts[2:4] == [
        "Do Over.f\n\nTarget: src/api/Over.java#Over.f (line 1)",
        "Do Over.f\n\nTarget: src/api/Over.java#Over.f (line 1)",
    ]


def test_lines_of_a_file_by_the_symbols_in_them(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=("src/cart.py:7-9", "src/cart.py#total"), split="symbol"))
    assert _titles(resolved) == ["src/cart.py#Cart.add", "src/cart.py#Cart.drop", "src/cart.py#total"]


def test_files_that_have_no_symbols_are_named_in_one_finding(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=(".",), split="symbol"))
    assert len(resolved.entries) == 8
    (finding,) = resolved.findings
    assert (finding.code, finding.severity) == ("preflight/no-parts", Severity.INFORMATION)
    assert "notes.md is in no language in which fanout finds functions" in finding.message
    assert finding.message.endswith("It finds them in " + grammars.known() + ".")
    assert "src/empty.py has no function or class" in finding.message
    assert "tool is binary" in finding.message


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"\xff\0", "is binary"), (b"\xff", "is not UTF-8"), (b"x" * 4_200_000, "is larger than 4 MB"), (None, "No such")],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, data: bytes | None, said: str) -> None:
    if data is not None:
        (tmp_path / "a.py").write_bytes(data)
    with pytest.raises(EmptySelection, match=said):
        _resolve(FakeFiles(("a.py",)), tmp_path, Selection(paths=("a.py",), split="symbol"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_texts_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.py").write_bytes("def f():\r\n    return '\U0001f600'\r\n".encode(encoding))
    resolved = _resolve(FakeFiles(("a.py",)), tmp_path, Selection(paths=("a.py",), split="symbol"))
    assert resolved.entries[0].target == Target("a.py", Range(Position(0, 0), Position(1, 14)), "f")


def test_what_the_editor_shows_counts_not_what_is_saved(files: FakeFiles, tmp_path: Path) -> None:
    shown = "# new\n\n\ndef typed():\n    pass\n"

    def opened(path: str) -> str | None:
        return shown if path == "src/cart.py" else None

    whole = _resolve(files, tmp_path, Selection(paths=("src/cart.py", "src/api/users.ts"), split="symbol"), opened)
    assert _titles(whole) == ["src/cart.py#typed", "src/api/users.ts#find", "src/api/users.ts#find2"]
    text = Selection(text="pass", source="src/cart.py", origin=Position(4, 4))
    assert _titles(_resolve(files, tmp_path, text, opened)) == ["src/cart.py#typed"]
    assert ways(text, files, tmp_path, tmp_path, opened)[0] == Way("symbol", 1, "1 function")
    plan = plan_from_document("Do\n- src/cart.py#typed", files, tmp_path, tmp_path, {}, {}, opened=opened)
    assert plan.units[0].variables["range"] == "4-5"
    kept = Workspace(files, tmp_path, tmp_path)
    assert kept.seeing(opened).texts.read("src/cart.py") == shown
    assert kept.seeing(opened).files == kept.files
    assert kept.texts.read("src/cart.py") == _CART
    with pytest.raises(Unreadable, match="larger than 4 MB"):
        Texts(tmp_path, lambda _: "x" * 5_000_000).read("a")


# Items that name a symbol.


def _document(files: FakeFiles, root: Path, text: str) -> tuple[list[tuple[Target, ...]], tuple[Finding, ...]]:
    plan = plan_from_document(text, files, root, root, {}, {}, "x.fanout.md")
    return [unit.targets for unit in plan.units], plan.findings


@pytest.mark.parametrize(
    ("name", "symbol", "lines"),
    [
        ("total", "total", "13-14"),
        ("Cart", "Cart", "3-10"),
        ("add", "Cart.add", "6-7"),
        ("Cart::drop()", "Cart.drop", "9-10"),
    ],
)
def test_an_item_may_name_a_symbol(files: FakeFiles, tmp_path: Path, name: str, symbol: str, lines: str) -> None:
    text = f"Do {{symbol}} in {{file}}: {{range}}\n\n- src/cart.py#{name}: with care\n"
    plan = plan_from_document(text, files, tmp_path, tmp_path, {}, {})
    assert plan.units[0].prompt == f"Do {symbol} in src/cart.py: {lines}\n\nAlso: with care"
    assert plan.findings == ()


@pytest.mark.parametrize(
    ("item", "code", "said"),
    [
        ("src/cart.py#totl", "no-symbol", "no function, class or method totl in src/cart.py. Did you mean total?"),
        ("src/cart.py#zzz", "no-symbol", "zzz in src/cart.py. The unit has no lines"),
        ("src/api/Test.kt#free", "no-symbol", "free in src/api/Test.kt"),
        ("tool#x", "no-symbol", "tool is binary"),
        ("two.py#go", "ambiguous-symbol", "go in two.py may be A.go, B.go: the first was taken"),
    ],
)
def test_an_item_whose_symbol_is_not_there_or_is_not_the_only_one(
    files: FakeFiles, tmp_path: Path, item: str, code: str, said: str
) -> None:
    (tmp_path / "two.py").write_text("class A:\n    def go(self): pass\nclass B:\n    def go(self): pass\n")
    more = FakeFiles((*files.files, "two.py"))
    found, findings = _document(more, tmp_path, f"Do\n\n- {item}\n")
    path, name = item.split("#")
    if code == "no-symbol":
        assert found == [(Target(path, symbol=name),)]
    else:
        assert found == [(Target(path, Range(Position(1, 4), Position(1, 22)), "A.go"),)]
    finding = next(one for one in findings if one.code != "preflight/no-variable")
    assert (finding.code, finding.severity, finding.path) == (f"preflight/{code}", Severity.WARNING, "x.fanout.md")
    assert finding.range == Range(Position(2, 2), Position(2, 2 + len(path)))
    assert said in finding.message


def test_a_heading_of_a_document_is_no_symbol_and_no_mistake(files: FakeFiles, tmp_path: Path) -> None:
    found, findings = _document(files, tmp_path, "Do {file}\n\n- notes.md#Notes\n")
    assert (found, findings) == ([(Target("notes.md", symbol="Notes"),)], ())


@pytest.mark.parametrize(
    "selection",
    [
        Selection(paths=(".",), split="symbol"),
        Selection(paths=("src",), split="folder"),
        Selection(paths=("src/cart.py", "src/api/users.ts", "src/api/Test.kt", "notes.md"), split="folder"),
        Selection(paths=("src/cart.py", "notes.md"), split="line"),
        Selection(text=_CART, source="src/cart.py"),
        Selection(text="import money", source="src/cart.py"),
        Selection(
            problems=(
                Problem("src/cart.py", Range(Position(3, 0), Position(3, 1)), "a: b\n - c", "E1", "lint"),
                Problem("notes.md", Range(Position(0, 0), Position(0, 1)), "`x`", severity=Severity.HINT),
                Problem("src/cart.py", Range(Position(1, 0), Position(1, 1)), "first"),
            )
        ),
    ],
)
def test_a_plan_written_as_a_document_is_read_as_the_same_plan(
    files: FakeFiles, tmp_path: Path, selection: Selection
) -> None:
    split = selection.split or ("diagnostic" if selection.problems else None)
    plan = make_plan("Do it: {file}", _resolve(files, tmp_path, selection), Options(split=split), {})
    again = plan_from_document(document.render_plan(plan), files, tmp_path, tmp_path, {}, {})
    assert [unit.id for unit in again.units] == [unit.id for unit in plan.units] or split is None
    same = [(unit.targets, unit.note, unit.prompt) for unit in plan.units]
    # A name that cannot be written as one is written as its lines.
    written = [(unit.targets, unit.note, unit.prompt) for unit in again.units]
    assert [one for one in same if "is free" not in one[2] and "L12" not in one[2]] == [
        one for one in written if "is free" not in one[2] and "L12" not in one[2]
    ]


@given(st.from_regex(r"[^\s]{1,12}", fullmatch=True) | st.text(min_size=1, max_size=8), st.integers(0, 30))
def test_a_label_is_read_as_its_target(name: str, line: int) -> None:
    place = Range(Position(line, 0), Position(line + 2, 0))
    written = targets.label(Target("src/a.py", place, name))
    text = f"Do\n\n- {written}\n"
    root = Path("/nowhere")
    (unit,) = plan_from_document(text, FakeFiles(("src/a.py",)), root, root, {}, {}).units
    assert unit.targets in {(Target("src/a.py", symbol=name),), (Target("src/a.py", place),)}


# Folders, lines and problems.


def test_files_are_grouped_by_their_folders(files: FakeFiles, tmp_path: Path) -> None:
    chosen = ("src/api/users.ts", "src/cart.py", "notes.md", "src/api/Test.kt")
    resolved = _resolve(files, tmp_path, Selection(paths=chosen, split="folder"))
    assert [(entry.target, entry.folder, entry.note) for entry in resolved.entries] == [
        (Target("src/api"), True, "only these files right in it: users.ts, Test.kt"),
        (Target("src"), True, "only these files right in it: cart.py"),
        (Target("."), True, "only these files right in it: notes.md"),
    ]
    assert resolved.findings == ()
    (unit, *_) = make_plan("Document {dir}.", resolved, Options(), {}).units
    assert unit.prompt == "Document src/api.\n\nAlso: only these files right in it: users.ts, Test.kt"


def test_a_folder_whose_files_are_all_named_is_meant_as_a_whole(files: FakeFiles, tmp_path: Path) -> None:
    text = "- src/api/users.ts: first\n- src/api/Test.kt\n- src/api/Over.java\n"
    (entry,) = _resolve(files, tmp_path, Selection(text=text, split="folder")).entries
    assert (entry.target, entry.note) == (Target("src/api"), "users.ts: first")


def test_where_a_folder_is_named_files_stay_files(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=("src/api", "notes.md"), split="folder"))
    assert [(entry.target, entry.folder) for entry in resolved.entries] == [
        (Target("src/api"), True),
        (Target("notes.md"), False),
    ]


def test_lines_of_files_and_of_selected_code(files: FakeFiles, tmp_path: Path) -> None:
    resolved = _resolve(files, tmp_path, Selection(paths=("notes.md",), split="line"))
    assert [(entry.target, entry.item) for entry in resolved.entries] == [
        (Target("notes.md", Range(Position(0, 0), Position(1, 0))), "# Notes"),
        (Target("notes.md", Range(Position(1, 0), Position(2, 0))), "- src/cart.py"),
    ]
    some = _resolve(files, tmp_path, Selection(paths=("src/cart.py:4-7",), split="line"))
    assert [entry.item for entry in some.entries] == ["limit = 3", "def add(self, x):", "self.x = x"]
    assert some.findings == ()
    code = _resolve(files, tmp_path, _part("src/cart.py", "limit", "self.x = x\n", "line"))
    assert code.entries == tuple(attrs.evolve(entry, range=None) for entry in some.entries)
    (tmp_path / "tool").write_text(" \n\t\r\n")
    with pytest.raises(EmptySelection, match="tool has no text"):
        _resolve(files, tmp_path, Selection(paths=("tool",), split="line"))


def _problem(path: str, line: int, message: str, code: str = "", source: str = "") -> Problem:
    return Problem(path, Range(Position(line, 0), Position(line, 5)), message, code, source)


def test_problems_make_a_unit_of_each_file(files: FakeFiles, tmp_path: Path) -> None:
    problems = (
        _problem(str(tmp_path / "src/cart.py"), 8, "unused 'x'", "F841", "ruff"),
        _problem("src/api/users.ts", 1, "no\n  type", "2322", "ts"),
        _problem(str(tmp_path / "src/cart.py"), 3, "bad"),
        _problem("src/gone.py", 0, "?"),
    )
    selection = Selection(text="x", source="src/cart.py", problems=problems, split="diagnostic")
    resolved = _resolve(files, tmp_path, selection)
    plan = make_plan("Fix {file}", resolved, Options(), {})
    assert [(unit.title, unit.targets) for unit in plan.units] == [
        ("src/cart.py", (Target("src/cart.py"),)),
        ("src/api/users.ts", (Target("src/api/users.ts"),)),
    ]
    said = "line 4: error: bad\nline 9: error: unused 'x' (ruff F841)"
    assert [unit.note for unit in plan.units] == [said, "line 2: error: no type (ts 2322)"]
    assert plan.units[0].prompt == f"Fix src/cart.py\n\nProblems to mend:\n{said}"
    assert _codes(plan.findings) == ["preflight/missing"]
    named = make_plan("Fix these in {file}:\n{problems}", resolved, Options(), {})
    assert named.units[0].prompt == f"Fix these in src/cart.py:\n{said}"


def test_without_problems_that_split_and_that_variable_are_refused(files: FakeFiles, tmp_path: Path) -> None:
    with pytest.raises(EmptySelection, match="no problems of the selection are known"):
        _resolve(files, tmp_path, Selection(paths=("src",), split="diagnostic"))
    with pytest.raises(PlanError, match="Split by diagnostic"):
        make_plan("Fix {problems}", _resolve(files, tmp_path, Selection(paths=("src",))), Options(), {})
    with pytest.raises(BadOption):
        _resolve(files, tmp_path, Selection(paths=("src",), split="function"))


def test_many_and_long_problems_are_cut() -> None:
    said = listed([_problem("a", 1, "x" * 600), *(_problem("a", n, "same") for n in range(300))])
    lines = said.split("\n")
    assert len(lines) == 201
    assert lines[-1] == "and 101 more"
    assert max(map(len, lines)) < 520
    assert listed([_problem("a", 1, "same")] * 5) == "line 2: error: same"


# The ways.


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (_part("src/cart.py", "self.x", "def drop"), ["symbol: 2 functions", "line: 2 lines"]),
        (_part("src/cart.py", "class", "return"), ["symbol: 2 functions or classes", "line: 8 lines"]),
        (_part("src/cart.py", "class", "limit"), ["symbol: 1 class", "line: 2 lines"]),
        (_part("src/cart.py", "import", "money"), ["line: 1 line"]),
        (Selection(paths=("src/cart.py",)), ["path: 1 file", "symbol: 2 functions or classes"]),
        (Selection(paths=("src/cart.py:6-9",)), ["path: 1 file", "symbol: 2 functions"]),
        (Selection(paths=("notes.md",)), ["path: 1 file"]),
        (Selection(paths=("src/api",)), ["path: 3 files", "symbol: 6 functions", "folder: 1 folder"]),
        (
            Selection(paths=("src/cart.py", "src/api/users.ts")),
            ["path: 2 files", "symbol: 4 functions or classes", "folder: 2 folders"],
        ),
        (
            Selection(text="- src/cart.py#total\n- src/api\n", source="notes.md"),
            ["path: 4 files", "symbol: 7 functions", "item: 2 items", "folder: 2 files or folders", "line: 2 lines"],
        ),
        (
            _part("lists/files.py", '"src/cart', 'users.ts",'),
            ["path: 2 files", "symbol: 4 functions or classes", "folder: 2 folders", "line: 2 lines"],
        ),
        (Selection(text="one\ntwo\n", source="x.txt"), ["item: 2 items", "line: 2 lines"]),
        (
            Selection(problems=(_problem("src/cart.py", 1, "x"), _problem("src/cart.py", 2, "y"))),
            ["diagnostic: 2 problems"],
        ),
        (
            Selection(paths=("src/cart.py",), problems=(_problem("src/cart.py", 1, "x"), _problem("notes.md", 2, "y"))),
            ["path: 1 file", "symbol: 2 functions or classes", "diagnostic: 2 problems in 2 files"],
        ),
        (Selection(text=" \n"), []),
        (Selection(paths=("src/gone.py",)), []),
    ],
)
def test_the_ways_to_split_each_selection(
    files: FakeFiles, tmp_path: Path, selection: Selection, expected: list[str]
) -> None:
    found = ways(selection, files, tmp_path, tmp_path)
    assert [f"{way.kind}: {way.label}" for way in found] == expected
    for way in found:
        split = attrs.evolve(selection, split=way.kind)
        assert len(_resolve(files, tmp_path, split).entries) == way.count
    if found:
        best = len(_resolve(files, tmp_path, selection).entries)
        assert best == found[0].count


def test_what_changed_is_split_by_file_or_by_folder_and_is_no_list(files: FakeFiles, tmp_path: Path) -> None:
    class Changed(FakeFiles):
        def changed(self, written: str) -> Changes:
            return Changes(written, "a" * 40, "b" * 40, ("src/cart.py", "notes.md"))

    changed = Changed(files.files)
    found = ways(Selection(items=("changes: main..", " ")), changed, tmp_path, tmp_path)
    assert [f"{way.kind}: {way.label}" for way in found] == [
        "path: 2 files",
        "symbol: 2 functions or classes",
        "folder: 2 folders",
    ]
    listed = ways(Selection(items=("changes: main..", "src/cart.py")), changed, tmp_path, tmp_path)
    assert listed[0].kind == "item"


def test_very_many_symbols_are_not_counted_to_the_end(tmp_path: Path) -> None:
    names = tuple(f"f{n}.py" for n in range(40))
    for name in names:
        (tmp_path / name).write_text("def f(): pass\n" * 1500)
    found = ways(Selection(paths=(".",)), FakeFiles(names), tmp_path, tmp_path)
    (symbols,) = [way for way in found if way.kind == "symbol"]
    assert symbols.label == f"more than {symbols.count} functions"
    assert 10_000 < symbols.count < 60_000


def test_ways_of_ten_thousand_lines_are_found_quickly(tmp_path: Path) -> None:
    text = "".join(f"def f{n}(a, b):\n    return a + b * {n}\n\n\n" for n in range(2500))
    (tmp_path / "a.py").write_text(text)
    selection = Selection(text=text, source="a.py")
    parsing.find_in(worker.SHARED, "", ("python",), is_header=False)
    begun = time.process_time()
    assert ways(selection, FakeFiles(("a.py",)), tmp_path, tmp_path)[0] == Way("symbol", 2500, "2500 functions")
    # It takes 0.05 s; the parser's own time is another process's.
    assert time.process_time() - begun < 0.5
    assert len(_resolve(FakeFiles(("a.py",)), tmp_path, selection).entries) == 2500


def test_ten_thousand_units_of_one_file_make_no_findings(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(): pass\n" * 10_000)
    resolved = _resolve(FakeFiles(("a.py",)), tmp_path, Selection(paths=("a.py",), split="symbol"))
    assert len(resolved.entries) == 10_000
    assert resolved.findings == ()
    plan = make_plan("Do {symbol}", resolved, Options(), {})
    assert len({unit.id for unit in plan.units}) == len({unit.title for unit in plan.units}) == 10_000


def test_parts_that_overlap_are_pointed_out(files: FakeFiles, tmp_path: Path) -> None:
    apart = _resolve(files, tmp_path, Selection(paths=("src/cart.py#add", "src/cart.py#drop", "src/cart.py:13-14")))
    assert apart.findings == ()
    over = _resolve(files, tmp_path, Selection(paths=("src/cart.py#Cart", "src/cart.py#drop")))
    assert _codes(over.findings) == ["preflight/shared-file"]
