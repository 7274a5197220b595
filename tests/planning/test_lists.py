from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.planning import lists, positions, quoting


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("a \r\n\f\u2028\x85é😀")))
def test_lines_end_at_cr_lf_and_crlf_only(text: str) -> None:
    found = list(positions.lines(text))
    index = positions.LineIndex(text)
    plain = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert [line.text for line in found] == (plain[:-1] if plain[-1] == "" else plain)
    for number, line in enumerate(found):
        assert text[line.start : line.end] == line.text
        assert (index.position(line.start).line, index.position(line.start).character) == (number, 0)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("-*1. ab\t\n[x]\r")))
def test_items_stand_where_they_say(text: str) -> None:
    for found in lists.lists(text):
        for item in found.items:
            for line in (item.first, *item.more):
                assert text[line.start : line.end] == line.text


def test_a_list_goes_on_over_blank_lines_and_indented_ones() -> None:
    (found,) = lists.lists("- a\n  more\n\n    code\n\n- [x] b\n-\n")
    assert [item.text for item in found.items] == ["a\nmore\n\n  code", "b", ""]
    assert not found.closed


def test_text_another_marker_and_a_rule_end_a_list() -> None:
    found = list(lists.lists("- a\ntext\n- b\n* c\n1. d\n2. e\n- - -\n* f"))
    assert [[item.first.text for item in one.items] for one in found] == [["a"], ["b"], ["c"], ["d", "e"], ["f"]]
    assert [one.closed for one in found] == [True, True, True, True, False]
    assert lists.last_list("- a\ntext") is None


def test_shell_words_keep_their_places() -> None:
    text = '"a b" \'c d\' e\\ f g"h"i $x "$y" # no \'quotes\'\n \'open\nlast) rest'
    words, end = quoting.shell_words(text, 0, len(text), ")")
    assert [word.text for word in words] == ["a b", "c d", "e f", "ghi", "$x", "$y", "open", "last"]
    assert [word.plain for word in words] == [True, True, True, True, False, False, True, True]
    assert text[words[2].start : words[2].end] == "e\\ f"
    assert text[end] == ")"


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
def test_names_in_gits_quotes_come_back(name: str) -> None:
    quoted = quoting.c_quote(name)
    assert len(list(positions.lines(quoted))) == 1
    assert quoting.c_quoted(quoted) == (name, len(quoted))


def test_gits_own_quotes_are_read() -> None:
    assert quoting.c_quoted('"src/\\303\\251 \\"x\\".ts" | 3') == ('src/é "x".ts', 23)
    assert quoting.c_quoted('"open') is None
