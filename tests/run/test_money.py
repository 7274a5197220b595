"""The ledger holds the budget, and the meter tells each dollar once."""

from __future__ import annotations

import math

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fanout_server.model import Tokens
from fanout_server.run.money import BudgetReached, Delta, Ledger, Meter, Spending
from tests.run import clock

COSTS = st.floats(0, 100, allow_nan=False)
TOKENS = st.builds(Tokens, *[st.integers(0, 10**7)] * 3)


@given(st.dictionaries(st.sampled_from(["", "a", "b"]), st.lists(COSTS, min_size=1, max_size=6)))
def test_the_deltas_of_all_sessions_add_up_to_what_each_told_last(told: dict[str, list[float]]) -> None:
    meter = Meter()
    sums = dict.fromkeys(told, 0.0)
    for session, costs in told.items():
        for cost in sorted(costs):
            delta = meter.take(session, cost, None)
            assert delta.cost is not None
            assert delta.cost >= 0
            assert delta.tokens is None
            sums[session] += delta.cost
    for session, costs in told.items():
        assert sums[session] == pytest.approx(max(costs), abs=1e-9)


@given(st.lists(TOKENS, min_size=1, max_size=6))
def test_the_deltas_of_tokens_add_up_in_any_order(told: list[Tokens]) -> None:
    meter = Meter()
    total = Tokens()
    for tokens in told:
        delta = meter.take("s", None, tokens)
        assert delta.cost is None
        assert delta.tokens is not None
        assert min(delta.tokens.input, delta.tokens.cached, delta.tokens.output) >= 0
        total += delta.tokens
    assert total == Tokens(*(max(getattr(one, key) for one in told) for key in ("input", "cached", "output")))


def test_a_resumed_session_tells_all_of_it_and_a_new_one_starts_at_nought() -> None:
    meter = Meter()
    assert meter.take("one", 0.25, Tokens(100, 10, 5)) == Delta(0.25, Tokens(100, 10, 5))
    assert meter.take("one", 0.75, Tokens(150, 10, 9)) == Delta(0.5, Tokens(50, 0, 4))
    assert meter.take("two", 0.25, None) == Delta(0.25, None)


@pytest.mark.parametrize("told", [math.nan, math.inf, -math.inf, -1.0, 0.5])
def test_what_makes_no_sense_costs_nothing(told: float) -> None:
    meter = Meter()
    meter.take("s", 1.0, None)
    assert meter.take("s", told, None).cost == 0.0
    assert meter.take("s", 1.5, None).cost == 0.5


def test_nothing_starts_that_would_pass_the_budget_with_what_runs() -> None:
    ledger = Ledger(budget=1.0, expected=0.3)
    with ledger.start("a"), ledger.start("b"), ledger.start("c"):
        reason = ledger.may_start("d")
        assert reason is not None
        assert "about $0.90 still to come" in reason
        assert "may cost $0.30" in reason
        assert "budget of $1.00" in reason
        with pytest.raises(BudgetReached, match="Raise the budget"), ledger.start("d"):
            pytest.fail("it started")
    # They told nothing and nobody guessed: there is room again.
    assert ledger.may_start("d") is None


def test_a_guess_alone_keeps_no_run_from_starting_but_what_was_seen_does() -> None:
    ledger = Ledger(budget=0.2, expected=0.3)
    with ledger.start("a") as spending:
        assert spending.limit == pytest.approx(0.2)
        assert ledger.may_start("b") is not None
        spending.add(0.05)
    ledger.expected = 0.06
    assert ledger.may_start("b") is None
    ledger.expected = 0.16
    assert "$0.05 is spent, and one more attempt may cost $0.16" in (ledger.may_start("b") or "")


def test_the_dearest_attempt_so_far_is_expected_of_the_next() -> None:
    ledger = Ledger(budget=1.0, expected=0.1)
    with ledger.start("a") as spending:
        spending.add(0.6)
    assert ledger.expected == pytest.approx(0.6)
    assert ledger.may_start("b") is not None


def test_what_a_running_attempt_tells_raises_its_reservation_and_may_pass_the_budget() -> None:
    ledger = Ledger(budget=1.0, expected=0.1)
    with ledger.start("a") as spending, ledger.start("b") as other:
        spending.add(0.05)
        assert ledger.spent + ledger.reserved == pytest.approx(0.2)
        spending.add(0.85)
        assert ledger.spent + ledger.reserved == pytest.approx(1.0)
        assert not ledger.over()
        assert not other.over()
        spending.add(0.2)
        assert ledger.over()
        assert other.over()
    assert "budget of $1.00 is reached ($1.10 spent)" in (ledger.may_start("c") or "")


def test_an_attempt_may_cost_what_is_left_to_its_unit_and_to_the_run() -> None:
    assert Ledger().limit_for_attempt("a") is None
    ledger = Ledger(budget=2.0, unit_budget=0.5, expected=0.8)
    with ledger.start("a") as spending:
        assert spending.limit == pytest.approx(0.5)
        # No more can be needed for it than its unit may spend.
        assert ledger.reserved == pytest.approx(0.5)
        spending.add(0.3)
        assert not spending.over()
    assert ledger.limit_for_attempt("a") == pytest.approx(0.2)
    assert ledger.limit_for_attempt("b") == pytest.approx(0.5)
    with ledger.start("a") as spending:
        spending.add(0.2)
        assert spending.over()
        assert not ledger.over()
    assert "unit_budget of $0.50 is used up ($0.50 spent)" in (ledger.may_start("a") or "")
    assert ledger.may_start("b") is None
    ledger.charge("b", 1.4)
    assert ledger.limit_for_attempt("c") == pytest.approx(0.1)


def test_who_tells_no_cost_is_taken_to_have_cost_what_was_expected() -> None:
    ledger = Ledger(budget=1.0, expected=0.3)
    with ledger.start("a") as spending:
        spending.add(None)
        spending.guess()
    assert ledger.spent == pytest.approx(0.3)
    with ledger.start("b") as spending:
        spending.add(0.1)
        spending.guess()
    assert ledger.spent == pytest.approx(0.4)


def test_what_is_broken_off_has_cost_what_it_told() -> None:
    ledger = Ledger(budget=1.0, expected=0.3)

    def broken() -> None:
        with ledger.start("a") as spending:
            spending.add(0.25)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert ledger.spent == pytest.approx(0.25)
    assert ledger.reserved == 0


def test_an_attempt_waits_for_what_runs_and_starts_when_that_was_cheaper() -> None:
    async def main() -> None:
        ledger = Ledger(budget=1.0, expected=0.6)
        order = []

        async def unit(name: str, seconds: float, cost: float) -> None:
            async with ledger.attempt(name) as spending:
                order.append((name, round(anyio.current_time())))
                await anyio.sleep(seconds)
                spending.add(cost)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(unit, "a", 5, 0.1)
            tasks.start_soon(unit, "b", 5, 0.1)
            tasks.start_soon(unit, "c", 5, 0.1)
        assert order == [("a", 0), ("b", 5), ("c", 10)]

    clock.run(main)


def test_who_waits_is_told_when_nothing_that_runs_could_make_room_any_more() -> None:
    async def main() -> None:
        ledger = Ledger(budget=1.0, expected=0.6)
        refused = []

        async def first() -> None:
            async with ledger.attempt("a") as spending:
                await anyio.sleep(5)
                spending.add(0.7)

        async def waits(name: str) -> None:
            try:
                async with ledger.attempt(name):
                    pytest.fail("it started")
            except BudgetReached as error:
                refused.append((name, round(anyio.current_time()), str(error)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await anyio.sleep(1)
            tasks.start_soon(waits, "b")
            tasks.start_soon(waits, "c")
        assert [(name, at) for name, at, _ in refused] == [("b", 5), ("c", 5)]
        assert "$0.70 is spent" in refused[0][2]

    clock.run(main)


class Budgets(RuleBasedStateMachine):
    """Attempts start, tell and end in any order; what was promised must hold after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(budget=3.0, unit_budget=1.5, expected=0.25)
        self.running: list[tuple[object, Spending]] = []
        self.told = 0.0
        self.by_unit: dict[str, float] = {}

    @rule(unit=st.sampled_from("abc"))
    def start(self, unit: str) -> None:
        before = self.ledger.spent + self.ledger.reserved
        block = self.ledger.start(unit)
        try:
            spending = block.__enter__()
        except BudgetReached:
            assert self.ledger.may_start(unit) is not None
            assert self.ledger.spent + self.ledger.reserved == before
            return
        self.running.append((block, spending))
        if before > 0:
            assert self.ledger.spent + self.ledger.reserved <= 3.0 + 1e-9
        assert spending.limit is not None
        assert 0 <= spending.limit <= 1.5 - self.by_unit.get(unit, 0.0) + 1e-9
        assert spending.limit <= 3.0 - before + 1e-9

    @precondition(lambda self: self.running)
    @rule(data=st.data(), cost=st.floats(0, 0.7))
    def tell(self, data: st.DataObject, cost: float) -> None:
        _, spending = data.draw(st.sampled_from(self.running))
        spending.add(cost)
        self.told += cost

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.running))
        self.running.remove(one)
        block, spending = one
        block.__exit__(None, None, None)  # type: ignore[attr-defined]
        self.by_unit[spending.unit] = self.by_unit.get(spending.unit, 0.0) + spending.told

    @rule(expected=st.floats(0, 1))
    def learn(self, expected: float) -> None:
        self.ledger.expected = expected

    @invariant()
    def all_is_counted_once(self) -> None:
        assert self.ledger.spent == pytest.approx(self.told)
        assert self.ledger.reserved >= -1e-9
        assert self.ledger.over() == (self.ledger.spent >= 3.0)
        if not self.running:
            assert self.ledger.reserved == 0

    @invariant()
    def at_the_budget_nothing_starts(self) -> None:
        if self.ledger.over():
            assert all(self.ledger.may_start(unit) is not None for unit in "abc")


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_what_was_spent_on_no_unit_counts_but_keeps_no_run_from_starting() -> None:
    ledger = Ledger(0.2, expected=0.3)
    ledger.charge_beside(0.01)
    assert ledger.spent == pytest.approx(0.01)
    with ledger.start("a") as spending:
        assert spending.limit == pytest.approx(0.19)
        spending.add(0.05)
    # From now on it is known what one takes.
    assert ledger.may_start("b") is not None


def test_what_was_spent_on_no_unit_can_use_up_the_budget() -> None:
    ledger = Ledger(0.2, expected=0.3)
    ledger.charge_beside(0.25)
    with pytest.raises(BudgetReached) as caught, ledger.start("a"):
        pass
    assert caught.value.of_run
