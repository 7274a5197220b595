from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.apply.pairing import pairs

LINES = st.lists(st.sampled_from(["call(one)", "call(one, two)", "return total", "}", "", "one two three"]), max_size=8)


@settings(max_examples=200, deadline=None)
@given(LINES, LINES)
def test_pairs_are_in_order_and_none_is_used_twice(old: list[str], new: list[str]) -> None:
    found = pairs(old, new)
    for (i, j), (k, m) in itertools.pairwise(found):
        assert i < k
        assert j < m
    assert all(0 <= i < len(old) and 0 <= j < len(new) for i, j in found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 10**9).map("word{}".format), max_size=12, unique=True), st.data())
def test_lines_that_stay_are_paired_whatever_comes_between(old: list[str], data: st.DataObject) -> None:
    new: list[str] = []
    expected: list[tuple[int, int]] = []
    for index, line in enumerate(old):
        new += data.draw(st.lists(st.just("unlike any"), max_size=2))
        expected.append((index, len(new)))
        new.append(line)
    assert pairs(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], ["a"], []),
        (["a"], [], []),
        (["{"], ["{"], []),  # no words, no likeness
        (["total = one + two"], ["# sum", "total = one + three"], [(0, 1)]),
        (["total = one + two"], ["total = 1", "total = one + two + three"], [(0, 1)]),
        (["one a", "two b"], ["two b", "one a"], [(1, 0)]),
    ],
)
def test_examples(old: list[str], new: list[str], expected: list[tuple[int, int]]) -> None:
    assert pairs(old, new) == expected
