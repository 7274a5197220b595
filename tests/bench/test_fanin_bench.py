"""The parts of the benchmark of fan-in, and that its judge sees what is wrong."""

from __future__ import annotations

import pytest

from bench import fanin
from bench.joining import cases, judging
from bench.joining.cases import Shared
from fanout_server.merging import rungs

_UNITS = (1, 2, 3)


def test_its_parts_are_found() -> None:
    assert "conflicts" in fanin.parts()


@pytest.mark.parametrize("shared", cases.make(10, 0), ids=lambda one: one.path)
def test_what_can_be_merged_is_and_the_judge_agrees(shared: Shared) -> None:
    merged = shared.of(1)
    for unit in _UNITS[1:]:
        answer = rungs.answer(shared.path, shared.base, merged, shared.of(unit))
        assert answer is not None
        merged = answer[0]
    assert judging.is_right(shared, merged, _UNITS)
    # A part that is missing, or there twice, or a file that cannot be parsed.
    assert not judging.is_right(shared, shared.of(1), _UNITS)
    lost = next(line for line in shared.has(2) if any(letter.isdigit() for letter in line))
    whole = next(line for line in merged.splitlines() if lost.strip() in line)
    assert not judging.is_right(shared, merged.replace(whole, f"{whole}\n{whole}"), _UNITS)
    assert not judging.is_right(shared, merged + "}{", _UNITS)


def test_what_cannot_be_merged_is_left() -> None:
    for shared in cases.make(2, 2):
        assert rungs.answer(shared.path, shared.base, shared.of(1), shared.of(2)) is None
