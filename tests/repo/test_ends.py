from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.repo.ends import common_head, common_tail

TEXTS = st.text("ab\u00e9", max_size=12)


def slowly(one: Sequence[str | int], other: Sequence[str | int]) -> int:
    """Character by character."""
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return count


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_as_found_character_by_character(head: str, one: str, other: str, tail: str) -> None:
    left, right = head + one + tail, head + other + tail
    assert common_head(left, right) == slowly(left, right)
    assert common_tail(left, right) == slowly(left[::-1], right[::-1])
    assert common_head(left.encode(), right.encode()) == slowly(left.encode(), right.encode())
