"""The children of a node on three sides, laid beside each other."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from attrs import frozen

from fanout_server.merging import places
from fanout_server.merging.elements import Element


@frozen
class Chunk:
    """What lies between two children that all three sides have.

    ``mine`` and ``others`` are the places in ``base`` of those that the sides still have.
    """

    base: Sequence[Element]
    ours: Sequence[Element]
    theirs: Sequence[Element]
    mine: dict[int, int]
    others: dict[int, int]

    def added(self) -> tuple[list[Element], list[Element]]:
        """What each side has and the base has not."""
        kept_ours, kept_theirs = set(self.mine.values()), set(self.others.values())
        return (
            [one for at, one in enumerate(self.ours) if at not in kept_ours],
            [one for at, one in enumerate(self.theirs) if at not in kept_theirs],
        )


Stable = tuple[Element, Element, Element]


def align(base: Sequence[Element], ours: Sequence[Element], theirs: Sequence[Element]) -> Iterator[Chunk | Stable]:
    """In order; between two that all have there is always a chunk, of nothing perhaps."""
    mine, others = _matches(base, ours), _matches(base, theirs)
    starts = (0, 0, 0)
    for at in [*sorted(mine.keys() & others.keys()), None]:
        ends = (len(base), len(ours), len(theirs)) if at is None else (at, mine[at], others[at])
        yield Chunk(
            base[starts[0] : ends[0]],
            ours[starts[1] : ends[1]],
            theirs[starts[2] : ends[2]],
            {one - starts[0]: mine[one] - starts[1] for one in range(starts[0], ends[0]) if one in mine},
            {one - starts[0]: others[one] - starts[2] for one in range(starts[0], ends[0]) if one in others},
        )
        if at is not None:
            yield base[at], ours[mine[at]], theirs[others[at]]
            starts = (at + 1, mine[at] + 1, others[at] + 1)


def _matches(base: Sequence[Element], side: Sequence[Element]) -> dict[int, int]:
    """Base -> side, both ascending: those of the same key, and what stands in the place of another of its kind."""
    at_side = {one.key: at for at, one in enumerate(side)}
    pairs = [(at, at_side[one.key]) for at, one in enumerate(base) if one.key in at_side]
    found = dict(_ascending(pairs))
    last_base = last_side = 0
    for at, other in [*found.items(), (len(base), len(side))]:
        gone, new = base[last_base:at], side[last_side:other]
        if len(gone) == len(new) and all(map(_may_replace, gone, new)):
            found |= zip(range(last_base, at), range(last_side, other), strict=True)
        last_base, last_side = at + 1, other + 1
    return dict(sorted(found.items()))


def _may_replace(old: Element, new: Element) -> bool:
    """Whether one is the other, changed. What has a name is somebody else under another one."""
    if old.node is None or new.node is None or places.is_own(old.key) or places.is_own(new.key):
        return False
    return old.is_item and not old.is_comment and old.node.kind == new.node.kind


def _ascending(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most of them whose second parts ascend as the first ones do."""
    ends: list[int] = []
    at_end: list[int] = []
    before: list[int] = []
    for number, (_, second) in enumerate(pairs):
        place = bisect_left(ends, second)
        before.append(at_end[place - 1] if place else -1)
        ends[place : place + 1] = [second]
        at_end[place : place + 1] = [number]
    found: list[tuple[int, int]] = []
    at = at_end[-1] if at_end else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]
