"""Judges of sets of units for the search: who spoils the whole is planted, and verdicts may lie."""

from __future__ import annotations

from collections.abc import Collection

import anyio
from attrs import define, field

from fanout_server.review.culprits import LimitReached


@define
class Planted:
    """A set fails that holds all of one of the ``groups``. Calls number ``lies`` (from 0) say the opposite.

    A set with one of ``needs`` in it and not its value fails as well. A set that holds ``flaky`` fails at first and
    passes when it is judged again.
    """

    groups: Collection[frozenset[str]]
    lies: Collection[int] = ()
    needs: dict[str, str] = field(factory=dict)
    flaky: str = ""
    most: int = 10_000
    asked: list[frozenset[str]] = field(factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def __call__(self, units: frozenset[str], *, again: bool) -> bool:
        if len(self.asked) >= self.most:
            raise LimitReached
        number = len(self.asked)
        self.asked.append(units)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await anyio.lowlevel.checkpoint()
        self.at_once -= 1
        if self.flaky in units:
            return again
        lacks = any(unit in units and need not in units for unit, need in self.needs.items())
        passes = not lacks and not any(group <= units for group in self.groups)
        return passes is (number not in self.lies)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"u{number}" for number in range(count))
