"""The benchmark of the agents' programs tells what it says: whose time is whose, and that the work was done."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.starts import figures, task
from bench.starts.figures import Bare, Ours, Round
from tests.real import programs

_BENCH = Path(__file__).parents[2] / "bench" / "agents.py"

_SECONDS = st.floats(min_value=0, max_value=100)


def _round(units: int, bare: float, ours: float) -> Round:
    return Round(units, Bare(bare, 0), Ours(ours, ours / 2, 0, 0))


def test_it_is_the_difference_within_a_round_by_the_units() -> None:
    rounds = [_round(8, 1.0, 1.08), _round(8, 9.0, 9.16), _round(8, 2.0, 2.8)]
    assert figures.overhead(rounds).median == pytest.approx(20)
    assert figures.slot_overhead(rounds[:1]).median == pytest.approx(-460 / 8)


@given(st.lists(st.tuples(_SECONDS, _SECONDS), min_size=1), st.integers(1, 64), _SECONDS)
def test_a_time_that_both_sides_need_does_not_show(times: list[tuple[float, float]], units: int, more: float) -> None:
    found = figures.overhead([_round(units, bare, ours) for bare, ours in times])
    later = figures.overhead([_round(units, bare + more, ours + more) for bare, ours in times])
    assert math.isclose(found.median, later.median, abs_tol=1e-6)
    assert found.low <= found.median <= found.high


def test_units_that_did_nothing_are_counted_and_most_of_them_are_too_many() -> None:
    plan = task.plan("codex", ["a", "b", "c", "d"])
    assert task.few(2, plan) == 2
    with pytest.raises(task.WrongResultError, match="3 of 4"):
        task.few(3, plan)


@pytest.mark.timeout(120)
def test_it_runs_through(tmp_path: Path) -> None:
    programs.path_of("codex")
    argv = [sys.executable, "-P", str(_BENCH), "--agents", "codex", "--units", "2", "--rounds", "1"]
    done = subprocess.run([*argv, "--place", str(tmp_path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout.splitlines()[-1])
    assert {
        "codex_overhead_ms",
        "codex_overhead_ms_2",
        "codex_cpu_overhead_ms",
        "codex_slot_overhead_ms_2",
    } <= told.keys()
    assert told["codex_bare_ms"] > told["codex_own_cpu_ms"] > 0
    assert list(tmp_path.iterdir()) == []
