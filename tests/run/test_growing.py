"""Whatever the order in which results arrive, what grows of them is what one integration at the end makes."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.model import Plan, Unit, UnitState
from fanout_server.repo import commits
from fanout_server.repo.repository import Repository
from fanout_server.run import waves
from fanout_server.run.engine import Engine
from fanout_server.run.growing import Growing
from tests.repo.results import Units
from tests.run.conftest import PlanMaker, run_plan
from tests.run.test_integrate import units

__all__ = ["units"]

_NAMES = ("u1", "u2", "u3", "u4", "u5")
_PLAN = Plan("", tuple(Unit(name, f"unit {name}", "", owns=("*", "deep/*")) for name in _NAMES))
_TEXTS = st.sampled_from(["- a\n- {}\n", "x = 1\n", "{}\n", "- a\n{}\n- b\n", None])
_FILES = st.dictionaries(
    st.sampled_from(["notes.md", "deep/text", "deep", "new.py", "not/owned", "package-lock.json"]), _TEXTS, max_size=3
)


def _result(units: Units, name: str, files: dict[str, str | None]) -> str:
    # A file and a folder of one name cannot both be there.
    known = {"deep/text": None, **files} if files.get("deep") is not None else {**files}
    known = {path: text for path, text in known.items() if path != "deep" or text is not None}
    return units.on({path: None if text is None else text.format(name) for path, text in known.items()})


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.dictionaries(st.sampled_from(_NAMES), _FILES, min_size=1),
    again=st.dictionaries(st.sampled_from(_NAMES), _FILES, max_size=2),
    dice=st.randoms(use_true_random=False),
)
def test_any_order_of_arrival_with_any_that_failed_or_were_done_again(
    units: Units,
    made: dict[str, dict[str, str | None]],
    again: dict[str, dict[str, str | None]],
    dice: random.Random,
) -> None:
    """Units that ``made`` has not have failed; those of ``again`` are done once more when all have ended."""
    growing = Growing(units.repo, "run")
    results: dict[str, str] = {}
    ended: set[str] = set()
    for wave in (made, again):
        arriving = list(_NAMES if wave is made else wave)
        dice.shuffle(arriving)
        ended -= set(arriving)
        for name in arriving:
            results.pop(name, None)
        for name in arriving:
            ended.add(name)
            if name in wave:
                results[name] = _result(units, name, wave[name])
            growing.extend(units.base, _PLAN, results, ended)
    whole = waves.integrate(units.repo, "run", units.base, _PLAN, results)
    assert waves.integrate(units.repo, "run", units.base, _PLAN, results, grown=growing.take()) == whole


def test_what_grew_is_gone_on_with_and_only_where_it_leads(units: Units) -> None:
    growing = Growing(units.repo, "run")
    results = {name: units.on({f"{name}.py": "x = 1\n"}) for name in ("u1", "u2", "u4")}
    growing.extend(units.base, _PLAN, results, {"u1", "u2", "u4"})
    grown = growing.take()
    assert grown is not None
    # The third may still come, so the fourth waits.
    assert grown.leads_to(results)
    assert grown.leads_to({**results, "u3": results["u4"]})
    assert not grown.leads_to({"u1": results["u1"]})
    assert not grown.leads_to({**results, "u2": results["u1"]})
    assert grown.written
    assert growing.take() is None


@pytest.mark.anyio
async def test_it_grows_while_units_still_work(
    engine: Engine, make_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The second unit waits until the first is merged, for ten seconds at most."""
    flag = tmp_path / "merged"
    extend = Growing.extend

    def told(self: Growing, base: str, plan: Plan, results: Mapping[str, str], ended: Collection[str]) -> None:
        extend(self, base, plan, results, ended)
        if results:
            flag.touch()

    monkeypatch.setattr(Growing, "extend", told)
    wait = f"n=0; until [ -e '{flag}' ]; do n=$((n + 1)); [ $n -lt 200 ] || exit 1; sleep 0.05; done"
    script = f"case $1 in b.txt) {wait};; esac; echo new > $1"
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, script))
    assert [one.state for one in view.units] == [UnitState.DONE] * 2
    assert view.merged is not None


def test_each_result_is_asked_once_where_it_started(units: Units, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be thousands, and each that arrives is a reason to look at all of them."""
    asked: list[str] = []
    parent = commits.parent

    def counting(repo: Repository, commit: str) -> str | None:
        asked.append(commit)
        return parent(repo, commit)

    monkeypatch.setattr(commits, "parent", counting)
    growing = Growing(units.repo, "run")
    results = {name: units.on({f"{name}.py": "x = 1\n"}) for name in _NAMES}
    for number in range(1, len(_NAMES) + 1):
        growing.extend(units.base, _PLAN, results, _NAMES[:number])
    assert sorted(asked) == sorted(results.values())
