"""Where the keys of a TOML text are: whatever stands in strings, comments and arrays around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server import toml_lines
from fanout_server.toml_lines import BadToml

TEXT = '''# options.jobs = 1
trust = [
  "/a", # x ] y
  "~/[b",
]
options.jobs = 3
long = """
fake = 1
[fake]
a quote: \\""" and two at the end"""""
raw = \'\'\'
fake = "
\'\'\'
q."a.b".'c' = {x = 1, y = [1,
2]}

[[presets]] # [not]
title = "x"
[presets.options]
jobs = 2
[[presets]]
 title = "# y"
 options = { jobs = 5 }
[a.b]
'''


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_key_has_its_line(end: str) -> None:
    text = TEXT.replace("\n", end)
    toml_lines.parse(text)
    found = toml_lines.lines_of(text)
    assert {way: line for way, line in found.items() if way[0] != "q"} == {
        ("trust",): 2,
        ("options",): 6,
        ("options", "jobs"): 6,
        ("long",): 7,
        ("raw",): 11,
        ("presets",): 17,
        ("presets", 0): 17,
        ("presets", 0, "title"): 18,
        ("presets", 0, "options"): 19,
        ("presets", 0, "options", "jobs"): 20,
        ("presets", 1): 21,
        ("presets", 1, "title"): 22,
        ("presets", 1, "options"): 23,
        ("presets", 1, "options", "jobs"): 23,
        ("a",): 24,
        ("a", "b"): 24,
    }
    assert found["q", "a.b", "c", "y"] == 14


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \nc = 3\n", 2),
        ("a = 1\na = 2\n", 2),
        ('a = 1\nb = """x\n\n', 4),
        ("a = " + "9" * 5000, None),
        ("a = " + "[" * 100_000, None),
        ("\0", 1),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, line: int | None) -> None:
    with pytest.raises(BadToml) as caught:
        toml_lines.parse(text)
    assert caught.value.line == line
    assert str(caught.value).endswith(".")


def test_keys_of_any_depth_take_no_time() -> None:
    text = ".".join(["a"] * 2000) + " = 1\n[" + ".".join(["b"] * 2000) + "]\n"
    found = toml_lines.lines_of(text)
    assert found["a", "a", "a"] == 1
    assert found["b", "b"] == 2


KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
STRINGS = st.text(st.sampled_from("ab=[]{}#'\n\t \U0001f600"), max_size=12)
FILLINGS = st.sampled_from(["", "# [x]\n", "\n\n", "# a = '\n"])


def _written(value: str, kind: int) -> str:
    match kind:
        case 0:
            return '"""\n' + value + '"""'
        case 1:
            return "[\n1, # ]\n" + "[2,\n3]]"
        case _:
            return '"' + value.replace("\n", "\\n").replace("\t", "\\t") + '"'


@given(st.lists(st.tuples(KEYS, STRINGS, st.integers(0, 2), FILLINGS), unique_by=lambda one: one[0], max_size=6))
def test_the_lines_are_those_on_which_the_keys_were_written(entries: list[tuple[str, str, int, str]]) -> None:
    text, expected = "[top]\n", {}
    for key, value, kind, filling in entries:
        text += filling
        expected[key] = text.count("\n") + 1
        text += f"{key} = {_written(value, kind)}\n"
    assert set(toml_lines.parse(text)["top"]) == set(expected)
    found = toml_lines.lines_of(text)
    assert {way[1]: line for way, line in found.items() if len(way) == 2} == expected


PIECES = st.sampled_from(
    [
        "a",
        "b.c",
        '"x"',
        "'y'",
        " = ",
        " ",
        "\n",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        '"""',
        "'''",
        '"',
        "'",
        "#",
        "1",
        ",",
        "\\",
    ]
)
PAIRS = st.sampled_from(
    [
        "a = 1\n",
        "b.c = [\n1,\n]\n",
        "[a]\n",
        "[[t]]\n",
        "[t.u]\n",
        'k = """\n',
        '"""\n',
        "s = '#'\n",
        "d = {a = {b = 1}}\n",
    ]
)


@given(st.lists(PIECES | PAIRS, max_size=14).map("".join))
def test_whatever_is_toml_has_lines(text: str) -> None:
    try:
        content = toml_lines.parse(text)
    except BadToml:
        return
    found = toml_lines.lines_of(text)
    assert {(key,) for key in content} == {way for way in found if len(way) == 1}
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
