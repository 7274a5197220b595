from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.apply.spans import Span, at_most, joined

STEPS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4), st.integers(0, 4)), max_size=20)


def spans_of(steps: list[tuple[int, int, int]]) -> list[Span]:
    spans: list[Span] = []
    old = new = 0
    for gap, removed, added in steps:
        old, new = old + gap, new + gap
        spans.append(Span(old, old + removed, new, new + added))
        old, new = old + removed, new + added
    return spans


@settings(max_examples=200, deadline=None)
@given(STEPS, st.integers(1, 25))
def test_no_more_than_the_limit_and_the_widest_gaps_stay(steps: list[tuple[int, int, int]], limit: int) -> None:
    spans = spans_of(steps)
    found = at_most(spans, limit)
    assert len(found) == min(limit, len(spans))
    # Between two of them both texts are the same, so the gaps are as wide on both sides.
    gaps = [
        (later.old_start - span.old_end, later.new_start - span.new_end) for span, later in itertools.pairwise(found)
    ]
    assert all(old == new for old, new in gaps)
    all_gaps = sorted((gap for gap, _, _ in steps[1:]), reverse=True)
    assert sorted((old for old, _ in gaps), reverse=True) == all_gaps[: limit - 1]
    if spans:
        assert (found[0].old_start, found[-1].old_end) == (spans[0].old_start, spans[-1].old_end)


def test_what_touches_or_is_near_is_joined() -> None:
    spans = [Span(0, 1, 0, 1), Span(1, 2, 1, 5), Span(4, 4, 7, 8), Span(9, 10, 13, 13)]
    assert joined(spans) == [Span(0, 2, 0, 5), Span(4, 4, 7, 8), Span(9, 10, 13, 13)]
    assert joined(spans, lambda start, end: end - start < 3) == [Span(0, 4, 0, 8), Span(9, 10, 13, 13)]
