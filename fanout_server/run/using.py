"""What a unit has used, over all its attempts; what the program does not tell is worked out from its tokens."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from fanout_server.agents import prices
from fanout_server.model import Price, Tokens, UnitView
from fanout_server.run.money import Meter


@frozen
class Use:
    """``cost`` in dollars and ``tokens`` are ``None`` where nobody told. ``estimated``: by prices, not by the agent."""

    cost: float | None = None
    tokens: Tokens | None = None
    estimated: bool = False


class UnitUse:
    """``agent`` and ``overrides`` are for the price of tokens. ``told`` is what was last told under the account."""

    def __init__(self, agent: str, overrides: Mapping[str, Price]) -> None:
        self._agent = agent
        self._overrides = overrides
        self._meter = Meter()
        self._account = ""
        self.total = Use()
        self.told = Use()

    @classmethod
    def since(cls, agent: str, overrides: Mapping[str, Price], before: UnitView) -> UnitUse:
        """With what the unit has used so far; its ``session`` may be gone on with under the name ``before.session``."""
        use = cls(agent, overrides)
        use.begin(before.session)
        use.take(before.session_cost, before.session_tokens, None)
        use.total = Use(before.cost, before.tokens, before.estimated)
        return use

    def begin(self, account: str) -> None:
        """``account`` is the name of what tells a sum: an attempt, or a session over several attempts."""
        self._account = account
        self.told = Use()

    def take(self, cost: float | None, tokens: Tokens | None, model: str | None) -> float | None:
        """What is said to have been used so far under the account. Returns the dollars that are new, where known."""
        estimated = cost is None and tokens is not None
        if cost is None and tokens is not None:
            cost = prices.cost_of(self._agent, model, tokens, self._overrides)
        self.told = Use(cost, tokens)
        delta = self._meter.take(self._account, cost, tokens)
        self.total = Use(
            self.total.cost if delta.cost is None else (self.total.cost or 0.0) + delta.cost,
            self.total.tokens if delta.tokens is None else (self.total.tokens or Tokens()) + delta.tokens,
            self.total.estimated or (estimated and cost is not None),
        )
        return delta.cost
