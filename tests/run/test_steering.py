"""The user steers a run: a note to a unit at work, units done again, a pilot that is looked at first."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from fanout_server import model, run_events
from fanout_server.agents.base import Abilities
from fanout_server.apply.content import Disk
from fanout_server.model import RunState, UnitState
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, Use, run_plan, unit_of

pytestmark = pytest.mark.anyio

DONE = 'echo "{\\"done\\": 1}"'
# It writes what it was told, and in which session.
WRITES = f'echo "{{\\"session\\": \\"${{2:-new-$1}}\\", \\"cost\\": $1}}"; cat > told-$1; echo "$2" >> sessions; {DONE}'


def broke(error: model.FanoutError) -> None:
    raise AssertionError(str(error))


async def goes_on(engine: Engine, run: str) -> model.RunView:
    with anyio.fail_after(30):
        return await engine.wait(run)


async def test_a_note_resumes_the_session_in_its_worktree(
    engine: Engine, make_plan: PlanMaker, use: Use, git: GitCommand, checkout: Path
) -> None:
    agent = use(WRITES)
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, ""))
    assert view.state is RunState.READY
    assert await engine.retry(view.id, ["a"], "Also cover refunds.", broke) == ("a",)
    view = await goes_on(engine, view.id)
    assert view.state is RunState.READY
    first, again = [task for task in agent.tasks if task.unit.id == "a"]
    assert again.session == "new-1"
    assert again.cwd == first.cwd
    assert "Also cover refunds." in again.prompt
    assert "Work on a.txt" not in again.prompt
    # What it had done is still there, what the other did as well.
    names = git(checkout, "ls-tree", "--name-only", f"{view.merged}").splitlines()
    assert {"told-1", "told-2", "sessions"} <= set(names)
    # Its session told 1 dollar, then 2 for all of it.
    assert unit_of(view, "a").cost == pytest.approx(2)
    assert unit_of(view, "b").cost == pytest.approx(1)
    assert unit_of(view, "b").attempts == 1


async def test_what_failed_is_done_again_from_the_base(
    engine: Engine, make_plan: PlanMaker, use: Use, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    agent = use(f"echo x > left-$1; test -e {mended} || exit 3; {DONE}", abilities=Abilities())
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, "", attempts=1))
    assert view.state is RunState.FAILED
    mended.touch()
    assert await engine.retry(view.id, None, "", broke) == ("a", "b")
    view = await goes_on(engine, view.id)
    assert view.state is RunState.READY
    assert view.findings == ()
    assert sorted(view.owners) == ["left-2"]
    assert all(task.session == "" for task in agent.tasks)
    # Each is told what went wrong with it, and not with the other.
    again = agent.tasks[2:]
    assert all("The last time, this was found:" in task.prompt for task in again)
    assert all(("b.txt: " in task.prompt) == (task.unit.id == "b") for task in again)


async def test_there_is_nothing_to_do_again(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    use(f"echo x > made; {DONE}")
    view = await run_plan(engine, make_plan({"a": "a.txt"}, ""))
    with pytest.raises(model.FanoutError, match="no unit that failed"):
        await engine.retry(view.id, None, "", broke)
    with pytest.raises(model.FanoutError, match="no unit zzz"):
        await engine.retry(view.id, ["zzz"], "", broke)
    with pytest.raises(model.FanoutError, match="does not wait"):
        await engine.accept(view.id, "", broke)


async def test_an_applied_run_can_be_improved_and_applied_again(
    engine: Engine, make_plan: PlanMaker, use: Use, checkout: Path
) -> None:
    use(f'cat a.txt > seen-$1; echo "try $1" >> a.txt; echo "{{\\"session\\": \\"s\\"}}"; {DONE}')
    view = await run_plan(engine, make_plan({"a": "a.txt"}, ""))
    for number in (1, 2):
        plan = await engine.plan_apply(view.id, Disk(checkout))
        kept = await engine.keep_applied(view.id, plan)
        await engine.write(plan)
        await engine.record_applied(view.id, kept, plan)
        assert (checkout / "a.txt").read_text().endswith(f"try {number}\n")
        if number == 1:
            await engine.retry(view.id, ["a"], "more", broke)
            await goes_on(engine, view.id)
    assert (checkout / "a.txt").read_text().endswith("try 1\ntry 2\n")
    assert (await engine.view(view.id)).state is RunState.APPLIED


async def test_a_note_to_a_unit_at_work_comes_at_its_next_turn(
    engine: Engine, make_plan: PlanMaker, use: Use, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    agent = use(
        f'echo "{{\\"session\\": \\"s\\", \\"cost\\": 1}}"; while ! test -e {go}; do :; done; echo x > m-$1; {DONE}'
    )
    run = engine.reserve()
    works = anyio.Event()
    engine.subscribe(lambda event: works.set() if isinstance(event, run_events.AttemptUsed) else None)
    engine.launch(run, make_plan({"a": "a.txt"}, "", attempts=1), {}, broke)
    with anyio.fail_after(30):
        await works.wait()
    await engine.send(run, "a", "Mind the tests.")
    go.touch()
    view = await goes_on(engine, run)
    assert [task.session for task in agent.tasks] == ["", "s"]
    assert "Mind the tests." in agent.tasks[1].prompt
    assert unit_of(view, "a").state is UnitState.DONE
    assert {"m-1", "m-2"} <= set(view.owners)
    with pytest.raises(model.FanoutError, match="not at work"):
        await engine.send(run, "a", "too late")


async def test_the_pilot_waits_and_becomes_the_example(
    engine: Engine, make_plan: PlanMaker, use: Use, checkout: Path, tmp_path: Path
) -> None:
    agent = use(f'echo "{{\\"session\\": \\"s\\"}}"; echo "as I do it" > made-$$; {DONE}')
    view = await run_plan(engine, make_plan({f"u{number}": "a.txt" for number in range(5)}, "", pilot=1))
    assert view.state is RunState.WAITING
    assert [unit.state for unit in view.units] == [UnitState.DONE, *[UnitState.QUEUED] * 4]
    assert "fanout accept" in view.message
    # It waits without a process, also for another server.
    async with Engine.open(checkout, state_root=tmp_path / "state") as other:
        assert (await other.view(view.id)).state is RunState.WAITING
    await engine.retry(view.id, ["u0"], "Shorter, please.", broke)
    view = await goes_on(engine, view.id)
    assert view.state is RunState.WAITING
    assert "Shorter, please." in agent.tasks[-1].prompt
    await engine.accept(view.id, "but in blue", broke)
    view = await goes_on(engine, view.id)
    assert view.state is RunState.READY
    assert {unit.state for unit in view.units} == {UnitState.DONE}
    assert len(agent.tasks) == 6
    for task in agent.tasks[2:]:
        assert "+as I do it" in task.prompt
        assert "but in blue" in task.prompt


async def test_a_run_that_waits_can_be_called_off(engine: Engine, make_plan: PlanMaker, use: Use) -> None:
    agent = use(f"echo x > made; {DONE}")
    view = await run_plan(engine, make_plan({f"u{number}": "a.txt" for number in range(5)}, "", pilot=2))
    assert view.state is RunState.WAITING
    assert await engine.cancel(view.id) == ("u2", "u3", "u4")
    view = await goes_on(engine, view.id)
    assert view.state is RunState.CANCELLED
    assert len(agent.tasks) == 2
    # What the pilot did is there to be applied.
    assert view.owners == {"made": ("u0", "u1")}
