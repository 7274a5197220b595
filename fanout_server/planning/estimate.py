"""What a run will cost, as a range that the sum should fall into nine times out of ten.

What units cost is spread over orders of magnitude, so all is reckoned with logarithms. Earlier runs say where a run of
this kind lies, how far runs lie apart, and how far its units lie apart from each other; what units of this run have
cost says more with each of them. Both together make a normal-inverse-gamma posterior, whose predictions are Student's
t; the sum of many units is drawn from it, as their common error does not even out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from attrs import define, field, frozen

# The pattern's own figures, for a unit, and for a last look by an agent at all of them.
_UNIT = (0.15, 0.30)
_REVIEW = (0.20, 0.40)

_DRAWS = 2000
_TAIL = 0.05
# Where nothing is known: how far units of a run lie apart, and runs of a kind, as standard deviations of logarithms;
# and how many observations that is worth.
_UNITS_APART = 0.5
_RUNS_APART = 0.5
_WORTH = 3
# Of runs by an agent that no earlier one tells of: the figures may be wrong by a factor of ten.
_FIGURES_APART = 1.2
# However many earlier units there were, those of this run may scatter otherwise.
_MOST_WORTH = 20
_WIDEST = 2.25
_LEAST = 1e-4


@frozen
class Work:
    """What is to be done. ``models``: the agent calls models, so units cost something. ``reviewed``: by an agent."""

    units: int
    agent: str | None
    models: bool = True
    reviewed: bool = False


@frozen
class Past:
    """What units of earlier runs of this kind cost in dollars: a tuple for each run, empty ones left out."""

    runs: tuple[tuple[float, ...], ...] = ()

    @property
    def units(self) -> int:
        return sum(map(len, self.runs))


@frozen
class Estimate:
    """In dollars, of all units (``low``, ``high``) and of one; ``basis`` says where it comes from."""

    low: float
    high: float
    basis: str
    unit: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """As the contract has it."""
        return {"low": self.low, "high": self.high, "currency": "USD", "basis": self.basis}

    def __str__(self) -> str:
        return money(self.high) if money(self.low) == money(self.high) else f"{money(self.low)}-{money(self.high)}"


def estimate(work: Work, past: Past, finished: Sequence[float] = ()) -> Estimate:
    """Of the whole run. ``finished`` is what those of its units have cost that have ended."""
    known = [*finished, *(cost for run in past.runs for cost in run)]
    left = max(0, work.units - len(finished))
    if not known and not work.models:
        basis = "This agent calls no model."
        if work.agent == "command":
            basis = "A command tells fanout no cost: what it may cost by itself is not in here."
        unit, rest = (0.0, 0.0), (0.0, 0.0)
    elif not known:
        unit, rest = _UNIT, (left * _UNIT[0], left * _UNIT[1])
        who = f"of {work.agent} with this model" if work.agent else "yet"
        basis = f"No unit {who} has told its cost in this repository; taken are usual figures for a unit."
    elif not any(known):
        unit, rest, basis = (0.0, 0.0), (0.0, 0.0), f"{_named(work, past, finished)} cost nothing."
    else:
        belief = _prior(past)
        belief.learn(finished)
        unit, rest = belief.range(1), belief.range(left)
        basis = f"By what {_named(work, past, finished)} cost."
    spent = math.fsum(finished)
    low, high = spent + rest[0], spent + rest[1]
    if work.reviewed:
        low, high = low + _REVIEW[0], high + _REVIEW[1]
        basis += f" An agent's review may add {money(_REVIEW[0])}-{money(_REVIEW[1])}."
    return Estimate(low, high, basis, unit)


def money(amount: float | None) -> str:
    """``$0.84``; small amounts with as many digits as it takes to see them."""
    if amount is None:
        return "no limit"
    return f"${amount:.2f}" if amount == 0 or amount >= 0.01 else f"${amount:.4f}"  # noqa: PLR2004  a cent


def _named(work: Work, past: Past, finished: Sequence[float]) -> str:
    parts = []
    if finished:
        parts.append(f"{_count(len(finished), 'finished unit')} of this run")
    if past.runs:
        who = f" with {work.agent}" if work.agent else ""
        parts.append(f"{_count(past.units, 'unit')} of {_count(len(past.runs), 'earlier run')}{who}")
    return " and ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


@define
class _Belief:
    """Normal-inverse-gamma: ``mean`` of the logarithms, worth ``means`` units; ``variance``, worth ``variances``."""

    mean: float
    means: float
    variance: float
    variances: float
    # The same numbers for the same units each time: an estimate must not flicker.
    _random: random.Random = field(factory=lambda: random.Random(0), init=False)  # noqa: S311  no secret

    def learn(self, costs: Sequence[float]) -> None:
        if not costs:
            return
        logs = _logs(costs)
        seen, count = fmean(logs), len(logs)
        apart = self.means * count / (self.means + count) * (seen - self.mean) ** 2
        squares = self.variances * self.variance + sum((one - seen) ** 2 for one in logs) + apart
        self.mean = (self.means * self.mean + count * seen) / (self.means + count)
        self.means += count
        self.variances += count
        self.variance = squares / self.variances

    def range(self, count: int) -> tuple[float, float]:
        """Of the sum of ``count`` units."""
        if count == 0:
            return 0.0, 0.0
        sums = sorted(self._draw(count) for _ in range(_DRAWS))
        return sums[int(_TAIL * _DRAWS)], sums[int((1 - _TAIL) * _DRAWS)]

    def _draw(self, count: int) -> float:
        draw = self._random
        precision = draw.gammavariate(self.variances / 2, 2 / (self.variances * self.variance))
        variance = min(1 / precision, _WIDEST)
        mean = draw.gauss(self.mean, math.sqrt(variance / self.means))
        # The sum is taken as lognormal too, with the mean and the variance that it has (Fenton and Wilkinson).
        of_sum = math.log1p(math.expm1(variance) / count)
        middle = math.log(count) + mean + (variance - of_sum) / 2
        return math.exp(draw.gauss(middle, math.sqrt(of_sum)))


def _prior(past: Past) -> _Belief:
    if not past.runs:
        middle = math.log(math.sqrt(_UNIT[0] * _UNIT[1]))
        return _Belief(middle, (_UNITS_APART / _FIGURES_APART) ** 2, _UNITS_APART**2, _WORTH)
    runs = [_logs(run) for run in past.runs]
    means = [fmean(run) for run in runs]
    middle = fmean(means)
    within = sum((one - mean) ** 2 for run, mean in zip(runs, means, strict=True) for one in run)
    worth = _WORTH + past.units - len(runs)
    variance = (_WORTH * _UNITS_APART**2 + within) / worth
    between = sum((mean - middle) ** 2 for mean in means)
    apart = (_WORTH * _RUNS_APART**2 + between) / (_WORTH + len(runs) - 1)
    # A run of its own lies as far from the others as they do from each other, and their middle is not known exactly.
    return _Belief(middle, variance / (apart * (1 + 1 / len(runs))), variance, min(worth, _MOST_WORTH))


def _logs(costs: Sequence[float]) -> list[float]:
    return [math.log(max(cost, _LEAST)) for cost in costs]
