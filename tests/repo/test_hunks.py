from __future__ import annotations

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
