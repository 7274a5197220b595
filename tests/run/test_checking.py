"""The combined tree is checked in a real worktree; what is new is told at its place, and culprits are left out."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from fanout_server import model, run_events
from fanout_server.apply.content import Disk
from fanout_server.model import CheckOf, CheckVerdict, Plan, RunState, Severity
from fanout_server.repo.errors import WorktreeFailed
from fanout_server.repo.ways.overlay import OverlaySource
from fanout_server.repo.worktrees import Worktree
from fanout_server.run import bisecting, report
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, codes, run_plan

pytestmark = pytest.mark.anyio

# Words in files decide: "bad" is wrong at its line, "left" and "right" do not go together, "odd" is wrong every other
# time, "hang" never ends. What is wrong is told of as compilers do.
CHECK = """\
import pathlib, sys, time
wrong = False
words = set()
for path in sorted(pathlib.Path('.').rglob('*.txt')):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words |= set(line.split())
        if 'bad' in line.split():
            print(f'{path}:{number}:1: error: a bad word [word]')
            wrong = True
if {'left', 'right'} <= words:
    print('left and right do not go together')
    wrong = True
if 'odd' in words:
    tally = pathlib.Path(sys.argv[1])
    tally.write_text((tally.read_text() if tally.exists() else '') + 'x')
    wrong = len(tally.read_text()) % 2 == 1
if 'hang' in words:
    time.sleep(600)
sys.exit(wrong)
"""
UNITS = {name: f"{name}.txt" for name in "abcdefgh"}


@pytest.fixture
def words(checkout: Path, git: GitCommand) -> Path:
    """The checkout with a file for each unit, and the program that checks them."""
    for path in UNITS.values():
        (checkout / path).write_text("first\n")
    (checkout / "check.py").write_text(CHECK)
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "words")
    return checkout


@pytest.fixture
def plan_of(make_plan: PlanMaker, tmp_path: Path) -> Any:
    """``plan_of(b="bad")``: each unit adds a line to its file: the word that is named for it, or "good"."""

    def make(units: dict[str, str] = UNITS, *, check: str = "check.py", **say: str) -> Plan:
        lines = "".join(f"{unit}.txt) echo {word} >> $1;; " for unit, word in say.items())
        script = f"case $1 in {lines} *) echo good >> $1;; esac"
        return make_plan(units, script, check=(sys.executable, check, str(tmp_path / "tally")))

    return make


def events_of(engine: Engine) -> list[run_events.Event]:
    events: list[run_events.Event] = []
    engine.subscribe(events.append)
    return events


def begun(engine: Engine) -> anyio.Event:
    """Set once something is checked."""
    event = anyio.Event()
    engine.subscribe(lambda one: event.set() if isinstance(one, run_events.CheckStarted) else None)
    return event


def checks(events: list[run_events.Event]) -> list[CheckOf]:
    return [event.of for event in events if isinstance(event, run_events.CheckStarted)]


def verdicts(events: list[run_events.Event]) -> list[CheckVerdict]:
    return [event.verdict for event in events if isinstance(event, run_events.CheckEnded)]


@pytest.mark.spares_code("check/", "check/flaky", "check/base-fails", "check/failed")
async def test_a_check_that_passes_is_said_and_runs_once(engine: Engine, words: Path, plan_of: Any) -> None:
    events = events_of(engine)
    view = await run_plan(engine, plan_of())
    assert view.state is RunState.READY
    assert view.message == "8 of 8 units done. The check passed."
    assert (view.check, view.checking, codes(view)) == ("The check passed.", "", [])
    assert not {"check/check:word", "check/flaky", "check/base-fails", "check/failed"} & set(codes(view))
    assert checks(events) == [CheckOf.MERGED]
    assert verdicts(events) == [CheckVerdict.PASSED]
    assert "The check passed." in await engine.show(view.id, None, "report")


@pytest.mark.raises_code("check/culprit")
async def test_the_culprit_is_found_named_and_left_out_and_can_be_taken_in(
    engine: Engine, words: Path, git: GitCommand, plan_of: Any
) -> None:
    events = events_of(engine)
    view = await run_plan(engine, plan_of(f="bad"))
    assert view.state is RunState.READY
    assert verdicts(events) == [CheckVerdict.PARTED]
    assert sorted(view.owners) == [f"{name}.txt" for name in "abcdegh"]
    assert view.merged is not None
    assert git(words, "show", f"{view.merged}:f.txt") == "first"
    assert git(words, "show", f"{view.merged}:g.txt") == "first\ngood"
    (finding,) = view.findings
    assert (finding.code, finding.severity, finding.units) == ("check/culprit", Severity.ERROR, ("f",))
    assert (finding.path, finding.range) == ("f.txt", None)
    assert "f.txt:2: a bad word" in finding.message
    assert f"fanout apply {view.id} --unit f" in finding.message
    assert "because of f.txt" in view.message
    # Nothing of it is lost.
    plan = await engine.plan_apply(view.id, Disk(words), ["f"])
    assert [(edit.path, edit.after.data if edit.after else None) for edit in plan.edits] == [("f.txt", b"first\nbad\n")]
    whole = await engine.plan_apply(view.id, Disk(words))
    assert [edit.path for edit in whole.edits] == [f"{name}.txt" for name in "abcdegh"]


async def test_the_review_is_of_what_is_delivered(engine: Engine, words: Path, make_plan: PlanMaker) -> None:
    """The culprit's and another unit's line clash no more once the culprit is left out; the third's stay."""
    script = (
        "case $1 in a.txt) echo bad >> $1; echo '# TODO' > a.py;; b.txt) echo '# TODO' > b.py;; esac; echo good >> $1"
    )
    plan = make_plan({name: f"{name}.txt" for name in "abc"}, script, check=(sys.executable, "check.py"))
    events = events_of(engine)
    view = await run_plan(engine, attrs.evolve(plan, options=attrs.evolve(plan.options, review="checks")))
    told = [one.finding for one in events if isinstance(one, run_events.FindingReported)]
    assert [one.path for one in told if one.code == "review/placeholder"] == ["a.py", "b.py"]
    assert [one.path for one in view.findings if one.code == "review/placeholder"] == ["b.py"]


async def test_two_that_only_fail_together_are_named_together(engine: Engine, words: Path, plan_of: Any) -> None:
    view = await run_plan(engine, plan_of(b="left", g="right"))
    (finding,) = view.findings
    assert (finding.code, finding.units, finding.path) == ("check/culprit", ("b", "g"), None)
    assert "Together, b.txt and g.txt fail the check" in finding.message
    assert "left and right do not go together" in finding.message
    assert sorted(view.owners) == [f"{name}.txt" for name in "acdefh"]


@pytest.mark.raises_code("check/base-fails")
async def test_what_the_base_has_already_is_nobodys_fault(
    engine: Engine, words: Path, plan_of: Any, git: GitCommand
) -> None:
    (words / "c.txt").write_text("bad before\n")
    events = events_of(engine)
    view = await run_plan(engine, plan_of())
    assert view.state is RunState.READY
    assert checks(events) == [CheckOf.MERGED, CheckOf.BASE]
    (finding,) = view.findings
    assert (finding.code, finding.severity) == ("check/base-fails", Severity.INFORMATION)
    assert len(view.owners) == 8


async def test_beside_what_the_base_has_only_the_new_counts(engine: Engine, words: Path, plan_of: Any) -> None:
    (words / "c.txt").write_text("bad before\n")
    view = await run_plan(engine, plan_of(e="bad"))
    assert [(one.code, one.units) for one in view.findings] == [("check/culprit", ("e",))]
    assert sorted(view.owners) == [f"{name}.txt" for name in "abcdfgh"]


@pytest.mark.raises_code("check/")
async def test_where_nothing_would_be_left_the_problem_is_shown_at_its_place(
    engine: Engine, words: Path, plan_of: Any
) -> None:
    view = await run_plan(engine, plan_of({"a": "a.txt"}, a="bad"))
    found = {one.code: one for one in view.findings}
    assert set(found) == {"check/check:word", "check/culprit"}
    problem = found["check/check:word"]
    assert (problem.path, problem.units, problem.message) == ("a.txt", ("a",), "a bad word")
    assert problem.range == model.Range(model.Position(1, 0), model.Position(1, 3))
    assert found["check/culprit"].range == problem.range
    assert list(view.owners) == ["a.txt"]


@pytest.mark.spares_code("check/culprit")
@pytest.mark.raises_code("check/flaky")
async def test_a_verdict_that_flips_is_flaky_and_nobody_is_left_out(engine: Engine, words: Path, plan_of: Any) -> None:
    events = events_of(engine)
    view = await run_plan(engine, plan_of(d="odd"))
    assert verdicts(events) == [CheckVerdict.FLAKY]
    (finding,) = [one for one in view.findings if one.code == "check/flaky"]
    assert finding.severity is Severity.WARNING
    assert finding.units == ()
    assert not [one for one in view.findings if one.code == "check/culprit"]
    assert len(view.owners) == 8


@pytest.mark.raises_code("check/failed")
async def test_a_check_that_cannot_be_run_says_so_and_blames_nobody(
    engine: Engine, words: Path, make_plan: PlanMaker
) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "echo x >> $1", check=("no-such-program",)))
    (finding,) = view.findings
    assert finding.code == "check/failed"
    assert "could not be run" in finding.message
    assert "no-such-program" in finding.message
    assert view.state is RunState.READY


async def test_units_that_share_a_file_are_told_apart_by_their_lines(
    engine: Engine, words: Path, make_plan: PlanMaker
) -> None:
    lines = "".join(f"{number}\n" for number in range(20))
    (words / "shared.txt").write_text(lines)
    script = (
        'case $1 in a.txt) sed -i "1s/.*/bad/" shared.txt;; b.txt) sed -i "20s/.*/fine/" shared.txt;; esac;'
        ' echo bad >> "$1"'
    )
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, script, check=(sys.executable, "check.py")))
    shared = [one for one in view.findings if one.path == "shared.txt" and one.code == "check/check:word"]
    assert [one.units for one in shared] == [("a",)]
    assert [one.units for one in view.findings if one.code == "check/culprit"] == [("a",), ("b",)]


async def test_a_unit_sent_back_is_told_what_the_check_said_and_nothing_is_checked_twice(
    engine: Engine, words: Path, make_plan: PlanMaker
) -> None:
    # Told of it, it takes the word back.
    of_c = 'grep -q "a bad word" "$2" && sed -i s/bad/mended/ $1 && exit; echo bad >> $1'
    plan = make_plan({"c": "c.txt"}, "", check=(sys.executable, "check.py"))
    others = make_plan({name: f"{name}.txt" for name in "abd"}, "").units
    script = f"case $1 in c.txt) {of_c};; *) echo good >> $1;; esac"
    command = ("sh", "-c", script, "agent", "{file}", "{prompt_file}")
    plan = attrs.evolve(plan, units=(*plan.units, *others), options=attrs.evolve(plan.options, command=command))
    view = await run_plan(engine, plan)
    assert [(one.code, one.units) for one in view.findings] == [("check/culprit", ("c",))]
    events = events_of(engine)
    await engine.retry(view.id, ["c"], "Mend it.", lambda error: pytest.fail(str(error)))
    again = await engine.wait(view.id)
    assert again.findings == ()
    assert again.check == "The check passed."
    assert sorted(again.owners) == ["a.txt", "b.txt", "c.txt", "d.txt"]
    assert checks(events) == [CheckOf.MERGED]
    events.clear()
    await engine.retry(view.id, ["d"], "", lambda error: pytest.fail(str(error)))
    third = await engine.wait(view.id)
    # It did the same again: that tree is known.
    assert (third.merged, third.check) == (again.merged, "The check passed.")
    assert checks(events) == []


async def test_cancelling_ends_the_check_and_keeps_what_is_merged(engine: Engine, words: Path, plan_of: Any) -> None:
    failures: list[model.FanoutError] = []
    run = engine.reserve()
    checking = begun(engine)
    engine.launch(run, plan_of(a="hang"), {}, failures.append)
    with anyio.fail_after(30):
        await checking.wait()
        assert (await engine.view(run)).checking == "checking"
        await engine.cancel(run)
        view = await engine.wait(run)
    assert failures == []
    assert view.state is RunState.CANCELLED
    assert "The check of the merged result was cancelled." in view.message
    assert len(view.owners) == 8
    assert view.checking == ""


async def test_a_check_is_begun_again_by_resume(checkout: Path, words: Path, plan_of: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with Engine.open(checkout, state_root=state) as first:
        run = first.reserve()
        checking = begun(first)
        first.launch(run, plan_of(b="bad", c="hang"), {}, lambda error: pytest.fail(str(error)))
        with anyio.fail_after(30):
            await checking.wait()
    async with Engine.open(checkout, state_root=state) as second:
        assert (await second.view(run)).state is RunState.INTERRUPTED
        events = events_of(second)
        checking_again = begun(second)
        await second.resume(run, lambda error: pytest.fail(str(error)))
        with anyio.fail_after(30):
            await checking_again.wait()
            await second.cancel(run)
            view = await second.wait(run)
    assert view.state is RunState.CANCELLED
    assert not [event for event in events if isinstance(event, run_events.AttemptStarted)]


async def test_worktrees_of_checks_are_gone_and_the_users_files_untouched(
    engine: Engine, words: Path, git: GitCommand, plan_of: Any, tmp_path: Path
) -> None:
    before = git(words, "status", "--porcelain")
    view = await run_plan(engine, plan_of(b="left", g="right"))
    assert git(words, "status", "--porcelain") == before
    assert git(words, "worktree", "list").count("\n") == 0
    folder = engine.services.folders(view.id)
    assert not folder.worktrees.exists()
    assert "left and right" in await anyio.to_thread.run_sync(report.show, engine.services, view, None, "log")


async def test_setup_of_units_is_there_for_the_check_too(engine: Engine, words: Path, make_plan: PlanMaker) -> None:
    (words / ".gitignore").write_text("made/\n")
    (words / "needs.py").write_text("import pathlib, sys\nsys.exit(not pathlib.Path('made/it').exists())\n")
    setup = ("sh", "-c", "mkdir -p made && touch made/it")
    for worktrees in ("auto", "plain"):
        plan = make_plan(
            {"a": "a.txt"}, "echo x >> $1", check=(sys.executable, "needs.py"), setup=setup, worktrees=worktrees
        )
        assert (await run_plan(engine, plan)).check == "The check passed."


async def test_a_worktree_that_cannot_be_made_fails_no_run(
    engine: Engine, words: Path, plan_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = OverlaySource.create

    def refuse(self: OverlaySource, path: Path, reason: str, start: str | None = None) -> Worktree:
        if ".check" in reason:
            raise WorktreeFailed("No worktree today.")
        return create(self, path, reason, start)

    monkeypatch.setattr(OverlaySource, "create", refuse)
    view = await run_plan(engine, plan_of())
    assert view.state is RunState.READY
    assert len(view.owners) == 8
    (finding,) = view.findings
    assert finding.code == "check/failed"
    assert "No worktree today." in finding.message


async def test_what_the_base_only_warns_of_is_not_new(engine: Engine, words: Path, make_plan: PlanMaker) -> None:
    (words / "warns.py").write_text(
        "import pathlib, sys\nprint('a.txt:1:1: warning: old [old]')\n"
        "if 'x' in pathlib.Path('a.txt').read_text():\n    print('a.txt:2:1: error: new [new]')\n    sys.exit(1)\n"
    )
    plan = make_plan({"a": "a.txt"}, "echo x >> $1", check=(sys.executable, "warns.py"))
    view = await run_plan(engine, plan)
    assert codes(view) == ["check/warns:new", "check/culprit"]


async def test_the_search_ends_at_its_limit_and_leaves_nothing_out(
    engine: Engine, words: Path, plan_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisecting, "MOST_CHECKS", 3)
    view = await run_plan(engine, plan_of(b="left", g="right"))
    (finding,) = view.findings
    assert (finding.code, finding.units) == ("check/failed", ())
    assert re.search(r"could not be found out in [123] more checks", finding.message)
    assert "left and right do not go together" in finding.message
    assert len(view.owners) == 8
    assert view.state is RunState.READY


async def test_the_search_ends_when_its_time_is_up(
    engine: Engine, words: Path, plan_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisecting, "MOST_SECONDS", 0.0)
    view = await run_plan(engine, plan_of(b="left", g="right"))
    assert codes(view) == ["check/failed"]
    assert len(view.owners) == 8


async def test_another_process_cancels_a_check(checkout: Path, words: Path, plan_of: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with Engine.open(checkout, state_root=state) as mine, Engine.open(checkout, state_root=state) as other:
        run = mine.reserve()
        checking = begun(mine)
        mine.launch(run, plan_of(a="hang"), {}, lambda error: pytest.fail(str(error)))
        with anyio.fail_after(30):
            await checking.wait()
            await other.cancel(run)
            assert (await other.view(run)).state is RunState.CANCELLED
            await mine.wait_over(run)


async def test_a_problem_without_a_code_has_its_severity_for_one(
    engine: Engine, words: Path, make_plan: PlanMaker
) -> None:
    (words / "culprit.py").write_text(
        "import pathlib, sys\nif 'x' in pathlib.Path('a.txt').read_text():\n    sys.exit('a.txt:2: warning: odd')\n"
    )
    plan = make_plan({"a": "a.txt"}, "echo x >> $1", check=(sys.executable, "culprit.py"))
    view = await run_plan(engine, plan)
    assert codes(view) == ["check/culprit:warning", "check/culprit"]
