"""Quotes as reviewers write them, found where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.model import Position
from fanout_server.review.anchoring import Anchor, Text, Way
from fanout_server.review.fitting import fitted

TEXT = """import os

def load(path: str) -> dict[str, int]:
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    found = {}
    for line in lines:
        name, value = line.split("=", 1)
        found[name.strip()] = int(value)
    return found


def save(path: str, values: dict[str, int]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for name, value in values.items():
            file.write(f"{name}={value}\\n")
"""


def find(quote: str, hint: int | None = None, text: str = TEXT) -> Anchor:
    found = Text(text).find(quote, hint)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("quote", "line", "way"),
    [
        ("    found = {}\n    for line in lines:", 5, Way.EXACT),
        ("found = {}\nfor line in lines:", 5, Way.EXACT),
        ("```python\n    found = {}\n    for line in lines:\n```", 5, Way.EXACT),
        ("6:     found = {}\n7:     for line in lines:", 5, Way.EXACT),
        ("  6 |     found = {}\n  7 |     for line in lines:", 5, Way.EXACT),
        ("+    found = {}\n+    for line in lines:", 5, Way.EXACT),
        ("@@ -1,2 +3,4 @@\n-    found = dict()\n+    found = {}\n     for line in lines:", 5, Way.EXACT),
        ("`name, value = line.split('=', 1)`", 7, Way.EXACT),
        ("with open(path, encoding=“utf-8”) as file", 3, Way.PART),
        ("int(value)", 8, Way.PART),
        ("for line in lines: name, value = line.split('=', 1)", 6, Way.PART),
        ("def load(path: str) -> dict[str, int]:\n    ...\n    return found", 2, Way.HEAD_AND_TAIL),
        ("with open(path, encoding='utf-8') as file: … return found", 3, Way.HEAD_AND_TAIL),
        ("def load(path: str) -> dict[str, int]:\n    found = {}\n    return found", 2, Way.GAPPED),
        ("found[name.strip()] = float(value)", 8, Way.FUZZY),
    ],
)
def test_a_quote_is_found(quote: str, line: int, way: Way) -> None:
    found = find(quote)
    assert (found.range.start.line, found.way) == (line, way)


@pytest.mark.parametrize(
    "quote",
    [
        "",
        "   \n",
        "```\n```",
        "}",
        "raise ValueError(f'no such key {name}')",
        "class Store:\n    def __init__(self):",
        "\0",
    ],
)
def test_what_nobody_wrote_is_not(quote: str) -> None:
    assert Text(TEXT).find(quote, 3) is None


def test_of_several_places_the_nearest_counts_and_none_is_sure() -> None:
    text = "a = compute()\n\n" * 5
    found = find("a = compute()", 6, text)
    assert (found.range.start.line, found.unique, found.replaceable) == (4, False, False)
    assert find("9: a = compute()", None, text).range.start.line == 8


def test_ranges_are_those_of_the_text_as_it_is() -> None:
    text = "\ufeffx = 1;\r\n\tfoo( a,b );\r\ny\r\n"
    found = find("foo(a, b);", None, text)
    assert (found.range.start, found.range.end) == (Position(1, 1), Position(1, 12))
    assert find("foo(a, b)", None, text).range.end == Position(1, 11)


def test_a_replacement_gets_the_indentation_of_its_place() -> None:
    quote = "for line in lines:\n    name, value = line.split('=', 1)"
    new = fitted(TEXT, find(quote), quote, "```\nfor line in lines:\n    if line:\n        pass\n```")
    assert new == "for line in lines:\n        if line:\n            pass"
    assert fitted(TEXT, find("found[name.strip()] = float(value)"), "", "x") is None
    assert fitted(TEXT, find("return found"), "return found", "return found") is None


def test_line_ends_of_the_file_are_kept_in_a_replacement() -> None:
    text = "one\r\ntwo\r\n"
    assert fitted(text, find("one", None, text), "one", "1\n2") == "1\r\n2"


LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40), max_size=12)


@given(LINES, st.text(max_size=80), st.none() | st.integers(-5, 40))
def test_any_quote_of_any_text_lies_within_it_or_nowhere(lines: list[str], quote: str, hint: int | None) -> None:
    found = Text("\n".join(lines)).find(quote, hint)
    if found is not None:
        start, end = found.range.start, found.range.end
        assert start <= end
        assert 0 <= start.character < len(lines[start.line])
        assert end.character <= len(lines[end.line])


@given(st.lists(st.integers(0, 10**9), min_size=3, max_size=30, unique=True), st.data())
def test_whole_lines_are_found_exactly(numbers: list[int], data: st.DataObject) -> None:
    lines = [f"  value_{number} = make({number}, '{number}');" for number in numbers]
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start + 1, len(lines)))
    found = find("\n".join(lines[start:end]), None, "\n".join(lines))
    assert (found.range.start.line, found.range.end.line, found.way) == (start, end - 1, Way.EXACT)
    assert found.replaceable
