"""What the rounds come to: medians of differences within a round, so that a busy machine is busy for both sides."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from attrs import frozen

GOAL_MS = 30.0


@frozen
class Bare:
    """Seconds from the first start to the last end, and of processors; and how many wrote nothing."""

    wall: float
    cpu: float
    lost: int = 0


@frozen
class Ours:
    """Seconds from the launch of the run until it was ready; from its first slot to its last unit's end; and of
    processors, of which ``own`` are this process's.
    """

    wall: float
    slots: float
    cpu: float
    own: float
    lost: int = 0


@frozen
class Round:
    """The same units by both sides, one after the other."""

    units: int
    bare: Bare
    ours: Ours


@frozen
class Spread:
    """In milliseconds for each unit: the median, and the quarters below and above it."""

    low: float
    median: float
    high: float


def spread(rounds: Sequence[Round], seconds: Callable[[Round], float]) -> Spread:
    found = [seconds(one) / one.units * 1000 for one in rounds]
    if len(found) == 1:
        return Spread(found[0], found[0], found[0])
    return Spread(*statistics.quantiles(found, n=4, method="inclusive"))


def overhead(rounds: Sequence[Round]) -> Spread:
    """Of all of a run."""
    return spread(rounds, lambda one: one.ours.wall - one.bare.wall)


def slot_overhead(rounds: Sequence[Round]) -> Spread:
    """Of the units alone, without what begins and ends a run."""
    return spread(rounds, lambda one: one.ours.slots - one.bare.wall)


def cpu_overhead(rounds: Sequence[Round]) -> Spread:
    return spread(rounds, lambda one: one.ours.cpu - one.bare.cpu)
