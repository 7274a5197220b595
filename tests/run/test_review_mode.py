"""Runs whose units review: answers become findings, edits are thrown away, and nothing is there to be applied."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from fanout_server.agents.base import Abilities
from fanout_server.apply.content import Disk
from fanout_server.apply.threeway import Choice
from fanout_server.model import FailureKind, Finding, Plan, RunState, RunView, Severity, UnitState
from fanout_server.run.delivery import NotDeliverable
from fanout_server.run.engine import Engine
from tests.run.conftest import PlanMaker, Use, codes, run_plan, unit_of

pytestmark = pytest.mark.anyio

UNITS = {"one": "src/one.py", "two": "src/two.py"}


def remark(file: str, quote: str, message: str, **more: object) -> dict[str, object]:
    told: dict[str, object] = {"file": file, "quote": quote, "line_hint": None, "severity": "warning"}
    told |= {"category": "correctness", "message": message, "related_units": [], "replacement": None}
    return {**told, "confidence": 0.5, **more}


def answer(*remarks: dict[str, object], summary: str = "It is short.") -> str:
    return json.dumps({"summary": summary, "findings": list(remarks)})


def answering(by_file: dict[str, str], before: str = "") -> str:
    """A script that prints the answer for its file."""
    cases = " ".join(f"{file}) cat <<'END'\n{said}\nEND\n;;" for file, said in by_file.items())
    return f'{before}\ncase "$1" in {cases} esac'


def of_agents(view: RunView) -> list[Finding]:
    return [one for one in view.findings if one.code in {"review/agent", "review/unanchored"}]


@pytest.mark.raises_code("review/agent", "review/unanchored")
async def test_answers_become_findings_at_their_lines_in_what_the_user_has(
    engine: Engine, make_plan: PlanMaker, checkout: Path
) -> None:
    script = answering(
        {
            "src/one.py": answer(remark("src/one.py", "return 1", "One is no constant.", severity="error")),
            "src/two.py": answer(
                remark("./src/two.py", "nobody wrote this line at all", "It is too long."),
                remark("src/none.py", "x", "There is a file too few.", related_units=["one", "nobody"]),
                {"file": "src/two.py"},
            ),
        }
    )
    plan = make_plan(UNITS, script, mode="review", verify=("false",), check=("false",))
    view = await run_plan(engine, plan, {"src/one.py": b"# typed\ndef one():\n    return 1\n"})
    assert view.state is RunState.READY
    assert [unit.state for unit in view.units] == [UnitState.DONE, UnitState.DONE]
    assert [unit.summary for unit in view.units] == ["It is short."] * 2
    by_message = {one.message: one for one in of_agents(view)}
    placed = by_message["One is no constant."]
    assert (placed.code, placed.severity, placed.path) == ("review/agent", Severity.WARNING, "src/one.py")
    assert placed.range is not None
    assert placed.range.start.line == 2
    lost = by_message["It is too long."]
    assert (lost.code, lost.path, lost.range) == ("review/unanchored", "src/two.py", None)
    gone = by_message["src/none.py: There is a file too few."]
    assert (gone.code, gone.path, gone.units) == ("review/unanchored", None, ("two", "one"))
    assert codes(view).count("review/unfinished") == 1
    assert (view.merged, dict(view.owners)) == (None, {})
    with pytest.raises(NotDeliverable, match="nothing to apply"):
        await engine.plan_apply(view.id, Disk(checkout))


async def test_what_two_units_say_of_the_same_lines_is_one_finding_until_one_is_done_again(
    engine: Engine, make_plan: PlanMaker, checkout: Path
) -> None:
    said = "A second answer"
    script = answering(
        {
            "src/one.py": answer(
                remark("src/one.py", "return 1", "The constant that is returned is wrong.", severity="information")
            ),
            "src/two.py": answer(
                remark("src/one.py", "def one():\n    return 1", "It returns the wrong constant."),
                remark("src/one.py", "return 1", "Documentation is lacking."),
            ),
        }
    )
    view = await run_plan(engine, make_plan(UNITS, script, mode="review", jobs=1))
    both, alone = of_agents(view)
    assert (both.units, both.severity) == (("one", "two"), Severity.WARNING)
    assert both.message == "The constant that is returned is wrong."
    assert alone.units == ("two",)
    await engine.settle(view.id, [alone], dismissed=True)
    failures: list[BaseException] = []
    await engine.retry(view.id, ["one"], said, failures.append)
    again = await engine.wait(view.id)
    assert failures == []
    (same,) = of_agents(again)
    assert same.message == "It returns the wrong constant."
    assert same.units == ("two", "one")
    assert again.state is RunState.READY


@pytest.mark.raises_code("unit/edits-dropped")
async def test_edits_are_thrown_away_and_told(engine: Engine, make_plan: PlanMaker, checkout: Path) -> None:
    script = answering({"src/one.py": answer()}, before='echo "# more" >> "$1"; echo new > new.txt')
    view = await run_plan(engine, make_plan({"one": "src/one.py"}, script, mode="review"))
    (told,) = view.findings
    assert (told.code, told.severity) == ("unit/edits-dropped", Severity.WARNING)
    assert "src/one.py" in told.message
    assert "new.txt" in told.message
    unit = unit_of(view, "one")
    assert (unit.state, unit.result, unit.files) == (UnitState.DONE, None, ())
    refs = engine.repository.git("for-each-ref", "--format=%(refname)", "refs/fanout").out.decode().split()
    assert refs == [f"refs/fanout/{view.id}/base"]


async def test_an_answer_that_cannot_be_read_is_asked_for_again_in_its_session(
    engine: Engine, make_plan: PlanMaker, use: Use
) -> None:
    good = json.dumps({"say": answer(summary="Now it fits.")})
    agent = use(
        """echo '{"session": "s1"}'; cat > /dev/null\n"""
        f"""if [ "$1" = 1 ]; then echo '{{"say": "I found nothing."}}'; else cat <<'END'\n{good}\nEND\nfi\n"""
        """echo '{"done": 1}'"""
    )
    view = await run_plan(engine, make_plan({"one": "src/one.py"}, "", mode="review"))
    assert (unit_of(view, "one").state, unit_of(view, "one").summary) == (UnitState.DONE, "Now it fits.")
    first, second = agent.tasks
    assert "change nothing" in first.prompt
    assert '"findings"' in first.prompt
    assert first.schema is None
    assert second.session == "s1"
    assert second.prompt.startswith("Your answer could not be read: its answer holds no JSON object")
    assert "Work on src/one.py" not in second.prompt


async def test_one_that_never_answers_fails(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    agent = use("""cat > /dev/null; echo '{"say": "Fine."}'; echo '{"done": 1}'""")
    view = await run_plan(engine, make_plan({"one": "src/one.py"}, "", mode="review"))
    unit = unit_of(view, "one")
    assert (unit.state, unit.kind, unit.attempts) == (UnitState.FAILED, FailureKind.BAD_ANSWER, 2)
    assert view.state is RunState.FAILED
    # Without a session the whole task is told again, and what was wrong.
    assert "Work on src/one.py" in agent.tasks[1].prompt
    assert "could not be read" in agent.tasks[1].prompt


async def test_an_agent_that_can_be_given_a_schema_is_given_it(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    said = json.dumps({"say": answer()})
    abilities = Abilities(resume=True, schema=True)
    agent = use(f"cat > /dev/null; cat <<'END'\n{said}\nEND\necho '{{\"done\": 1}}'", abilities=abilities)
    view = await run_plan(engine, make_plan({"one": "src/one.py"}, "", mode="review"))
    assert view.state is RunState.READY
    (task,) = agent.tasks
    assert task.schema is not None
    assert "findings" in json.loads(task.schema.read_text())["properties"]
    assert "JSON" not in task.prompt


async def test_what_is_suggested_is_put_in_beside_what_was_typed_since(
    engine: Engine, make_plan: PlanMaker, checkout: Path
) -> None:
    said = answer(remark("src/one.py", "return 1", "It should be two.", replacement="return 2"))
    view = await run_plan(engine, make_plan({"one": "src/one.py"}, answering({"src/one.py": said}), mode="review"))
    (finding,) = of_agents(view)
    assert finding.replacement == "return 2"
    path = checkout / "src/one.py"
    path.write_text("# typed\n" + path.read_text())
    plan = await engine.plan_fix(view.id, finding, Choice.REPLACE, Disk(checkout))
    await engine.write(plan)
    assert path.read_text() == "# typed\ndef one():\n    return 2\n"


async def test_the_report_has_a_summary_for_each_unit(engine: Engine, make_plan: PlanMaker) -> None:
    said = answer(remark("src/one.py", "return 1", "It should be two."), summary="All in all\n# good.")
    script = answering({"src/one.py": said, "src/two.py": "no answer"})
    view = await run_plan(engine, make_plan(UNITS, script, mode="review", attempts=1))
    assert view.state is RunState.READY
    report = await engine.show(view.id, None, "report")
    assert "## src/one.py\n\n> All in all\n> # good.\n\n- warning at `src/one.py:2`: It should be two.\n" in report
    assert "## src/two.py\n\nNot reviewed: failed, the agent's answer cannot be read" in report


@pytest.mark.spares_code("unit/edits-dropped")
async def test_a_run_that_edits_has_none_of_it(engine: Engine, make_plan: PlanMaker) -> None:
    plan: Plan = make_plan({"one": "src/one.py"}, 'echo "# more" >> "$1"')
    view = await run_plan(engine, plan)
    assert of_agents(view) == []
    assert "unit/edits-dropped" not in codes(view)
    assert "Nothing was found" not in await engine.show(view.id, None, "report")
    assert attrs.asdict(unit_of(view, "one"))["summary"] == ""
