"""What a run may cost and has cost: nothing new starts that would pass the budget, and at the budget all of it stops.

An attempt that runs has its likely cost reserved, or what it has told so far where that is more. So the sum of both,
spent and reserved, is what the run will have cost if all goes as expected.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator

import anyio
from attrs import define, field, frozen

from fanout_server.model import FanoutError, Tokens
from fanout_server.planning.estimate import money

__all__ = ["BudgetReached", "Delta", "Ledger", "Meter", "Spending", "money"]


class BudgetReached(FanoutError):
    """No attempt at this unit can start any more. The text says which budget, and what was spent.

    ``of_run``: nor one at any other unit.
    """

    def __init__(self, message: str, *, of_run: bool) -> None:
        super().__init__(message)
        self.of_run = of_run


@frozen
class Delta:
    """What came since the last time; ``None`` for what the program does not tell."""

    cost: float | None
    tokens: Tokens | None


class Meter:
    """Turns what the sessions of a unit tell, each time all of it, into what came since.

    A new session starts at nought. For an agent that counts each attempt anew though the session goes on, pass a name
    that is the attempt's own.
    """

    def __init__(self) -> None:
        self._costs: defaultdict[str, float] = defaultdict(float)
        self._tokens: defaultdict[str, Tokens] = defaultdict(Tokens)

    def take(self, session: str, cost: float | None, tokens: Tokens | None) -> Delta:
        """Never negative: what is told is untrusted, and may come in any order."""
        return Delta(
            None if cost is None else self._cost(session, cost),
            None if tokens is None else self._used(session, tokens),
        )

    def _cost(self, session: str, cost: float) -> float:
        before = self._costs[session]
        if not math.isfinite(cost) or cost <= before:
            return 0.0
        self._costs[session] = cost
        return cost - before

    def _used(self, session: str, tokens: Tokens) -> Tokens:
        before = self._tokens[session]
        now = self._tokens[session] = Tokens(
            max(before.input, tokens.input), max(before.cached, tokens.cached), max(before.output, tokens.output)
        )
        return Tokens(now.input - before.input, now.cached - before.cached, now.output - before.output)


@define(eq=False)
class Spending:
    """One attempt that runs. ``limit`` is what it may cost, ``None`` where nothing bounds it."""

    unit: str
    limit: float | None
    _ledger: Ledger
    told: float = field(default=0.0, init=False)
    is_told: bool = field(default=False, init=False)

    def add(self, cost: float | None) -> None:
        """What came since the last time (``Delta.cost``), while it runs and at its end; ``None``: nobody knows."""
        if cost is not None and math.isfinite(cost):
            self.is_told = True
            self.told += max(0.0, cost)

    def guess(self) -> None:
        """It has ended and told no cost: take the expected one for it, so that the budget means something."""
        if not self.is_told:
            self.add(self._ledger.expected)

    def over(self) -> bool:
        """It has used up what it, or the run, may cost: end it."""
        return (self.limit is not None and self.told >= self.limit) or self._ledger.over()


class Ledger:
    """Of one run. For one event loop.

    ``expected`` is what an attempt may well cost, the high end of the estimate; set it anew as the estimate gets
    better. The dearest attempt so far is expected at least.
    """

    def __init__(self, budget: float | None = None, unit_budget: float | None = None, expected: float = 0.0) -> None:
        self._budget = budget
        self._unit_budget = unit_budget
        self._expected = expected
        self._dearest = 0.0
        self._spent = 0.0
        self._beside = 0.0
        self._units: defaultdict[str, float] = defaultdict(float)
        self._running: list[Spending] = []
        self._changed = anyio.Event()

    @property
    def expected(self) -> float:
        return max(self._expected, self._dearest)

    @expected.setter
    def expected(self, expected: float) -> None:
        self._expected = expected
        self._tell()

    @property
    def spent(self) -> float:
        """By all that has ended, and by what runs as far as it told."""
        return self._spent + sum(one.told for one in self._running)

    @property
    def reserved(self) -> float:
        """What running attempts will likely cost beside what they told."""
        return sum(self._reservation(one) - one.told for one in self._running)

    def charge(self, unit: str, cost: float) -> None:
        """What was spent elsewhere: by an earlier process on the same run."""
        self._spent += cost
        self._units[unit] += cost
        self._tell()

    def charge_beside(self, cost: float) -> None:
        """What was spent on no unit."""
        self._spent += cost
        self._beside += cost
        self._tell()

    def may_start(self, unit: str) -> str | None:
        """Why no attempt at ``unit`` may start now; ``None`` where one may."""
        left = self._unit_left(unit)
        if left is not None and left <= 0:
            return f"its unit_budget of {money(self._unit_budget)} is used up ({money(self._units[unit])} spent)"
        if self._budget is None:
            return None
        if self.over():
            return f"the budget of {money(self._budget)} is reached ({money(self.spent)} spent)"
        sure = self.spent + self.reserved
        if sure == self._beside:
            # The first one: a guess alone must not keep a run from starting. The attempt's limit holds the budget.
            return None
        if sure + self._likely(unit) > self._budget:
            running = f" and about {money(self.reserved)} still to come from what runs" if self._running else ""
            return (
                f"{money(self.spent)} is spent{running}, and one more attempt may cost {money(self._likely(unit))}:"
                f" that would pass the budget of {money(self._budget)}"
            )
        return None

    def limit_for_attempt(self, unit: str) -> float | None:
        """What a next attempt may cost: what is left to its unit and to the run; ``None`` where nothing bounds it."""
        lefts = [self._unit_left(unit)]
        if self._budget is not None:
            lefts.append(self._budget - self.spent - self.reserved)
        return min((max(0.0, left) for left in lefts if left is not None), default=None)

    def over(self) -> bool:
        """The budget is used up by what was told, of running attempts too: end them."""
        return self._budget is not None and self.spent >= self._budget

    @contextlib.contextmanager
    def start(self, unit: str) -> Iterator[Spending]:
        """An attempt runs inside the block. Raises BudgetReached."""
        reason = self.may_start(unit)
        if reason is not None:
            left = self._unit_left(unit)
            raise BudgetReached(
                f"{reason[0].upper()}{reason[1:]}. Raise the budget, then run the unit again.",
                of_run=left is None or left > 0,
            )
        spending = Spending(unit, self.limit_for_attempt(unit), self)
        self._running.append(spending)
        try:
            yield spending
        finally:
            self._running.remove(spending)
            self._dearest = max(self._dearest, spending.told)
            self.charge(unit, spending.told)

    @contextlib.asynccontextmanager
    async def attempt(self, unit: str) -> AsyncIterator[Spending]:
        """As ``start``, but first waits while what runs may yet turn out cheaper than is reserved for it."""
        while self._running and not self._is_final(unit) and self.may_start(unit) is not None:
            await self._changed.wait()
        with self.start(unit) as spending:
            yield spending

    def _is_final(self, unit: str) -> bool:
        left = self._unit_left(unit)
        return self.over() or (left is not None and left <= 0)

    def _unit_left(self, unit: str) -> float | None:
        return None if self._unit_budget is None else self._unit_budget - self._units[unit]

    def _likely(self, unit: str) -> float:
        """Of a new attempt, which its unit's budget may cut short."""
        left = self._unit_left(unit)
        return self.expected if left is None else min(self.expected, left)

    def _reservation(self, spending: Spending) -> float:
        likely = self.expected if spending.limit is None else min(self.expected, spending.limit)
        return max(likely, spending.told)

    def _tell(self) -> None:
        """To those that wait for room in the budget."""
        self._changed.set()
        self._changed = anyio.Event()
