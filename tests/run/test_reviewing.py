"""The review of real runs: what is told with them, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fanout_server.model import Plan, RunState
from fanout_server.repo.cache import Cache
from fanout_server.review import facts
from fanout_server.run import reviewing
from fanout_server.run.engine import Engine
from fanout_server.syntax.worker import Worker
from tests.run.conftest import PlanMaker, codes, run_plan

pytestmark = pytest.mark.anyio

UNITS = {"one": "src/one.py", "two": "src/two.py"}
BREAK = 'printf "def f(:\\n    pass  # TODO: more\\n" >> "$1"'


async def test_what_units_added_is_told_with_the_run(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan(UNITS, BREAK))
    assert view.state is RunState.READY
    told = {(one.code, one.path, one.units) for one in view.findings}
    assert ("unit/syntax-error", "src/one.py", ("one",)) in told
    assert ("unit/syntax-error", "src/two.py", ("two",)) in told
    assert ("review/placeholder", "src/one.py", ("one",)) in told


@pytest.mark.parametrize("review", ["none", "checks", "agent"])
async def test_the_option_turns_it_off_and_the_agents_part_has_the_checks(
    engine: Engine, make_plan: PlanMaker, review: str
) -> None:
    view = await run_plan(engine, make_plan(UNITS, BREAK, review=review))
    assert ("unit/syntax-error" in codes(view)) is (review != "none")


async def test_a_plain_run_has_nothing_to_tell(engine: Engine, make_plan: PlanMaker) -> None:
    assert codes(await run_plan(engine, make_plan(UNITS, 'echo "# more" >> "$1"'))) == []


async def test_what_one_unit_removes_and_another_uses_is_told(
    engine: Engine, make_plan: PlanMaker, checkout: Path
) -> None:
    script = (
        'case "$1" in *one.py) sed -i "s/def one/def uno/" "$1";;'
        ' *) printf "from src.one import one\\n\\n\\nx = one()\\n" > src/three.py;; esac'
    )
    view = await run_plan(engine, make_plan(UNITS, script))
    (told,) = [one for one in view.findings if one.code == "merge/removed-but-used"]
    assert (told.path, told.units) == ("src/three.py", ("two", "one"))


async def test_a_missing_output_is_told_and_odd_names_and_bytes_are_read(engine: Engine, make_plan: PlanMaker) -> None:
    script = (
        'printf "\\377def f(:\\r\\n" > "src/o d\\nd$(printf "\\351").py"; : > empty.txt; ln -s /etc/passwd src/link.py'
    )
    owns = {"one": ["src/**", "empty.txt", "src/none.py"]}
    view = await run_plan(engine, make_plan({"one": "src/one.py"}, script, owns=owns))
    assert sorted(one.path or "" for one in view.findings if one.code == "unit/missing-output") == [
        "empty.txt",
        "src/none.py",
    ]
    assert len([one for one in view.findings if one.code == "unit/syntax-error"]) == 1


async def test_more_files_than_it_looks_at_are_told(
    engine: Engine, make_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reviewing, "_MOST_FILES", 1)
    plan: Plan = make_plan(UNITS, BREAK)
    view = await run_plan(engine, plan)
    assert "review/unfinished" in codes(view)
    assert [one.path for one in view.findings if one.code == "unit/syntax-error"] == ["src/one.py"]


async def test_the_process_is_ready_before_the_units_are(
    engine: Engine, make_plan: PlanMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewing.PROCESSES[0].close()
    go_on, ready = tmp_path / "go-on", facts.ready

    def made_ready(process: Worker) -> None:
        ready(process)
        go_on.touch()

    monkeypatch.setattr(facts, "ready", made_ready)
    view = await run_plan(
        engine, make_plan({"one": "src/one.py"}, f'while ! test -e "{go_on}"; do sleep 0.01; done; {BREAK}')
    )
    assert "unit/syntax-error" in codes(view)


async def test_a_process_that_cannot_be_started_fails_nothing(
    engine: Engine, make_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewing.PROCESSES[0].close()
    monkeypatch.setattr("fanout_server.syntax.worker._LAUNCH", "import sys; sys.exit(1)")
    # Another test has had the same text parsed.
    monkeypatch.setattr("fanout_server.review.material._REMEMBERED", Cache(0))
    view = await run_plan(engine, make_plan({"one": "src/one.py"}, BREAK))
    assert view.state is RunState.READY
    assert "review/unfinished" in codes(view)
