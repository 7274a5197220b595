"""Which units spoil the whole: a search over sets of units, knowing of a set only whether it passes.

What fails is narrowed down to sets that fail while each smaller part of them passes: one unit, or several that only
fail together. The shortest failing run of units, in their order, ends with one that is needed for the failure; with
that one given, the shortest again, until nothing more is needed. So ``k`` units that only fail together cost about
``k`` searches by halves. No verdict that a name hangs on is believed until it was given twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import anyio
from attrs import frozen

# More at a time would only be wasted: a search by halves has no more than two steps worth taking at once.
_AT_ONCE = 3


@frozen
class Found:
    """``groups`` are the culprits: each fails, though no smaller part of it does. ``rest`` passes; ``None``: not known.

    ``flaky`` are units of which one and the same set once passed and once failed. ``ended_early``: at the limit.
    """

    groups: tuple[tuple[str, ...], ...]
    rest: tuple[str, ...] | None
    flaky: tuple[str, ...] | None = None
    ended_early: bool = False

    @property
    def culprits(self) -> frozenset[str]:
        return frozenset(unit for group in self.groups for unit in group)


class Judge(Protocol):
    """Whether these units, all together and alone, pass. ``again``: what it said before is not to be remembered."""

    async def __call__(self, units: frozenset[str], *, again: bool) -> bool: ...


class LimitReached(Exception):
    """The judge looks at no more sets. Raised by judges to end a search with what is known."""


class _Flaky(Exception):
    def __init__(self, units: Collection[str]) -> None:
        super().__init__()
        self.units = units


async def find_culprits(units: Sequence[str], judge: Judge, *, jobs: int = 1, suspects: Collection[str] = ()) -> Found:
    """``units``, in their order, have failed together; none of them is known to pass.

    ``suspects`` are looked at first. Up to ``jobs`` sets are judged at a time, but never more than is worth it.
    """
    return await _Search(units, judge, min(max(jobs, 1), _AT_ONCE)).run(frozenset(suspects))


class _Search:
    def __init__(self, units: Sequence[str], judge: Judge, at_once: int) -> None:
        self._units = tuple(units)
        self._judge = judge
        self._at_once = at_once
        self._known: dict[frozenset[str], bool] = {frozenset(): True, frozenset(units): False}
        self._twice: set[frozenset[str]] = {frozenset()}
        self._groups: list[tuple[str, ...]] = []

    async def run(self, suspects: frozenset[str]) -> Found:
        rest = frozenset(self._units)
        try:
            while not await self._sure(rest):
                group = await self._smallest(self._in_order(rest), suspects & rest)
                self._groups.append(group)
                rest -= frozenset(group)
            rest = await self._take_back(rest)
        except _Flaky as error:
            return Found(tuple(self._groups), None, flaky=self._in_order(error.units))
        except LimitReached:
            return Found(tuple(self._groups), None, ended_early=True)
        return Found(tuple(self._groups), self._in_order(rest))

    async def _smallest(self, failing: Sequence[str], suspects: frozenset[str]) -> tuple[str, ...]:
        """A set that fails, though each smaller part of it passes."""
        if suspects and len(suspects) < len(failing) and not await self._passes(suspects):
            failing = self._in_order(suspects)
        needed: frozenset[str] = frozenset()
        while not needed or await self._passes(needed):
            among = await self._shortest(failing, needed)
            needed |= {among[-1]}
            failing = among[:-1]
        return await self._proven(self._in_order(needed))

    async def _shortest(self, failing: Sequence[str], needed: frozenset[str]) -> Sequence[str]:
        """The least of them, counted from the first, that fails together with what is needed. All of them do."""
        passing, least = 0, len(failing)
        while least - passing > 1:
            sizes = _between(passing, least, self._at_once)
            verdicts = await self._side_by_side([needed | set(failing[:size]) for size in sizes])
            least = min((size for size, passed in zip(sizes, verdicts, strict=True) if not passed), default=least)
            passing = max((size for size in sizes if size < least), default=passing)
        return failing[:least]

    async def _proven(self, group: tuple[str, ...]) -> tuple[str, ...]:
        """The group, or a part of it that fails by itself: so it may be where it needs what stood beside it."""
        if await self._sure(frozenset(group)):
            raise AssertionError("what once failed and now passes is flaky")
        for unit in group if len(group) > 1 else ():
            part = tuple(one for one in group if one != unit)
            if not await self._sure(frozenset(part)):
                return await self._proven(part)
        return group

    async def _take_back(self, rest: frozenset[str]) -> frozenset[str]:
        """A group found before another may have failed only for want of something that stood further on."""
        for group in tuple(self._groups) if len(self._groups) > 1 else ():
            whole = rest | set(group)
            if await self._passes(whole) and await self._sure(whole):
                self._groups.remove(group)
                rest = whole
        return rest

    async def _sure(self, units: frozenset[str]) -> bool:
        """Judged twice. Raises _Flaky where the second verdict is another."""
        passed = await self._passes(units)
        if units not in self._twice:
            self._twice.add(units)
            if await self._judge(units, again=True) is not passed:
                raise _Flaky(units)
        return passed

    async def _passes(self, units: frozenset[str]) -> bool:
        if units not in self._known:
            self._known[units] = await self._judge(units, again=False)
        return self._known[units]

    async def _side_by_side(self, sets: Sequence[frozenset[str]]) -> list[bool]:
        """Raises the first of what a judge raised, as it is; then no other is waited for."""
        problems: list[Exception] = []

        async def one(units: frozenset[str]) -> None:
            try:
                await self._passes(units)
            except Exception as error:  # noqa: BLE001 - raised again below
                # The task group would wrap it.
                problems.append(error)
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            for units in sets:
                tasks.start_soon(one, units)
        if problems:
            raise problems[0]
        return [self._known[units] for units in sets]

    def _in_order(self, units: Collection[str]) -> tuple[str, ...]:
        return tuple(unit for unit in self._units if unit in units)


def _between(low: int, high: int, count: int) -> list[int]:
    """Up to ``count`` numbers that cut what lies between the two into equal parts."""
    parts = min(count + 1, high - low)
    return sorted({low + (high - low) * number // parts for number in range(1, parts)})
