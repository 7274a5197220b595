"""Edits for an editor: right, as small as helps, and never too many or too slow."""

from __future__ import annotations

import random
import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings

from fanout_server.apply.refine import MOST_EDITS, refined_edits
from fanout_server.apply.splice import splice
from tests.strategies import edited_texts


def shown(before: str, after: str) -> list[tuple[str, str]]:
    data = before.encode()
    edits = refined_edits(data, after.encode())
    return [(data[edit.start : edit.end].decode(), edit.new.decode()) for edit in edits]


def marked(text: str, at: int) -> bool:
    """Whether a mark stands there that belongs to the character before it."""
    return 0 < at < len(text) and unicodedata.combining(text[at]) > 0 and text[at - 1] not in "\r\n"


@settings(max_examples=400, deadline=None)
@given(edited_texts())
def test_edits_are_right_in_order_apart_and_whole(texts: tuple[str, str]) -> None:
    old, new = texts
    before, after = old.encode(), new.encode()
    edits = refined_edits(before, after)
    assert splice(before, edits) == after
    at, grown = -1, 0
    for edit in edits:
        assert at < edit.start <= edit.end
        assert before[edit.start : edit.end] != edit.new
        places = [
            (before, edit.start),
            (before, edit.end),
            (after, edit.start + grown),
            (after, edit.start + grown + len(edit.new)),
        ]
        for data, place in places:
            # Raises where a character is torn.
            passed, rest = data[:place].decode(), data[place:].decode()
            assert not (passed.endswith("\r") and rest.startswith("\n"))
            assert not marked(passed + rest, len(passed))
        at, grown = edit.end, grown + len(edit.new) - (edit.end - edit.start)


@pytest.mark.parametrize(
    ("before", "after", "edits"),
    [
        ("x = get(a, b)\n", "x = gets(a, c)\n", [("", "s"), ("b", "c")]),
        ("}\n", "} else {\n", [("", " else {")]),
        ("\tdone()\n", "\t\tdone()\n", [("", "\t")]),
        # What shares little is replaced as a whole.
        ("alpha beta gamma\n", "gamma bits\n", [("alpha beta gamma", "gamma bits")]),
        ("a = b\n", "c = d\n", [("a = b", "c = d")]),
        # What is new is one edit.
        ("1\n2\n", "1\nnew\nlines\n2\n", [("", "new\nlines\n")]),
        ("1\ngone\nlines\n2\n", "1\n2\n", [("gone\nlines\n", "")]),
        ("one\ntwo\n", "wholly\nother\nlines\n", [("one\ntwo", "wholly\nother\nlines")]),
        # A line is known again among new ones.
        ("call(one, two)\n", "# why\ncall(one, three)\n", [("", "# why\n"), ("two", "three")]),
        (
            "call(one, two)\nother(line)\n",
            "call(one, 2)\nnew(entirely, so)\nother(line, too)\n",
            [("two", "2"), ("", "new(entirely, so)\n"), ("", ", too")],
        ),
        # Line ends.
        ("same\n", "same\r\n", [("\n", "\r\n")]),
        ("same", "same\n", [("", "\n")]),
        ("same\n", "same", [("\n", "")]),
        ("x\r", "x\r\ny", [("\r", "\r\ny")]),
        ("a\rb\n", "a\r\nb\n", [("\rb", "\r\nb")]),
        # Marks, colours and flags belong to the character before.
        ("cafe noir\n", "cafe\u0301 noir\n", [("e", "e\u0301")]),
        ("\U0001f44d well done\n", "\U0001f44d\U0001f3fd well done\n", [("\U0001f44d", "\U0001f44d\U0001f3fd")]),
        (
            "to \U0001f1e9\U0001f1ea go\n",
            "to \U0001f1e9\U0001f1f0 go\n",
            [("\U0001f1e9\U0001f1ea", "\U0001f1e9\U0001f1f0")],
        ),
        # They share bytes of UTF-8 and half of UTF-16.
        ("say \U0001f600 twice\n", "say \U0001f601 twice\n", [("\U0001f600", "\U0001f601")]),
    ],
)
def test_what_is_edited(before: str, after: str, edits: list[tuple[str, str]]) -> None:
    assert shown(before, after) == edits


def test_a_hunk_of_many_lines_is_one_edit() -> None:
    before = "".join(f"value_{number} = compute({number})\n" for number in range(400))
    after = before.replace("compute", "reckon")
    assert len(shown(before[: before.index("value_150 ")], after[: after.index("value_150 ")])) == 150
    assert len(shown(before, after)) == 1


def lines(count: int = 100_000) -> list[str]:
    return [f"    value_{number} = compute(arg_{number * 7919 % 1000}, {number}) + other" for number in range(count)]


def some_changed(count: int) -> Callable[[], tuple[str, str]]:
    def made() -> tuple[str, str]:
        chosen = set(random.Random(1).sample(range(100_000), count))
        edited = [line.replace("compute", "f") if number in chosen else line for number, line in enumerate(lines())]
        return "\n".join(lines()), "\n".join(edited)

    return made


def every_line_changed() -> tuple[str, str]:
    return "\n".join(lines()), "\n".join(line + " # x" for line in lines())


def minified() -> tuple[str, str]:
    line = "".join(f"var a{number}=f({number % 97});" for number in range(60_000))
    return line, "x" + line.replace("f(5", "g(5") + "y"


def noise() -> tuple[str, str]:
    """A megabyte of hostile text on one line."""
    dice = random.Random(2)
    return "".join(dice.choices("a,;", k=1_000_000)), "".join(dice.choices("a,;", k=1_000_000))


def marks() -> tuple[str, str]:
    return "e" + "\u0301" * 300_000, "e" + "\u0301" * 299_000


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (some_changed(2_000), 2_000),
        (some_changed(30_000), 2_000),
        (every_line_changed, 1),
        (minified, MOST_EDITS),
        (noise, 1),
        (marks, 1),
    ],
)
def test_great_texts_are_done_in_bounds(texts: Callable[[], tuple[str, str]], count: int) -> None:
    before, after = (text.encode() for text in texts())
    began = time.perf_counter()
    edits = refined_edits(before, after)
    # Under a second on two quiet processors; what this is against takes minutes.
    assert time.perf_counter() - began < 20
    assert splice(before, edits) == after
    assert 0 < len(edits) <= count


def test_many_small_changes_are_kept_small() -> None:
    """The narrowest gaps are joined, so that what is sent grows no more than it must."""
    before, after = (text.encode() for text in some_changed(2_000)())
    edits = refined_edits(before, after)
    assert sum(len(edit.new) for edit in edits) < 20_000
