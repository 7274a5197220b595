from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.repo.hunks import Hunk, hunks


def _lines(data: bytes) -> list[bytes]:
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _apply(old: bytes, new: bytes, edits: tuple[Hunk, ...]) -> bytes:
    source, target = _lines(old), _lines(new)
    made: list[bytes] = []
    at = 0
    for edit in edits:
        assert edit.old_start >= at
        made += source[at : edit.old_start]
        assert edit.new_start == len(made)
        made += target[edit.new_start : edit.new_start + edit.new_lines]
        at = edit.old_start + edit.old_lines
    return b"".join(made + source[at:])


_PIECES = st.lists(
    st.sampled_from(
        [b"a", b"b", b"\n", b"\n\n", b"\r\n", b"\r", b"\f", b"\v", b"\0", b"\x85", "\u2028".encode(), b"\xff"]
    ),
    max_size=30,
).map(b"".join)


@given(_PIECES, _PIECES)
@settings(max_examples=200, deadline=None)
def test_hunks_turn_old_into_new(old: bytes, new: bytes) -> None:
    assert _apply(old, new, hunks(old, new)) == new


@given(st.lists(st.sampled_from([b"x\n", b"y\n", b"z\r\n", b"\n"]), max_size=60), st.data())
@settings(max_examples=150, deadline=None)
def test_one_edited_line_is_one_small_hunk(lines: list[bytes], data: st.DataObject) -> None:
    where = data.draw(st.integers(0, len(lines)))
    edited = [*lines[:where], b"unlike all others\n", *lines[where:]]
    (hunk,) = hunks(b"".join(lines), b"".join(edited))
    assert hunk == Hunk(where, 0, where, 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"", b"", ()),
        (b"same\n", b"same\n", ()),
        (b"", b"a\nb", (Hunk(0, 0, 0, 2),)),
        (b"a\nb", b"", (Hunk(0, 2, 0, 0),)),
        (b"a\nb", b"a\nb\n", (Hunk(1, 1, 1, 1),)),
        (b"a\0\nb\n", b"a\0\nc\n", (Hunk(1, 1, 1, 1),)),
        (b"a\fb\nc\n", b"a\fb\nd\n", (Hunk(1, 1, 1, 1),)),
        (b"a\r\nb\r\n", b"a\r\nc\r\n", (Hunk(1, 1, 1, 1),)),
        (b"a\nb\nc\n", b"a\nc\n", (Hunk(1, 1, 1, 0),)),
        (b"a\nc\n", b"a\nb\nc\n", (Hunk(1, 0, 1, 1),)),
        (b"a\nb\nc\nd\ne\n", b"A\nb\nc\nd\nE\n", (Hunk(0, 1, 0, 1), Hunk(4, 1, 4, 1))),
        (b"a\nb\nc\n", b"A\nb\nC\n", (Hunk(0, 1, 0, 1), Hunk(2, 1, 2, 1))),
    ],
)
def test_examples(old: bytes, new: bytes, expected: tuple[Hunk, ...]) -> None:
    assert hunks(old, new) == expected


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _numbered(word: str, count: int) -> list[str]:
    return [f"{word} {number}" for number in range(count)]


def _shuffled() -> tuple[bytes, bytes]:
    lines = _numbered("line", 50_000)
    return _text(lines), _text(random.Random(1).sample(lines, len(lines)))


def _few_kinds() -> tuple[bytes, bytes]:
    dice = random.Random(1)
    return _text(dice.choices("abcdefghij" * 10, k=100_000)), _text([str(dice.randrange(100)) for _ in range(100_000)])


def _lopsided() -> tuple[bytes, bytes]:
    dice = random.Random(1)
    return _text(dice.choices("ab", k=100)), _text(dice.choices("ab", k=1_000_000))


@pytest.mark.parametrize(
    "texts",
    [
        lambda: (_text(_numbered("one", 100_000)), _text(_numbered("other", 100_000))),
        lambda: (_text(["same"] * 100_000), _text(["same"] * 90_000)),
        lambda: (_text(_numbered("a", 100_000)), _text(_numbered("a", 100_000)[::-1])),
        _shuffled,
        _few_kinds,
        _lopsided,
    ],
)
def test_hostile_texts_take_bounded_time(texts: Callable[[], tuple[bytes, bytes]]) -> None:
    old, new = texts()
    began = time.perf_counter()
    found = hunks(old, new)
    # Under half a second on two quiet processors; the smallest hunks would take from 6 s to minutes.
    assert time.perf_counter() - began < 5
    assert _apply(old, new, found) == new


def test_few_changes_far_apart_in_a_great_text_are_as_small_as_can_be() -> None:
    lines = _numbered("line", 100_000)
    edited = ["changed" if number % 9_999 == 5 else line for number, line in enumerate(lines)]
    expected = tuple(Hunk(at, 1, at, 1) for at in range(5, 100_000, 9_999))
    assert hunks(_text(lines), _text(edited)) == expected


def test_where_lines_are_put_in_does_not_depend_on_what_changed_elsewhere() -> None:
    """Else a merge of two that put in the same takes one change for two."""
    base = ["A", "B", "p", "q", *_numbered("line", 30_000)]
    mine = [*base[:2], "p", "r", *base[2:]]
    theirs = [*mine[:6], *(f"{line} edited" for line in mine[6:])]
    assert hunks(_text(base), _text(mine))[0] == hunks(_text(base), _text(theirs))[0] == Hunk(3, 0, 3, 2)
