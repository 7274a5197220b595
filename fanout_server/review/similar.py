"""How alike two functions are, by their tokens. Measures of our own: a library for them is larger than all of this."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from attrs import frozen

from fanout_server.review.facts import Function
from fanout_server.review.tokens import LOCAL

_GRAM = 3
_LEAST_GRAMS = 0.7
_LEAST_FREE = 0.5
_LEAST_INDEL = 0.8
_LEAST_FREE_COUNTED = 0.7
_LEAST_SIZE = 0.6
# What more functions share than these says nothing of any two of them.
_COMMON = 60


@frozen
class Likeness:
    """``exact``: but for names of their own and for the values of literals they are the same."""

    first: int
    second: int
    exact: bool


@frozen
class _Known:
    tokens: tuple[str, ...]
    free: Counter[str]
    blind: tuple[str, ...]
    grams: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, function: Function) -> _Known:
        blind = tuple(LOCAL if token.startswith(LOCAL) else token for token in function.tokens)
        grams = frozenset(blind[at : at + _GRAM] for at in range(len(blind) - _GRAM + 1))
        return cls(function.tokens, Counter(function.free), blind, grams)


def pairs(
    functions: Sequence[Function], wanted: Callable[[int, int], bool], tick: Callable[[], None]
) -> Iterator[Likeness]:
    """Those of the pairs (indexes, the lower first) that are ``wanted`` and alike. ``tick`` is called now and then."""
    known = [_Known.of(function) for function in functions]
    for first, second in _candidates(known):
        tick()
        if not wanted(first, second):
            continue
        one, other = known[first], known[second]
        if one.tokens == other.tokens:
            yield Likeness(first, second, exact=True)
        elif is_near(one, other):
            yield Likeness(first, second, exact=False)


def alike(one: Function, other: Function) -> bool:
    """Whether they are clones, exact or near."""
    return one.tokens == other.tokens or is_near(_Known.of(one), _Known.of(other))


def is_near(one: _Known, other: _Known) -> bool:
    sizes = sorted((len(one.tokens), len(other.tokens)))
    if sizes[0] < _LEAST_SIZE * sizes[1]:
        return False
    free = _share(len(one.free.keys() & other.free.keys()), len(one.free.keys() | other.free.keys()))
    if free >= _LEAST_FREE and _share(len(one.grams & other.grams), len(one.grams | other.grams)) >= _LEAST_GRAMS:
        return True
    counted = _share((one.free & other.free).total(), (one.free | other.free).total())
    return counted >= _LEAST_FREE_COUNTED and indel(one.tokens, other.tokens) >= _LEAST_INDEL


def indel(one: Sequence[str], other: Sequence[str]) -> float:
    """From 0 to 1: twice what both have in the same order, of all that they have."""
    if not one and not other:
        return 1.0
    return 2 * _common(one, other) / (len(one) + len(other))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """The longest common subsequence's length, a whole row of the table at a time, as the bits of a number."""
    places: dict[str, int] = {}
    for at, token in enumerate(one):
        places[token] = places.get(token, 0) | (1 << at)
    every = (1 << len(one)) - 1
    row = every
    for token in other:
        found = row & places.get(token, 0)
        row = ((row + found) | (row - found)) & every
    return len(one) - row.bit_count()


def _share(common: int, every: int) -> float:
    return common / every if every else 1.0


def _candidates(known: Sequence[_Known]) -> Iterator[tuple[int, int]]:
    """Pairs that share something that few have, each once; the same tokens, whoever has them."""
    by_tokens: dict[tuple[str, ...], list[int]] = {}
    by_gram: dict[tuple[str, ...], list[int]] = {}
    for number, one in enumerate(known):
        by_tokens.setdefault(one.tokens, []).append(number)
        for gram in one.grams:
            by_gram.setdefault(gram, []).append(number)
    seen: set[tuple[int, int]] = set()
    for same in by_tokens.values():
        for pair in pairwise(same):
            seen.add(pair)
            yield pair
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in by_gram.values():
        if len(numbers) <= _COMMON:
            shared.update((first, second) for at, first in enumerate(numbers) for second in numbers[at + 1 :])
    for pair, count in shared.items():
        least = min(len(known[pair[0]].grams), len(known[pair[1]].grams))
        if pair not in seen and count >= max(1, least // 5):
            yield pair
