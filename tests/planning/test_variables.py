from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.model import Position, Range, Target
from fanout_server.planning import variables

_BRACED = st.text(st.sampled_from("{}ab_1 A\n")) | st.text()


@settings(max_examples=200, deadline=None)
@given(_BRACED)
def test_pieces_are_all_of_the_text_in_order(text: str) -> None:
    pieces = variables.parse(text)
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    assert [piece.start for piece in pieces] == [0, *(piece.end for piece in pieces[:-1])][: len(pieces)]


@settings(max_examples=200, deadline=None)
@given(_BRACED)
def test_an_escaped_text_expands_to_itself(text: str) -> None:
    assert variables.expand(variables.escape(text), {}) == text


@pytest.mark.parametrize(
    "code",
    ["function() { return {a: 1}; }", '{"key": {"b": [1]}}', "{}", "{ file }", "{File}", "{1}", "{a-b}", "{{ x }}"],
)
def test_braces_of_code_are_themselves(code: str) -> None:
    assert variables.names(code) == ()
    assert variables.expand(code, {}) == code


def test_variables_are_filled_in_once() -> None:
    assert variables.expand("{a}{b} {a: 1} {{a}}", {"a": "{b}", "b": "2"}) == "{b}2 {a: 1} {a}"
    assert variables.names("{b} {a} {b} {{c}}") == ("b", "a")


def test_an_unknown_variable_has_its_place() -> None:
    with pytest.raises(variables.UnknownVariable) as caught:
        variables.expand("ä😀 {file} {stm}", {"file": "x"})
    assert (caught.value.name, caught.value.start, caught.value.end) == ("stm", 10, 15)
    assert "{{stm}}" in str(caught.value)


def test_binding_leaves_the_other_variables() -> None:
    bound = variables.bind("{file} in {lang} {{lang}}", {"lang": "{c}"})
    assert variables.expand(bound, {"file": "f"}) == "f in {c} {lang}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/api/users.ts", {"name": "users.ts", "stem": "users", "ext": "ts", "dir": "src/api"}),
        ("users.test.ts", {"name": "users.test.ts", "stem": "users.test", "ext": "ts", "dir": "."}),
        ("a/Makefile", {"name": "Makefile", "stem": "Makefile", "dir": "a"}),
        (".env", {"name": ".env", "stem": ".env", "dir": "."}),
    ],
)
def test_what_a_file_gives(path: str, expected: dict[str, str]) -> None:
    assert variables.values_of("it", Target(path)) == {"item": "it", "file": path, **expected}


def test_what_a_folder_and_a_text_give() -> None:
    folder = variables.values_of("x", Target("src/v1.2"), folder=True)
    assert folder == {"item": "x", "file": "src/v1.2", "name": "v1.2", "stem": "v1.2", "dir": "src/v1.2"}
    assert variables.values_of("only text", None) == {"item": "only text"}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [((11, 0), (20, 0), "12-20"), ((11, 0), (12, 0), "12"), ((11, 3), (11, 3), "12"), ((0, 0), (3, 1), "1-4")],
)
def test_ranges_count_lines_from_one(start: tuple[int, int], end: tuple[int, int], expected: str) -> None:
    assert variables.line_range(Range(Position(*start), Position(*end))) == expected
