"""``review: agent``: one pass of an agent over what was merged."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from fanout_server import run_events
from fanout_server.model import CommandOutput, RunState, Severity
from fanout_server.review import asking
from fanout_server.run.engine import Engine
from tests.run.conftest import PlanMaker, codes, run_plan
from tests.run.test_review_mode import answer, remark

pytestmark = pytest.mark.anyio

UNITS = {"one": "src/one.py", "two": "src/two.py"}


def script(said: str) -> str:
    """Units add a line to their file; who has none reviews."""
    return f"""
if [ -n "$1" ]; then echo "value_of_$(basename $1 .py) = 1" >> "$1"; exit; fi
cat > "$REVIEWED"
echo junk > junk.txt
cat <<'END'
{said}
END
"""


async def test_its_remarks_are_findings_of_those_who_wrote_the_lines(
    engine: Engine, make_plan: PlanMaker, checkout: Path, tmp_path: Path
) -> None:
    said = answer(
        remark(
            "src/two.py",
            "value_of_two = 1",
            "Two is no one.",
            severity="error",
            related_units=["one"],
            replacement="v = 2",
        ),
        remark("src/one.py", "nobody ever wrote such a line", "It is lost."),
        remark("README.md", "no such text", "That is old."),
    )
    events: list[run_events.Event] = []
    engine.subscribe(events.append)
    asked = tmp_path / "asked"
    plan = make_plan(UNITS, script(said), review="agent", env={"REVIEWED": str(asked)})
    view = await run_plan(engine, plan)
    assert view.state is RunState.READY
    found = {one.message: one for one in view.findings}
    two = found["Two is no one."]
    assert (two.code, two.severity, two.path, two.units) == (
        "review/agent",
        Severity.WARNING,
        "src/two.py",
        ("two", "one"),
    )
    assert two.replacement == "v = 2"
    assert (found["It is lost."].code, found["It is lost."].units) == ("review/unanchored", ("one",))
    assert view.checking == ""
    assert [type(one) for one in events if "Review" in type(one).__name__] == [
        run_events.ReviewStarted,
        run_events.ReviewEnded,
    ]
    prompt = asked.read_text()
    assert "+value_of_one = 1" in prompt
    assert "Work on {file}." in prompt
    assert '"findings"' in prompt
    assert view.merged is not None
    assert "junk.txt" not in view.owners
    assert "review/unfinished" not in codes(view)


@pytest.mark.spares_code("review/agent", "review/unanchored")
@pytest.mark.parametrize(("review", "asks"), [("checks", False), ("none", False), ("agent", True)])
async def test_only_who_wants_it_gets_it(
    engine: Engine, make_plan: PlanMaker, checkout: Path, tmp_path: Path, review: str, *, asks: bool
) -> None:
    asked = tmp_path / "asked"
    plan = make_plan(UNITS, script(answer()), review=review, env={"REVIEWED": str(asked)})
    view = await run_plan(engine, plan)
    assert view.state is RunState.READY
    assert asked.exists() is asks
    assert not {"review/agent", "review/unanchored", "review/unfinished"} & set(codes(view))


async def test_garbage_is_one_finding_and_the_result_is_there(
    engine: Engine, make_plan: PlanMaker, checkout: Path, tmp_path: Path
) -> None:
    plan = make_plan(UNITS, script("I like it."), review="agent", env={"REVIEWED": str(tmp_path / "asked")})
    view = await run_plan(engine, plan)
    assert view.state is RunState.READY
    (told,) = [one for one in view.findings if one.code == "review/unfinished"]
    assert told.severity is Severity.WARNING
    assert "cannot be read" in told.message
    assert set(view.owners) == {"src/one.py", "src/two.py"}


async def test_a_large_diff_is_reviewed_in_parts_and_its_cost_counts(
    engine: Engine, make_plan: PlanMaker, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking.split, "__defaults__", (100, asking.MOST_PARTS))
    told = '{"cost": 0.25, "answer": {"findings": [], "summary": ""}}'
    body = f"""
if [ -n "$1" ]; then echo "more = 1" >> "$1"; echo '{{"cost": 0.5}}'; exit; fi
cat > /dev/null
echo '{told}'
"""
    events: list[run_events.Event] = []
    engine.subscribe(events.append)
    output = CommandOutput("json", cost="cost")
    view = await run_plan(engine, make_plan(UNITS, body, review="agent", output=output))
    (started,) = [one for one in events if isinstance(one, run_events.ReviewStarted)]
    assert started.parts == 2
    assert view.reviewed == pytest.approx(0.5)
    assert view.cost == pytest.approx(1.5)


async def test_a_budget_that_is_used_up_is_told_once(
    engine: Engine, make_plan: PlanMaker, checkout: Path, tmp_path: Path
) -> None:
    body = """
if [ -n "$1" ]; then echo "more = 1" >> "$1"; echo '{"cost": 0.5}'; exit; fi
touch "$REVIEWED"
"""
    asked = tmp_path / "asked"
    output = CommandOutput("json", cost="cost")
    plan = make_plan(
        {"one": "src/one.py"}, body, review="agent", output=output, budget=0.5, env={"REVIEWED": str(asked)}
    )
    view = await run_plan(engine, plan)
    assert view.state is RunState.READY
    (told,) = [one for one in view.findings if one.code == "review/unfinished"]
    assert "budget" in told.message
    assert not asked.exists()


async def test_cancelling_the_run_ends_the_review_alone(
    engine: Engine, make_plan: PlanMaker, checkout: Path, tmp_path: Path
) -> None:
    begun = anyio.Event()
    body = 'if [ -n "$1" ]; then echo more >> "$1"; exit; fi; sleep 100'
    engine.subscribe(lambda one: begun.set() if isinstance(one, run_events.ReviewStarted) else None)
    failures: list[BaseException] = []
    run = engine.reserve()
    engine.launch(run, make_plan(UNITS, body, review="agent"), {}, failures.append)
    with anyio.fail_after(60):
        await begun.wait()
        await engine.cancel(run)
        await engine.wait_over(run)
    view = await engine.view(run)
    assert "review/unfinished" in codes(view)
    assert set(view.owners) == {"src/one.py", "src/two.py"}
