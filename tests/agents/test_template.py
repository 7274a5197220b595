from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.agents.template import UnknownVariable, fill, variables

VALUES = {"file": "src/a b.py", "brace": "{file}", "set_one": "1"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{file}", "src/a b.py"),
        ("--in={file}:{file}", "--in=src/a b.py:src/a b.py"),
        ("{brace}", "{file}"),
        ("{{file}}", "{file}"),
        ("${{{file}", "${{src/a b.py"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ("awk '{print $1}' {file}", "awk '{print $1}' src/a b.py"),
        ("test -f x && { echo {set_one}; } || ${HOME}", "test -f x && { echo 1; } || ${HOME}"),
        ("{}", "{}"),
    ],
)
def test_fill(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


@pytest.mark.parametrize(("text", "name", "offset"), [("{nope}", "nope", 0), ("a {{b}} {fil}", "fil", 8)])
def test_an_unknown_name_is_told_with_its_place(text: str, name: str, offset: int) -> None:
    with pytest.raises(UnknownVariable, match=rf"\{{{name}\}}") as caught:
        fill(text, VALUES)
    assert (caught.value.name, caught.value.offset) == (name, offset)


def test_variables_are_those_that_fill_looks_up() -> None:
    assert variables("{a}{{b}}{c} {d e} {E} {f-g}") == {"a", "c"}


def escaped(text: str) -> str:
    return re.sub(r"\{[a-z_][a-z0-9_]*\}", r"{\g<0>}", text)


@settings(max_examples=200, deadline=None)
@given(st.text("{}ab_1 $"))
def test_escaped_text_comes_back(text: str) -> None:
    assert fill(escaped(text), {}) == text


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_what_a_value_holds_is_left_alone(value: str) -> None:
    assert fill("<{v}>", {"v": value}) == f"<{value}>"
