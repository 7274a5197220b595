from __future__ import annotations

import math
from typing import Any

import anyio
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fanout_server.review.culprits import Found, find_culprits
from tests.review.judging import Planted, names

_SIZES = st.integers(1, 60)


def search(count: int, judge: Planted, **wishes: Any) -> Found:
    async def find() -> Found:
        return await find_culprits(names(count), judge, **wishes)

    return anyio.run(find)


@st.composite
def planted(draw: st.DrawFn, most_groups: int = 1, most_size: int = 2) -> tuple[int, list[frozenset[str]]]:
    """A number of units, and groups of them that have no unit in common."""
    count = draw(st.integers(1, 60))
    order = draw(st.permutations(names(count)))
    sizes = draw(st.lists(st.integers(1, most_size), min_size=1, max_size=most_groups))
    assume(sum(sizes) <= count)
    groups = []
    for size in sizes:
        groups.append(frozenset(order[:size]))
        order = order[size:]
    return count, groups


@given(planted(most_groups=4, most_size=3), st.integers(1, 5))
def test_exactly_the_planted_groups_are_found_and_the_rest_passes(
    made: tuple[int, list[frozenset[str]]], jobs: int
) -> None:
    count, groups = made
    judge = Planted(groups)
    found = search(count, judge, jobs=jobs)
    assert {frozenset(group) for group in found.groups} == set(groups)
    assert found.rest == tuple(unit for unit in names(count) if not any(unit in group for group in groups))
    assert (found.flaky, found.ended_early) == (None, False)
    assert judge.most_at_once <= min(jobs, 3)


@given(st.integers(2, 200), st.data())
def test_one_culprit_takes_a_search_by_halves_and_proof(count: int, data: st.DataObject) -> None:
    culprit = data.draw(st.sampled_from(names(count)))
    for jobs in (1, 3):
        judge = Planted([frozenset({culprit})])
        assert search(count, judge, jobs=jobs).groups == ((culprit,),)
        rounds = math.ceil(math.log2(count)) if jobs == 1 else 3 * math.ceil(math.log(count, 4))
        # The whole again, the one alone, that again, the rest and that again.
        assert len(judge.asked) <= rounds + 5


@pytest.mark.parametrize("jobs", [1, 2, 3, 4, 64])
def test_one_among_128_takes_at_most_16_checks(jobs: int) -> None:
    for culprit in names(128):
        judge = Planted([frozenset({culprit})])
        assert search(128, judge, jobs=jobs).groups == ((culprit,),)
        assert len(judge.asked) <= 16


@given(st.integers(2, 128), st.data())
def test_a_pair_takes_two_such_searches(count: int, data: st.DataObject) -> None:
    one, other = data.draw(st.permutations(names(count)))[:2]
    judge = Planted([frozenset({one, other})])
    assert set(search(count, judge).culprits) == {one, other}
    assert len(judge.asked) <= 2 * math.ceil(math.log2(count)) + 10


@given(planted(), st.integers(0, 12), st.integers(1, 4))
@settings(max_examples=300)
def test_a_verdict_that_is_wrong_once_names_nobody_who_is_no_culprit(
    made: tuple[int, list[frozenset[str]]], lie: int, jobs: int
) -> None:
    count, groups = made
    found = search(count, Planted(groups, lies={lie}), jobs=jobs)
    if found.flaky is None:
        assert {frozenset(group) for group in found.groups} == set(groups)
        assert found.rest is not None
    else:
        assert found.rest is None
        assert {frozenset(group) for group in found.groups} <= set(groups)


def test_what_flips_is_flaky_and_nobody_is_named() -> None:
    judge = Planted([], flaky="u3")
    found = search(8, judge)
    assert found.groups == ()
    assert found.flaky == names(8)
    assert len(judge.asked) == 1


def test_a_flaky_part_beside_a_culprit_does_not_spoil_what_is_sure() -> None:
    class Beside(Planted):
        async def __call__(self, units: frozenset[str], *, again: bool) -> bool:
            if "u1" in units:
                self.asked.append(units)
                return False
            return await super().__call__(units, again=again)

    found = search(8, Beside([], flaky="u6"))
    assert found.groups == (("u1",),)
    assert found.rest is None
    assert found.flaky == tuple(unit for unit in names(8) if unit != "u1")


def test_a_unit_that_only_needs_a_later_one_is_taken_back() -> None:
    judge = Planted([frozenset({"u20"})], needs={"u3": "u40"})
    found = search(64, judge)
    assert found.groups == (("u20",),)
    assert found.rest == tuple(unit for unit in names(64) if unit != "u20")


def test_suspects_are_looked_at_first() -> None:
    judge = Planted([frozenset({"u77"})])
    found = search(128, judge, suspects=["u77", "u3"])
    assert found.groups == (("u77",),)
    assert len(judge.asked) <= 8


@given(planted(), st.lists(st.sampled_from(names(60)), max_size=5))
def test_wrong_suspects_change_nothing_of_what_is_found(
    made: tuple[int, list[frozenset[str]]], suspects: list[str]
) -> None:
    count, groups = made
    found = search(count, Planted(groups), suspects=suspects)
    assert {frozenset(group) for group in found.groups} == set(groups)


def test_the_limit_ends_a_search_with_what_is_known() -> None:
    groups = [frozenset({"u1"}), frozenset({"u2", "u9"})]
    found = search(64, Planted(groups, most=14))
    assert found.groups == (("u1",),)
    assert (found.rest, found.ended_early, found.flaky) == (None, True, None)


def test_where_all_are_culprits_nothing_is_left() -> None:
    found = search(1, Planted([frozenset({"u0"})]))
    assert (found.groups, found.rest) == ((("u0",),), ())


class _BrokenError(Exception):
    pass


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_a_judge_raises_comes_out_as_it_is(jobs: int) -> None:
    class Broken(Planted):
        async def __call__(self, units: frozenset[str], *, again: bool) -> bool:
            if 1 < len(units) < 64:
                raise _BrokenError
            return await super().__call__(units, again=again)

    with pytest.raises(_BrokenError):
        search(64, Broken([frozenset({"u9"})]), jobs=jobs)
