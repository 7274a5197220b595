"""The benchmark of the search for culprits finds who is planted, and tells all that it should."""

from __future__ import annotations

from bench.joining import bisect


def test_it_tells_all_that_it_should_and_keeps_the_goal() -> None:
    said: list[str] = []
    found = bisect.measure(said.append)
    counts = {f"bisect{pair}_checks_{count}" for pair in ("", "_pair") for count in bisect.COUNTS}
    real = {f"bisect_real{pair}_{what}_32" for pair in ("", "_pair") for what in ("checks", "s")}
    assert found.keys() == counts | real
    assert found["bisect_checks_128"] <= 16
    assert found["bisect_pair_checks_128"] <= 32
    assert len(said) == len(bisect.COUNTS) + 2
