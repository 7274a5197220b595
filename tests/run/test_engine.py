"""The main job on a real repository: base, units side by side, one merged change set, applied and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from fanout_server import model, run_events
from fanout_server.apply.content import Disk
from fanout_server.apply.edits import EditPlan
from fanout_server.apply.resolving import Choice
from fanout_server.model import RunState, Severity, UnitState
from fanout_server.repo.errors import TooLarge
from fanout_server.run.delivery import NotDeliverable
from fanout_server.run.engine import Engine
from fanout_server.run.replacing import NotFixable
from fanout_server.run.state import Fold
from fanout_server.run.views import UnknownRun
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, run_plan, unit_of

pytestmark = pytest.mark.anyio


async def apply(engine: Engine, run: str) -> tuple[model.Finding, ...]:
    plan = await engine.plan_apply(run, Disk(engine.repository.root))
    kept = await engine.keep_applied(run, plan)
    await engine.write(plan)
    await engine.record_applied(run, kept, plan)
    return plan.left


async def test_every_unit_works_on_what_the_user_sees_and_the_results_come_back_as_one(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    (checkout / "a.txt").write_text("alpha, edited\nbeta\ngamma\n")
    (checkout / "new.txt").write_text("untracked\n")
    before = git(checkout, "status", "--porcelain")
    plan = make_plan({"a": "a.txt", "b": "b.txt", "n": "new.txt"}, 'cat "$1" > "$1.seen"; echo more >> "$1"')
    view = await run_plan(engine, plan, {"b.txt": b"unsaved\n"})
    assert view.state is RunState.READY
    assert [unit.state for unit in view.units] == [UnitState.DONE] * 3
    assert git(checkout, "status", "--porcelain") == before
    assert view.merged is not None
    assert git(checkout, "show", f"{view.merged}:a.txt.seen") == "alpha, edited\nbeta\ngamma"
    assert git(checkout, "show", f"{view.merged}:b.txt.seen") == "unsaved"
    assert git(checkout, "show", f"{view.merged}:new.txt.seen") == "untracked"
    assert view.owners["a.txt"] == ("a",)
    # The unsaved buffer never reached the disk, so applying meets another text there and leaves it alone.
    left = await apply(engine, view.id)
    assert (checkout / "a.txt").read_text() == "alpha, edited\nbeta\ngamma\nmore\n"
    assert (checkout / "new.txt").read_text() == "untracked\nmore\n"
    assert (checkout / "b.txt").read_text() == "one\ntwo\nthree\n"
    assert [finding.path for finding in left] == ["b.txt"]
    assert (await engine.view(view.id)).state is RunState.APPLIED


async def test_reverting_takes_the_change_back_and_keeps_what_was_typed_since(
    engine: Engine, checkout: Path, make_plan: PlanMaker
) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, 'echo more >> "$1"; echo made > "$1.new"'))
    await apply(engine, view.id)
    (checkout / "a.txt").write_text("typed since\n" + (checkout / "a.txt").read_text())
    plan = await engine.plan_revert(view.id, Disk(checkout))
    await engine.write(plan)
    await engine.record_reverted(view.id, plan)
    assert (checkout / "a.txt").read_text() == "typed since\nalpha\nbeta\ngamma\n"
    assert (checkout / "b.txt").read_text() == "one\ntwo\nthree\n"
    assert not (checkout / "a.txt.new").exists()
    assert (await engine.view(view.id)).state is RunState.REVERTED


async def test_an_apply_that_was_written_but_not_recorded_is_recorded_by_the_next(
    engine: Engine, checkout: Path, make_plan: PlanMaker
) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt"}, 'echo more >> "$1"'))
    plan = await engine.plan_apply(view.id, Disk(checkout))
    await engine.keep_applied(view.id, plan)
    await engine.write(plan)
    again = await engine.plan_apply(view.id, Disk(checkout))
    assert (again.edits, again.unchanged) == ((), ("a.txt",))
    await engine.record_unchanged(view.id, again)
    assert (await engine.view(view.id)).state is RunState.APPLIED
    back = await engine.plan_revert(view.id, Disk(checkout))
    await engine.write(back)
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\n"


async def test_units_are_applied_one_after_the_other_and_taken_back_together(
    engine: Engine, checkout: Path, make_plan: PlanMaker
) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, 'echo "$1" >> shared.txt; echo x >> "$1"'))
    for unit in ("b", "a"):
        plan = await engine.plan_apply(view.id, Disk(checkout), [unit])
        kept = await engine.keep_applied(view.id, plan)
        await engine.write(plan)
        await engine.record_applied(view.id, kept, plan)
    assert (checkout / "shared.txt").read_text() == "b.txt\n"
    assert (checkout / "a.txt").read_text().endswith("x\n")
    while (await engine.view(view.id)).state is RunState.APPLIED:
        plan = await engine.plan_revert(view.id, Disk(checkout))
        await engine.write(plan)
        await engine.record_reverted(view.id, plan)
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\n"
    assert (checkout / "b.txt").read_text() == "one\ntwo\nthree\n"
    assert not (checkout / "shared.txt").exists()


async def deliver(engine: Engine, run: str, **part: Any) -> EditPlan:
    plan = await engine.plan_apply(run, Disk(engine.repository.root), **part)
    kept = await engine.keep_applied(run, plan)
    await engine.write(plan)
    await engine.record_applied(run, kept, plan)
    return plan


async def test_files_are_applied_one_after_the_other_and_what_is_left_is_remembered(
    engine: Engine, checkout: Path, make_plan: PlanMaker
) -> None:
    script = 'echo x >> "$1"; if test "$1" = a.txt; then mv src/one.py src/moved.py; fi'
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, script))
    await deliver(engine, view.id, paths=["b.txt"])
    part = await engine.view(view.id)
    assert (part.state, part.rest) == (RunState.APPLIED, ("a.txt", "src/moved.py", "src/one.py"))
    # Old, but with results that nobody applied.
    assert (await engine.clean(older_than=0)).kept == (view.id,)
    # By its old name.
    await deliver(engine, view.id, paths=["src/one.py"])
    assert (await engine.view(view.id)).rest == ("a.txt",)
    assert (checkout / "src/moved.py").exists()
    with pytest.raises(NotDeliverable, match=r"no change of c\.txt to apply"):
        await engine.plan_apply(view.id, Disk(checkout), paths=["c.txt", "a.txt"])
    await deliver(engine, view.id)
    assert (await engine.view(view.id)).rest == ()
    assert (checkout / "a.txt").read_text().endswith("x\n")
    plan = await engine.plan_revert(view.id, Disk(checkout))
    await engine.write(plan)
    await engine.record_reverted(view.id, plan)
    assert (await engine.view(view.id)).rest == ("a.txt",)
    await deliver(engine, view.id)
    assert (await engine.clean(older_than=0)).runs == (view.id,)


async def test_a_unit_that_is_done_again_is_compared_with_its_own_part_that_was_applied(
    engine: Engine, checkout: Path, make_plan: PlanMaker
) -> None:
    script = 'echo "try $FANOUT_ATTEMPT" | tr -c "a-z0-9 /-" x >> "$1"; date +%N >> "$1"; echo "$1" >> shared.txt'
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, script))
    await deliver(engine, view.id, units=["a"])
    first = (checkout / "a.txt").read_text()
    (checkout / "a.txt").write_text("typed\n" + first)
    await engine.retry(view.id, ["a"], "", raising)
    await engine.wait_over(view.id)
    plan = await deliver(engine, view.id)
    assert [finding.code for finding in plan.left] == []
    again = (checkout / "a.txt").read_text()
    assert again.startswith("typed\nalpha\nbeta\ngamma\ntry")
    assert again != "typed\n" + first
    assert len(again.splitlines()) == len(first.splitlines()) + 1


def raising(error: model.FanoutError) -> None:
    raise error


async def test_findings_that_are_settled_or_made_good_are_gone_for_everybody(
    engine: Engine, checkout: Path, make_plan: PlanMaker
) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, 'echo "$1" >> "$1"; echo "$1" > both.txt'))
    (of_units,) = view.findings
    assert of_units.code == "merge/conflict"
    (checkout / "a.txt").write_text("alpha\nbeta\ngamma\ntyped\n")
    assert [finding.path for finding in await apply(engine, view.id)] == ["a.txt"]
    (_, of_user) = (await engine.view(view.id)).findings
    await engine.settle(view.id, [of_units, of_units])
    assert (await engine.view(view.id)).findings == (of_user,)
    plan = await engine.plan_fix(view.id, of_user, Choice.BOTH, Disk(checkout))
    await engine.write(plan)
    assert (checkout / "a.txt").read_text() == "alpha\nbeta\ngamma\ntyped\na.txt\n"
    # Without a word of the user's: the change can be applied now.
    (checkout / "a.txt").write_text("alpha\nbeta\ngamma\n")
    await apply(engine, view.id)
    assert (await engine.view(view.id)).findings == ()
    with pytest.raises(NotFixable, match="no such sides to choose from"):
        await engine.plan_fix(
            view.id, model.Finding("unit/failed", Severity.ERROR, "x", "a.txt"), Choice.MINE, Disk(checkout)
        )
    lost = attrs.evolve(of_user, related=(model.Related(str(checkout / "gone.base"), ""),), units=("none",))
    with pytest.raises(NotFixable, match="is kept no more"):
        await engine.plan_fix(view.id, lost, Choice.THEIRS, Disk(checkout))


async def test_no_more_than_jobs_agents_work_at_a_time(engine: Engine, tmp_path: Path, make_plan: PlanMaker) -> None:
    going, counts = tmp_path / "going", tmp_path / "counts"
    going.mkdir()
    script = f"mkdir {going}/$$; ls {going} | wc -l >> {counts}; sleep 0.1; echo x > out-$$; rmdir {going}/$$"
    view = await run_plan(engine, make_plan({f"u{n}": "a.txt" for n in range(9)}, script, jobs=3))
    assert view.state is RunState.READY
    seen = [int(line) for line in counts.read_text().split()]
    assert len(seen) == 9
    assert max(seen) == 3


async def test_no_more_than_jobs_are_ever_shown_as_running(engine: Engine, make_plan: PlanMaker) -> None:
    fold, most = Fold(), 0

    def listen(event: run_events.Event) -> None:
        nonlocal most
        fold.add(event)
        view = fold.view()
        assert view is not None
        most = max(most, sum(unit.state is UnitState.RUNNING for unit in view.units))

    engine.subscribe(listen)
    await run_plan(engine, make_plan({f"u{n}": "a.txt" for n in range(12)}, "echo x > out-$$", jobs=3))
    assert most == 3


async def test_units_begin_in_the_order_of_the_plan(engine: Engine, make_plan: PlanMaker) -> None:
    began: list[str] = []
    engine.subscribe(lambda event: began.append(event.unit) if isinstance(event, run_events.AttemptStarted) else None)
    ids = [f"u{number}" for number in range(12)]
    view = await run_plan(engine, make_plan(dict.fromkeys(ids, "a.txt"), "echo x > out-$$", jobs=2))
    assert view.state is RunState.READY
    assert began == ids


async def test_a_failing_unit_does_not_stop_the_others(engine: Engine, make_plan: PlanMaker) -> None:
    plan = make_plan({"a": "a.txt", "b": "b.txt"}, 'test "$1" = a.txt && { echo it broke; exit 3; }; echo x >> "$1"')
    view = await run_plan(engine, plan)
    assert view.state is RunState.READY
    assert unit_of(view, "a").state is UnitState.FAILED
    assert unit_of(view, "a").attempts == 2
    assert unit_of(view, "b").state is UnitState.DONE
    failed = next(finding for finding in view.findings if finding.code == "unit/failed")
    assert failed.severity is Severity.ERROR
    assert failed.units == ("a",)
    assert failed.path == "a.txt"


async def test_a_run_in_which_no_unit_was_done_failed(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "exit 1", attempts=1))
    assert view.state is RunState.FAILED


async def test_what_failed_its_verify_goes_back_to_the_agent_with_the_output(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    script = 'if test -e half; then cat > heard; echo whole > "$1"; else echo half > half; fi'
    verify = ("sh", "-c", "grep -q whole a.txt || { echo a.txt is not whole; exit 1; }")
    view = await run_plan(engine, make_plan({"a": "a.txt"}, script, verify=verify))
    assert unit_of(view, "a").state is UnitState.DONE
    assert unit_of(view, "a").attempts == 2
    heard = git(checkout, "show", f"{view.merged}:heard")
    assert heard.startswith("Work on a.txt.")
    assert "a.txt is not whole" in heard
    assert set(view.owners) == {"a.txt", "half", "heard"}


async def test_a_unit_whose_verify_never_passes_is_left_out_but_kept_on_its_ref(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    view = await run_plan(
        engine,
        make_plan({"a": "a.txt", "b": "b.txt"}, 'echo x >> "$1"', verify=("test", "!", "-e", "a.txt.x"), attempts=1),
    )
    assert view.state is RunState.READY
    view = await run_plan(engine, make_plan({"a": "a.txt"}, 'echo x >> "$1"', verify=("false",), attempts=2))
    assert unit_of(view, "a").state is UnitState.FAILED
    assert view.owners == {}
    assert git(checkout, "show", f"refs/fanout/{view.id}/units/a:a.txt").endswith("x")


@pytest.mark.raises_code("unit/out-of-scope")
async def test_writes_outside_owns_are_left_out_and_found(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    plan = make_plan(
        {"a": "a.txt"}, 'echo x >> "$1"; echo y >> b.txt; mkdir -p out; echo z > out/z', owns={"a": ["a.txt", "out"]}
    )
    view = await run_plan(engine, plan)
    assert set(view.owners) == {"a.txt", "out/z"}
    finding = next(one for one in view.findings if one.code == "unit/out-of-scope")
    assert finding.severity is Severity.WARNING
    assert finding.path == "b.txt"
    assert git(checkout, "show", f"refs/fanout/{view.id}/units/a:b.txt").endswith("y")


async def test_without_owns_everything_is_taken_and_strays_are_noted(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt"}, 'echo x >> "$1"; echo y >> b.txt; echo z > new.txt'))
    assert set(view.owners) == {"a.txt", "b.txt", "new.txt"}
    finding = next(one for one in view.findings if one.code == "unit/out-of-scope")
    assert finding.severity is Severity.INFORMATION
    assert "b.txt" in finding.message
    assert "new.txt" not in finding.message


@pytest.mark.raises_code("merge/conflict")
async def test_units_that_collide_leave_a_conflict_and_the_rest(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    script = 'echo "$1" > shared.txt; echo x >> "$1"'
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, script))
    assert view.state is RunState.READY
    assert git(checkout, "show", f"{view.merged}:shared.txt") == "a.txt"
    assert set(view.owners) == {"a.txt", "b.txt", "shared.txt"}
    conflict = next(one for one in view.findings if one.code == "merge/conflict")
    assert conflict.path == "shared.txt"
    assert conflict.units[0] == "b"
    assert git(checkout, "show", f"refs/fanout/{view.id}/units/b:shared.txt") == "b.txt"


async def test_one_unit_is_cancelled_and_the_others_go_on(engine: Engine, make_plan: PlanMaker) -> None:
    started = anyio.Event()

    def listen(event: run_events.Event) -> None:
        if isinstance(event, run_events.AttemptActivity) and event.unit == "a":
            started.set()

    engine.subscribe(listen)
    plan = make_plan(
        {"a": "a.txt", "b": "b.txt"}, 'test "$1" = b.txt && { echo x >> "$1"; exit; }; echo up; exec sleep 300'
    )
    run = engine.reserve()
    engine.launch(run, plan, {}, lambda error: pytest.fail(str(error)))
    with anyio.fail_after(30):
        await started.wait()
        assert await engine.cancel(run, ["a"]) == ("a",)
        view = await engine.wait(run)
    assert unit_of(view, "a").state is UnitState.CANCELLED
    assert unit_of(view, "b").state is UnitState.DONE
    assert view.state is RunState.READY


async def test_a_whole_run_is_cancelled_and_what_was_done_stays_to_be_applied(
    engine: Engine, checkout: Path, make_plan: PlanMaker
) -> None:
    started, done = anyio.Event(), anyio.Event()

    def listen(event: run_events.Event) -> None:
        if isinstance(event, run_events.AttemptActivity) and event.unit == "a":
            started.set()
        if isinstance(event, run_events.UnitEnded) and event.unit == "b":
            done.set()

    engine.subscribe(listen)
    plan = make_plan(
        {"a": "a.txt", "b": "b.txt", "c": "src/one.py"},
        'test "$1" = b.txt && { echo x >> "$1"; exit; }; echo up; sleep 300',
        jobs=2,
    )
    run = engine.reserve()
    engine.launch(run, plan, {}, lambda error: pytest.fail(str(error)))
    with anyio.fail_after(30):
        await started.wait()
        await done.wait()
        assert set(await engine.cancel(run)) == {"a", "c"}
        view = await engine.wait(run)
    assert view.state is RunState.CANCELLED
    assert [unit.state for unit in view.units] == [UnitState.CANCELLED, UnitState.DONE, UnitState.CANCELLED]
    await apply(engine, run)
    assert (checkout / "b.txt").read_text().endswith("x\n")


async def test_git_ignored_files_come_along_by_copy_and_link(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    (checkout / ".env").write_text("KEY=1\n")
    (checkout / "node_modules" / "left").mkdir(parents=True)
    (checkout / "node_modules" / "left" / "pad.js").write_text("pad\n")
    script = 'cat .env node_modules/left/pad.js made > "$1"; echo KEY=2 > .env'
    plan = make_plan(
        {"a": "a.txt"}, script, copy=(".env",), link=("node_modules",), setup=("sh", "-c", "echo set up > made")
    )
    view = await run_plan(engine, plan)
    assert git(checkout, "show", f"{view.merged}:a.txt") == "KEY=1\npad\nset up"
    assert (checkout / ".env").read_text() == "KEY=1\n"
    assert ".env" not in view.owners
    assert not any(path.startswith("node_modules") for path in view.owners)


async def test_a_setup_that_fails_fails_the_unit_and_says_why(engine: Engine, make_plan: PlanMaker) -> None:
    plan = make_plan({"a": "a.txt"}, "echo x >> a.txt", setup=("sh", "-c", "echo no network; exit 9"), attempts=1)
    view = await run_plan(engine, plan)
    assert unit_of(view, "a").state is UnitState.FAILED
    assert "setup failed" in unit_of(view, "a").message
    assert "no network" in unit_of(view, "a").message


async def test_nothing_of_a_finished_run_is_left_but_refs_journal_and_logs(
    engine: Engine, checkout: Path, git: GitCommand, tmp_path: Path, make_plan: PlanMaker
) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, 'echo x >> "$1"'))
    assert git(checkout, "worktree", "list").count("\n") == 0
    assert not list((tmp_path / "state" / "worktrees").glob("*/*"))
    assert await engine.show(view.id, None, "diff")
    report = await engine.show(view.id, None, "report")
    assert "| a.txt | done |" in report
    assert await engine.show(view.id, "a", "prompt") == "== a: a.txt, attempt 1 ==\nWork on a.txt.\n"


async def test_discard_and_clean_remove_what_a_run_left_but_no_unapplied_results(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    kept = await run_plan(engine, make_plan({"a": "a.txt"}, 'echo x >> "$1"'))
    gone = await run_plan(engine, make_plan({"a": "a.txt"}, 'echo y >> "$1"'))
    await engine.discard(gone.id)
    freed = await engine.clean()
    assert freed.runs == (gone.id,)
    assert freed.kept == (kept.id,)
    assert freed.usage.bytes > 0
    refs = git(checkout, "for-each-ref", "refs/fanout")
    assert kept.id in refs
    assert gone.id not in refs
    with pytest.raises(UnknownRun):
        await engine.view(gone.id)
    assert (await engine.clean(also_unapplied=True)).runs == (kept.id,)
    assert git(checkout, "for-each-ref", "refs/fanout") == ""


async def test_two_runs_go_side_by_side(engine: Engine, make_plan: PlanMaker) -> None:
    views: list[model.RunView] = []

    async def one(path: str) -> None:
        views.append(await run_plan(engine, make_plan({"u": path}, 'echo x >> "$1"')))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one, "a.txt")
        tasks.start_soon(one, "b.txt")
    assert [view.state for view in views] == [RunState.READY] * 2
    assert {path for view in views for path in view.owners} == {"a.txt", "b.txt"}


async def test_an_agent_that_is_not_there_is_said_before_anything_begins(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    plan = make_plan({"a": "a.txt"}, "true")
    plan = model.Plan(plan.instruction, plan.units, model.Options(agent="command", command=("no-such-program-here",)))
    with pytest.raises(model.FanoutError, match="no-such-program-here"):
        await run_plan(engine, plan)
    assert git(checkout, "for-each-ref", "refs/fanout") == ""
    assert await engine.runs() == ()


async def test_a_large_untracked_file_is_asked_about(engine: Engine, checkout: Path, make_plan: PlanMaker) -> None:
    (checkout / "data").write_bytes(b"x" * 2000)
    with pytest.raises(TooLarge, match=r"data \(2 kB\)"):
        await run_plan(engine, make_plan({"a": "a.txt"}, "echo x >> $1", untracked_limit=1000))
    assert await engine.runs() == ()
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "echo x >> $1", untracked_limit=None))
    assert view.state is RunState.READY
