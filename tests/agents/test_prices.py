from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.agents.prices import cost_of
from fanout_server.model import Price, Tokens

MILLION = 10**6


@pytest.mark.parametrize(
    ("agent", "model", "dollars"),
    [
        ("codex", "gpt-5.1-codex", (1.25, 0.125, 10.0)),
        ("codex", "gpt-5.1-codex-mini", (0.25, 0.025, 2.0)),
        ("opencode", "openai/gpt-5-mini-2025-08-07", (0.25, 0.025, 2.0)),
        ("codex", "gpt-5-codex", (1.25, 0.125, 10.0)),
        ("gemini", "gemini-2.5-flash-lite", (0.1, 0.01, 0.4)),
        ("gemini", "gemini-2.5-flash", (0.3, 0.03, 2.5)),
        ("gemini", "gemini-3.1-pro-preview", (2.0, 0.2, 12.0)),
        ("copilot", "claude-sonnet-4.5", (3.0, 0.3, 15.0)),
        ("claude", "claude-opus-4-1-20250805", (15.0, 1.5, 75.0)),
        ("claude", "claude-opus-4-5-20251101", (5.0, 0.5, 25.0)),
        ("codex", None, (5.0, 0.5, 30.0)),
        ("codex", "", (5.0, 0.5, 30.0)),
    ],
)
def test_each_kind_of_token_has_its_price(agent: str, model: str | None, dollars: tuple[float, float, float]) -> None:
    fresh, cached, output = dollars
    assert cost_of(agent, model, Tokens(input=MILLION), {}) == pytest.approx(fresh)
    assert cost_of(agent, model, Tokens(input=MILLION, cached=MILLION), {}) == pytest.approx(cached)
    assert cost_of(agent, model, Tokens(output=MILLION), {}) == pytest.approx(output)


def test_the_cached_are_a_part_of_the_input() -> None:
    # As codex told it in a recorded run: 2000 in, 600 of them cached, 100 out.
    cost = cost_of("codex", "gpt-5.1-codex", Tokens(2000, 600, 100), {})
    assert cost == pytest.approx((1400 * 1.25 + 600 * 0.125 + 100 * 10) / MILLION)


@pytest.mark.parametrize(("agent", "model"), [("codex", "qwen3-coder"), ("codex", "gpt-5-turbo"), ("command", None)])
def test_nobody_knows_every_price(agent: str, model: str | None) -> None:
    assert cost_of(agent, model, Tokens(1, 0, 1), {}) is None


def test_what_the_user_says_stands_above_the_list_and_the_first_that_fits_is_taken() -> None:
    mine = {"gpt-5.1*": Price(2.0, 4.0), "*": Price(0.0, 0.0)}
    assert cost_of("codex", "gpt-5.1-codex", Tokens(MILLION, MILLION, 0), mine) == pytest.approx(2.0)
    assert cost_of("codex", "gpt-5-mini", Tokens(MILLION, 0, MILLION), mine) == 0.0
    assert cost_of("codex", None, Tokens(MILLION), mine) == 0.0
    assert cost_of("opencode", "local/gpt-5.1", Tokens(MILLION), {"local/*": Price(0.0, 0.0)}) == 0.0


@given(
    st.builds(Tokens, *[st.integers(0, 10**9)] * 3), st.sampled_from(["gpt-5", "gemini-2.5-pro", "claude-haiku-4-5"])
)
def test_a_cache_never_makes_it_dearer_nor_is_anything_negative(tokens: Tokens, model: str) -> None:
    with_cache = cost_of("x", model, tokens, {})
    without = cost_of("x", model, Tokens(tokens.input, 0, tokens.output), {})
    assert with_cache is not None
    assert without is not None
    assert 0 <= with_cache <= without
