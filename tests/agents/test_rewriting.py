"""Rewriting texts: what the rules of the agent ``rewrite`` mean."""

from __future__ import annotations

import time

import pytest
from ast_grep_py import SgRoot
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.agents import languages
from fanout_server.agents.rewriting import Rule, RuleError, Span, line_starts, offset, rewrite


def py(text: str, pattern: str, to: str) -> str:
    return rewrite(text, Rule(pattern, to), "python").text


@pytest.mark.parametrize(
    ("pattern", "to", "text", "expected"),
    [
        ("foo($A)", "bar($A)", "foo(1)\nfoo(1, 2)\n", "bar(1)\nfoo(1, 2)\n"),
        ("foo($A, $B)", "foo($B, $A)", "x = foo(a.b, [1,  2])", "x = foo([1,  2], a.b)"),
        ("foo($$$ARGS)", "bar($$$ARGS, k=1)", "foo(a,b ,  *c)", "bar(a,b ,  *c, k=1)"),
        ("foo($$$ARGS)", "bar($$$ARGS)", "foo()", "bar()"),
        ("foo($A, $$$REST)", "$A.foo($$$REST)", "foo(x, y, z)", "x.foo(y, z)"),
        ("$A == None", "$A is None", "if a == None and b.c() == None: pass", "if a is None and b.c() is None: pass"),
        ("foo($A)", "$A", "foo(foo(foo(1)))", "1"),
        ("foo($A)", "bar($A, $A)", "foo(foo(1))", "bar(bar(1, 1), bar(1, 1))"),
        ("foo($A)", "done", "foo(foo(1))", "done"),
        ("foo($A)", r"f'\$A {$A}'", "foo(1)", "f'$A {1}'"),
        ("foo($A, $A)", "same($A)", "foo(1, 1); foo(1, 2)", "same(1); foo(1, 2)"),
        ("foo($_)", "bar()", "foo(x)", "bar()"),
        ("foo($A)", "bar(\n    $A\n)", "    foo([\n  1,\n])", "    bar(\n    [\n  1,\n]\n)"),
        ("foo", "", "a = foo", "a = "),
    ],
)
def test_python(pattern: str, to: str, text: str, expected: str) -> None:
    assert py(text, pattern, to) == expected


def test_typescript() -> None:
    text = "const a: Foo = require('a');\nlet b = require(require('b'));\n"
    rule = Rule("require($A)", "await import($A)")
    expected = "const a: Foo = await import('a');\nlet b = await import(await import('b'));\n"
    assert rewrite(text, rule, "typescript") == (expected, 3, None)


def test_tsx() -> None:
    text = "const x = <Old a={1}>{old(<b/>)}</Old>;"
    assert rewrite(text, Rule("old($A)", "fresh($A)"), "tsx").text == "const x = <Old a={1}>{fresh(<b/>)}</Old>;"


def test_a_match_in_what_an_outer_one_drops_is_not_counted() -> None:
    rule = Rule("foo($A, $B)", "foo2($A)")
    assert rewrite("foo(foo(1, 2), foo(3, 4))", rule, "python") == ("foo2(foo2(1))", 2, None)


def test_what_matches_its_own_rule_is_rewritten_once() -> None:
    assert py("foo(foo(1))", "foo($A)", "foo(foo($A))") == "foo(foo(foo(foo(1))))"


def test_a_pattern_that_fits_everything_ends() -> None:
    assert py("f(1)", "$A", "($A)") == "((f)(((1))))"


@pytest.mark.parametrize("lead", ["", "'é'; ", "'😀𝔘'; ", "'\u2028'; ", "\x0c", "# 😀\r\n", "\ufeff"])
def test_offsets_count_code_points(lead: str) -> None:
    assert py(f"{lead}foo('😀', x)\r\n", "foo($A, $B)", "foo($B, $A)") == f"{lead}foo(x, '😀')\r\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_line_ends_stay(end: str) -> None:
    text = f"a = 1{end or '; '}foo(1){end}"
    assert py(text, "foo($A)", "bar($A)") == text.replace("foo", "bar")


def test_only_what_lies_inside_a_span() -> None:
    text = "foo(1)\nfoo(2)\nfoo(3)\n"
    found = rewrite(text, Rule("foo($A)", "longer($A)"), "python", [Span(7, 13)])
    assert found == ("foo(1)\nlonger(2)\nfoo(3)\n", 1, [Span(7, 16)])


def test_a_match_that_reaches_out_of_a_span_stays_but_not_its_inner_ones() -> None:
    text = "foo(foo(1))"
    assert rewrite(text, Rule("foo($A)", "b($A)"), "python", [Span(4, 11)]) == ("foo(b(1))", 1, [Span(4, 9)])


def test_spans_follow_the_text_through_rules() -> None:
    text = "é(1)\nfoo(1); foo(2)\nfoo(3)\nfoo(4)\n"
    spans: list[Span] | None = [Span(5, 19), Span(20, 26), Span(21, 26), Span(27, 27)]
    for rule in (Rule("foo($A)", "longer_name($A)"), Rule("longer_name($A)", "f($A)")):
        text, _, spans = rewrite(text, rule, "python", spans)
    assert text == "é(1)\nf(1); f(2)\nf(3)\nfoo(4)\n"
    assert spans is not None
    assert [text[span.start : span.end] for span in spans[:2]] == ["f(1); f(2)", "f(3)"]
    assert spans[3] == Span(21, 21)


def test_no_span_at_all_means_nothing() -> None:
    assert rewrite("foo(1)", Rule("foo($A)", "b"), "python", []).text == "foo(1)"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule("", "x"), "cannot be used"),
        (Rule("a = 1; b = 2", "x"), "Multiple AST nodes"),
        (Rule("foo($A)", "$B"), r"uses \$B, but the pattern 'foo\(\$A\)' captures \$A"),
        (Rule("foo()", "$B"), "captures nothing"),
        (Rule("foo($$$A)", "$A"), r"uses \$A, .* captures \$\$\$A"),
        (Rule("foo($A)", "$$$A"), r"uses \$\$\$A, .* captures \$A"),
        (Rule("foo($_A)", "$_A"), "captures nothing"),
    ],
)
def test_rules_that_cannot_work(rule: Rule, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        rewrite("foo(1)", rule, "python")


def test_doubling_at_every_level_is_stopped() -> None:
    text = "foo(" * 60 + "1" + ")" * 60
    with pytest.raises(RuleError, match="grows nested matches"):
        py(text, "foo($A)", "foo($A, $A)")


def test_deep_nesting_is_no_recursion() -> None:
    text = "x = " + " + ".join(["a"] * 3000)
    found = rewrite(text, Rule("$A + $B", "$A - $B"), "python")
    assert (found.text, found.matches) == (text.replace("+", "-"), 2999)


def test_a_large_file_takes_no_time() -> None:
    """Linear: four times as long a text takes about four times as long, not sixteen."""

    def seconds(count: int) -> float:
        text = "é = foo(x, 1)\n" * count
        started = time.process_time()
        assert rewrite(text, Rule("foo($A, $B)", "bar($B, $A)"), "python").matches == count
        return time.process_time() - started

    seconds(100)
    assert seconds(16_000) < 10 * seconds(4_000)


SMALL = st.recursive(
    st.sampled_from(["x", "1", "'😀'", "None", "a.b"]),
    lambda inner: st.builds(
        lambda name, arguments: f"{name}({', '.join(arguments)})",
        st.sampled_from(["foo", "bar"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)
SOURCES = st.lists(st.tuples(SMALL, st.sampled_from(["\n", "\r\n", "  # é\n", "\n\n\n"])), max_size=5)


@settings(max_examples=150, deadline=None)
@given(SOURCES)
def test_a_second_time_changes_nothing(parts: list[tuple[str, str]]) -> None:
    text = "".join(code + end for code, end in parts)
    once = rewrite(text, Rule("foo($$$ARGS)", "baz($$$ARGS)"), "python")
    assert rewrite(once.text, Rule("foo($$$ARGS)", "baz($$$ARGS)"), "python") == (once.text, 0, None)
    assert once.matches == text.count("foo(")
    assert once.text == text.replace("foo(", "baz(")


@settings(max_examples=100, deadline=None)
@given(SOURCES)
def test_there_and_back_is_the_same(parts: list[tuple[str, str]]) -> None:
    text = "".join(code + end for code, end in parts)
    there = rewrite(text, Rule("foo($A, $B)", "swapped($B, $A)"), "python").text
    back = rewrite(there, Rule("swapped($B, $A)", "foo($A, $B)"), "python").text
    assert back == text


@settings(max_examples=100, deadline=None)
@given(SOURCES, st.data())
def test_nothing_outside_a_span_changes(parts: list[tuple[str, str]], data: st.DataObject) -> None:
    text = "".join(code + end for code, end in parts)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = rewrite(text, Rule("foo($$$ARGS)", "something($$$ARGS)"), "python", [Span(start, end)])
    assert found.spans is not None
    (moved,) = found.spans
    assert found.text[: moved.start] == text[:start]
    assert found.text[moved.end :] == text[end:]


@pytest.mark.parametrize(
    ("line", "character", "expected"), [(0, 0, 0), (0, 2, 2), (0, 99, 4), (1, 1, 5), (2, 1, 7), (3, 0, 8), (9, 9, 8)]
)
def test_positions(line: int, character: int, expected: int) -> None:
    text = "a😀\r\nb\rc\n"
    assert offset(line_starts(text), len(text), line, character) == expected


@pytest.mark.parametrize("name", languages.NAMES)
def test_ast_grep_knows_every_language(name: str) -> None:
    assert SgRoot("x", name).root().text() == "x"


@pytest.mark.parametrize(
    ("name", "is_called"), [("TypeScript", "typescript"), ("py", "python"), ("C++", "cpp"), ("x", None)]
)
def test_other_names_of_languages(name: str, is_called: str | None) -> None:
    assert languages.canonical(name) == is_called


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.py", ("python",)),
        ("A.TSX", ("tsx",)),
        ("x.h", ("c", "cpp")),
        (".py", ()),
        ("py", ()),
        ("a.py/b", ()),
        ("a.x", ()),
    ],
)
def test_endings(path: str, expected: tuple[str, ...]) -> None:
    assert languages.of_path(path) == expected
