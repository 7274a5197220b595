"""The range before and while a run goes on: its figures, its words, and how often the sum really falls into it."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.planning.estimate import Past, Work, estimate, money

CLAUDE = Work(12, "claude")
COSTS = st.lists(st.floats(0, 1000), min_size=1, max_size=8)


def test_where_nothing_is_known_the_usual_figures_are_taken() -> None:
    found = estimate(CLAUDE, Past())
    assert str(found) == "$1.80-$3.60"
    assert found.unit == (0.15, 0.30)
    assert (
        found.basis
        == "No unit of claude with this model has told its cost in this repository; taken are usual figures for a unit."
    )
    assert found.to_dict() == {
        "low": pytest.approx(1.8),
        "high": pytest.approx(3.6),
        "currency": "USD",
        "basis": found.basis,
    }


def test_a_review_by_an_agent_comes_on_top() -> None:
    found = estimate(Work(4, "claude", reviewed=True), Past())
    assert [found.low, found.high] == pytest.approx([0.8, 1.6])
    assert found.basis.endswith("review may add $0.20-$0.40.")


@pytest.mark.parametrize(("agent", "said"), [("rewrite", "calls no model"), ("command", "not in here")])
def test_who_calls_no_model_costs_nothing_and_the_basis_says_what_that_means(agent: str, said: str) -> None:
    found = estimate(Work(7, agent, models=False), Past())
    assert (found.low, found.high) == (0, 0)
    assert str(found) == "$0.00"
    assert said in found.basis


def test_a_command_that_did_tell_costs_is_taken_at_its_word() -> None:
    assert estimate(Work(7, "command", models=False), Past(((0.5, 0.6),))).low > 0


def test_earlier_units_that_cost_nothing_let_expect_nothing() -> None:
    found = estimate(CLAUDE, Past(((0.0, 0.0),)), [0.0])
    assert (found.low, found.high) == (0, 0)
    assert found.basis == "1 finished unit of this run and 2 units of 1 earlier run with claude cost nothing."


def test_the_basis_names_what_it_rests_on() -> None:
    assert estimate(CLAUDE, Past(((0.1,), (0.2, 0.3)))).basis == "By what 3 units of 2 earlier runs with claude cost."
    assert estimate(CLAUDE, Past(), [0.1, 0.1]).basis == "By what 2 finished units of this run cost."


def test_it_narrows_as_units_end_and_is_exact_when_all_have() -> None:
    past = Past(((0.1, 0.2), (0.3,)))
    costs = [0.2, 0.25, 0.15, 0.22, 0.3, 0.18, 0.2, 0.24, 0.21, 0.19, 0.26, 0.2]
    wide = [one.high - one.low for done in (0, 3, 6, 9) for one in [estimate(CLAUDE, past, costs[:done])]]
    assert wide == sorted(wide, reverse=True)
    over = estimate(CLAUDE, past, costs)
    assert over.low == over.high == pytest.approx(sum(costs))


def test_the_same_is_said_each_time() -> None:
    past = Past(((0.1, 0.2), (0.3,)))
    assert estimate(CLAUDE, past, [0.2]) == estimate(CLAUDE, past, [0.2])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(COSTS.map(tuple), max_size=5).map(tuple), st.lists(st.floats(0, 1000), max_size=5), st.integers(0, 3000)
)
def test_whatever_was_told_the_range_is_one(runs: tuple[tuple[float, ...], ...], done: list[float], left: int) -> None:
    found = estimate(Work(len(done) + left, "codex"), Past(runs), done)
    assert math.isfinite(found.high)
    assert sum(done) <= found.low + 1e-9
    assert found.low <= found.high
    assert 0 <= found.unit[0] <= found.unit[1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 10), min_size=1, max_size=6), st.floats(0.1, 10))
def test_prices_that_are_so_much_higher_make_the_estimate_so_much_higher(costs: list[float], factor: float) -> None:
    one = estimate(CLAUDE, Past((tuple(costs),)))
    other = estimate(CLAUDE, Past((tuple(cost * factor for cost in costs),)))
    assert other.low == pytest.approx(one.low * factor)
    assert other.high == pytest.approx(one.high * factor)


@pytest.mark.parametrize(
    ("runs", "done", "apart", "scatter"),
    [(3, 0, 0.5, 0.6), (8, 0, 0.7, 0.6), (0, 4, 0.9, 0.6), (1, 3, 0.9, 0.6), (3, 3, 0.5, 0.3), (5, 5, 0.5, 1.0)],
)
def test_the_sum_falls_into_the_range_about_nine_times_of_ten(
    runs: int, done: int, apart: float, scatter: float
) -> None:
    """Worlds whose runs lie ``apart`` and whose units ``scatter``, also other than it is taken for granted."""
    rng = random.Random(f"{runs} {done} {apart} {scatter}")

    def run(count: int) -> tuple[float, ...]:
        middle = rng.gauss(math.log(0.3), apart)
        return tuple(math.exp(rng.gauss(middle, scatter)) for _ in range(count))

    hits = one_hits = 0
    for _ in range(worlds := 200):
        past, this = Past(tuple(run(rng.randint(2, 12)) for _ in range(runs))), run(12)
        found = estimate(CLAUDE, past, this[:done])
        hits += found.low <= sum(this) <= found.high
        one_hits += found.unit[0] <= this[-1] <= found.unit[1]
    assert 0.83 <= hits / worlds <= 0.99
    assert 0.83 <= one_hits / worlds <= 0.99


@pytest.mark.parametrize(
    ("amount", "text"), [(0.0, "$0.00"), (0.84, "$0.84"), (0.0012, "$0.0012"), (12.0, "$12.00"), (None, "no limit")]
)
def test_money_is_written_so_that_it_can_be_seen(amount: float | None, text: str) -> None:
    assert money(amount) == text
