"""The report in Markdown: all of a run in a fixed order, and nothing that others wrote is more than text in it."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given

from fanout_server import run_events
from fanout_server.model import (
    CheckOf,
    Finding,
    Options,
    Plan,
    Position,
    Range,
    RunState,
    RunView,
    Severity,
    Unit,
    UnitState,
    UnitView,
)
from fanout_server.run import markdown, written_report
from fanout_server.run.engine import Engine
from fanout_server.run.state import Fold, fold
from tests.run.conftest import PlanMaker, run_plan
from tests.strategies import NAMES, TEXTS

_NASTY = "a|b `c` <img src=x> [x](http://evil) www.evil.org\n# head\r\n| cell |"


def view_of(*units: UnitView, findings: tuple[Finding, ...] = (), **more: Any) -> RunView:
    options = Options(check=("make", "all tests"), env={"TOKEN": "s3cret"}, jobs=7)
    view = RunView("r1", RunState.READY, "/root", "base", Plan("Do it.", (), options), 0.0, units, findings=findings)
    return evolve(view, **more)


def finding(code: str, path: str, line: int, message: str = "Look.", *units: str) -> Finding:
    place = Range(Position(line, 0), Position(line, 1))
    return Finding(code, Severity.WARNING, message, path, place, units)


def test_all_parts_and_what_is_left_to_do() -> None:
    view = view_of(
        UnitView("01-a", "a.py", UnitState.DONE, 1, files=("a.py",), cost=0.5, estimated=True, activity="All done."),
        UnitView("02-b", "b.py", UnitState.FAILED, 2, message="It gave up."),
        findings=(
            Finding("merge/conflict", Severity.ERROR, "They clash.", "a.py", None, ("01-a", "02-b")),
            Finding("merge/auto-merged", Severity.INFORMATION, "(confidence: medium)", "c.py"),
            Finding("check/culprit", Severity.ERROR, "With b the check fails.", None, None, ("02-b",)),
            finding("review/placeholder", "a.py", 4, "A place is left.", "01-a"),
        ),
        merged="m",
        owners={"a.py": ("01-a",), "d.py": ("01-a", "02-b")},
        check="The check failed because of b.py.",
    )
    told = written_report.report(view, None, " a.py | 1 +\n")
    heads = re.findall("^## (.*)$", told, re.MULTILINE)
    assert heads == [
        "What was asked", "What was done", "What it cost", "What was merged, and how", "What was checked",
        "What was found", "What is left to do", "Changes",
    ]  # fmt: skip
    assert "- `jobs`: `7`" in told
    assert "TOKEN" in told
    assert "s3cret" not in told
    assert "2 units: 1 done, 1 failed." in told
    assert "| a.py | done | 1 | 0.0 | about $0.50 | a.py | All done. |" in told
    assert "about $0.50 in all." in told
    assert "Of 1 unit nothing is known." in told
    assert "2 files in the change set; 1 of several units" in told
    assert "information at c.py: (confidence: medium)" in told
    assert "- error at a.py: They clash. (01-a, 02-b)" in told
    assert "- Command: `make 'all tests'`\n- The check failed because of b.py." in told
    assert "### review/placeholder (1)" in told
    assert "- warning at a.py:5: A place is left. (01-a)" in told
    assert "1 unit failed: `fanout retry r1 --unit 02-b` does that again." in told
    assert "`fanout apply r1` brings it in." in told


def test_of_one_unit_only_what_concerns_it() -> None:
    one, other = UnitView("01-a", "a.py", UnitState.DONE, 1), UnitView("02-b", "b.py", UnitState.FAILED, 1)
    both = (finding("review/x", "a.py", 1, "Mine.", "01-a"), finding("review/x", "b.py", 1, "Other.", "02-b"))
    told = written_report.report(view_of(one, other, findings=both), one, "")
    assert "Mine." in told
    assert "Other." not in told
    assert "b.py" not in told
    assert "fanout retry" not in told


def test_many_findings_are_capped_and_in_any_order_the_same() -> None:
    units = tuple(UnitView(f"{n:04}", f"src/{n}.py", UnitState.DONE, 1, files=(f"src/{n}.py",)) for n in range(1000))
    found = [
        finding(f"review/{n % 20}", f"src/{n % 1000}.py", n, f"Number {n}.", f"{n % 1000:04}") for n in range(10_000)
    ]
    told = written_report.report(view_of(*units, findings=tuple(found)), None, "")
    random.Random(1).shuffle(found)
    assert written_report.report(view_of(*units, findings=tuple(found)), None, "") == told
    assert told.count("- and 300 more") == 20
    assert "### review/7 (500)" in told


def test_what_others_wrote_stays_text() -> None:
    unit = UnitView("01-a", _NASTY, UnitState.DONE, 1, files=(_NASTY, "\udcff.py"), message=_NASTY)
    told = written_report.report(view_of(unit, findings=(finding("check/x:```", _NASTY, 1, _NASTY, "01-a"),)), None, "")
    told.encode()
    assert "# head" not in re.findall("^# .*$", told, re.MULTILINE)
    assert not re.search(r"(?<!\\)<img", told)
    assert not re.search(r"(?<!\\)\[x", told)
    assert "http://" not in told
    assert "www.evil" not in told
    (row,) = [line for line in told.splitlines() if line.startswith("| a\\|b")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 8


@given(TEXTS | NAMES)
def test_no_text_leaves_its_place(text: str) -> None:
    for made in (markdown.text(text), markdown.path(text), markdown.code(text)):
        assert len(made.splitlines()) <= 1
        made.encode()
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<\[`]", markdown.text(text))
    opening, *lines, closing = markdown.block(text)
    assert opening == closing
    assert not any(opening in line for line in lines)
    "\n".join(lines).encode()


@pytest.mark.anyio
async def test_the_report_is_the_same_from_the_journal(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, "echo x >> $1; test $1 = a.txt", attempts=1))
    told = await engine.show(view.id, None, "report")
    again = fold(await engine.services.journal.events(view.id))
    assert again is not None
    assert told.startswith(written_report.report(again, None, ""))
    assert "1 unit failed" in told


def test_a_search_for_culprits_says_of_how_many_units() -> None:
    plan = Plan("x", tuple(Unit(unit, unit, "x") for unit in "abc"))
    total = Fold()
    total.add(run_events.RunStarted("r", 0.0, "/", "base", plan))
    for unit in "abc":
        total.add(run_events.UnitEnded("r", 1.0, unit, UnitState.DONE, "", 1.0))
    total.add(run_events.CheckStarted("r", 2.0, CheckOf.PART, 4, ("a", "b")))
    view = total.view()
    assert view is not None
    assert view.checking == "looking for the culprit: check 4, of 2 of 3 units"
