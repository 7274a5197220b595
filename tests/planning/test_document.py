from __future__ import annotations

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.model import Options, Plan, Position, Range, Target, Unit
from fanout_server.planning import document
from tests.test_settings import OPTIONS

_PIECES = """
---|jobs: 4|owns: '{x}'|- a|- b: c|* |1. x||  more|{file}|{nope}|text|```|`q`: r|"s"|: |- [ ] d|- - -
""".strip("\n").split("|")
_ODD = ["\r\n", "\r", "\n", "\ufeff", "\f", "\u2028", "\t", "\U0001f600", "\udc80"]
_PLAN_TEXT = st.lists(st.sampled_from([*(f"{piece}\n" for piece in _PIECES), *_PIECES, *_ODD]), max_size=25).map(
    "".join
)
_LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
_NOTE = st.lists(_LINE.map(lambda line: line.rstrip(" \t")), max_size=4).map(lambda lines: "\n".join(lines).strip())
_TARGET = st.text(min_size=1, max_size=14) | st.sampled_from(
    [
        "src/a b.ts",
        "a: b",
        "`x`",
        '"x"',
        "- - -",
        "[ ] a",
        "a:",
        " a ",
        "a\nb",
        "1. x",
        "[a](b)",
        "'a'",
        "#a",
        "bad\udc80name",
        "\\",
        "a\\n",
    ]
)


@settings(max_examples=200, deadline=None)
@given(_PLAN_TEXT | st.text())
def test_any_text_prints_back_and_its_parts_stand_where_they_say(text: str) -> None:
    parsed = document.parse(text)
    assert document.print_document(parsed) == text
    start = parsed.instruction_start
    assert text[start : start + len(parsed.instruction)] == parsed.instruction


@settings(max_examples=150, deadline=None)
@given(
    _PLAN_TEXT.filter(lambda text: not text.strip(" \t\r\n").startswith("\ufeff")) | st.text(),
    OPTIONS,
    st.lists(st.tuples(_TARGET, _NOTE), min_size=1, max_size=4),
)
def test_what_is_rendered_parses_to_the_same(instruction: str, options: Options, items: list[tuple[str, str]]) -> None:
    parsed = document.parse(document.render(instruction, options, items), ("x", "nope"))
    assert parsed.instruction == instruction.strip(" \t\r\n")
    assert [problem for problem in parsed.problems if problem.code != "plan/unknown-variable"] == []
    assert attrs.evolve(Options(), **parsed.options) == options  # type: ignore[arg-type]  # of its own parsed values
    assert [(item.target, item.note) for item in parsed.items] == items


def _range(line: int, start: int, end: int) -> Range:
    return Range(Position(line, start), Position(line, end))


def test_the_parts_of_a_document_have_exact_places() -> None:
    header = "\ufeff---\r\njobs: 2\r\n---\r\n\r\n"
    text = header + "Do {file}.\r\n\r\n- src/a.ts: note\r\n- `b: c.ts`: x\r\n  more\r\n- src/d.ts#e"
    parsed = document.parse(text)
    assert (parsed.instruction, parsed.instruction_range) == ("Do {file}.", _range(4, 0, 10))
    assert [(item.target, item.note) for item in parsed.items] == [
        ("src/a.ts", "note"),
        ("b: c.ts", "x\nmore"),
        ("src/d.ts#e", ""),
    ]
    assert [item.target_range for item in parsed.items] == [_range(6, 2, 10), _range(7, 2, 11), _range(9, 2, 12)]
    assert parsed.items[0].note_range == _range(6, 12, 16)
    assert parsed.items[1].note_range == Range(Position(7, 13), Position(8, 6))
    assert parsed.items[2].note_range is None
    assert parsed.items[1].range == Range(Position(7, 2), Position(8, 6))


@pytest.mark.parametrize(
    ("text", "instruction", "targets"),
    [
        ("Do\n\n- a\n- b\n", "Do", ["a", "b"]),
        ("Do:\n- a\n\n\n- b", "Do:", ["a", "b"]),
        ("Do\n1. a\n2. b", "Do", ["a", "b"]),
        ("Rules:\n- x\n- y\n\nFiles:\n- a", "Rules:\n- x\n- y\n\nFiles:", ["a"]),
        ("Rules:\n- x\n\n* a", "Rules:\n- x", ["a"]),
        ("- a\n\nthe end", "- a\n\nthe end", []),
        ("- a\n-\n- \n- b", "", ["a", "b"]),
        ("Do\n\n- a\f\u2028b\n- c", "Do", ["a\f\u2028b", "c"]),
        ("Do\n\n  - a", "Do\n\n  - a", []),
        ("", "", []),
    ],
)
def test_the_units_are_the_list_that_ends_the_document(text: str, instruction: str, targets: list[str]) -> None:
    parsed = document.parse(text)
    assert parsed.instruction == instruction
    assert [item.target for item in parsed.items] == targets


def test_unknown_variables_are_errors_at_their_places() -> None:
    text = (
        '---\nowns: ["t/{stm}.ts"]  # {comment}\nverify: "a \\x7bhid}"\n---\nDo 😀 {fil} {a: 1} {{x}} {lang}\n- {item}'
    )
    problems = document.parse(text, ["lang"]).problems
    assert [problem.code for problem in problems] == ["plan/unknown-variable"] * 3
    assert [problem.range for problem in problems] == [_range(1, 10, 15), _range(2, 8, 20), _range(4, 5, 10)]
    assert "did you mean 'stem'?" in problems[0].message
    assert "{{fil}}" in problems[2].message


def test_a_command_knows_more_variables() -> None:
    assert document.parse("---\ncommand: x {prompt} {prompt_file} {cwd} {model} {file}\n---\n").problems == ()
    assert document.parse("---\nverify: x {prompt}\n---\n").problems != ()


def test_rendering_needs_an_item() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        document.render("x", Options(), [])


def test_a_plan_renders_as_people_write_it() -> None:
    units = (
        Unit("01-a", "src/a.ts", "", (Target("src/a.ts"),), "also b", {"file": "src/a.ts", "lang": "de"}),
        Unit("02-m", "m", "", (Target("m.ts", symbol="f"),), "", {"lang": "de"}),
        Unit("03-r", "r", "", (Target("r.ts", range=Range(Position(1, 0), Position(3, 0))),)),
        Unit("04-t", "Fix it", "", variables={"item": "Fix it"}),
    )
    options = Options(agent="claude", timeout=90.0, owns=("{lang}/{stem}.ts",), budget=3.0)
    assert document.render_plan(Plan("Translate {file} to {lang}.", units, options)) == (
        "---\nagent: claude\nowns: ['de/{stem}.ts']\ntimeout: 1m30s\nbudget: $3.00\n---\n"
        "Translate {file} to de.\n\n- src/a.ts: also b\n- m.ts#f\n- r.ts:2-3\n- Fix it\n"
    )
