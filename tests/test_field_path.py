from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.field_path import BadPath, parse

NAMES = st.text(st.characters(exclude_characters=".[]"), min_size=1, max_size=5)


@given(st.lists(NAMES | st.integers(-999_999, 999_999), min_size=1, max_size=6))
def test_what_is_written_is_read(steps: list[str | int]) -> None:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    assert parse(text.removeprefix(".")) == tuple(steps)


@pytest.mark.parametrize(
    "text", ["", ".", ".a", "a.", "a..b", "a[x]", "a[]", "a[0]b", "a[0", "a]", "[1.5]", "[1234567]", "[\u0663]"]
)
def test_what_is_no_path_is_told(text: str) -> None:
    with pytest.raises(BadPath):
        parse(text)


@given(st.text("ab.[]-01", max_size=8))
def test_any_text_is_a_path_or_is_told(text: str) -> None:
    try:
        steps = parse(text)
    except BadPath:
        steps = ("told",)
    assert steps


def test_a_path_without_an_end_is_told() -> None:
    with pytest.raises(BadPath, match="more than 50"):
        parse("[0]" * 51)
