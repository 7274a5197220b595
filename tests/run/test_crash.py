"""Killed at any point, a run can be listed and resumed, and finished units are not done again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from fanout_server import model, run_events
from fanout_server.model import RunState, UnitState
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.crashing import PATHS

pytestmark = pytest.mark.anyio

# More than the journal sees of a run of three units, so that the last one is a run that nobody killed.
_LAST_WRITE = 16


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, _LAST_WRITE + 1))
async def test_a_run_killed_at_any_write_can_be_resumed(
    checkout: Path, tmp_path: Path, git: GitCommand, number: int, when: str
) -> None:
    state, tally = tmp_path / "state", tmp_path / "tally"
    command = [sys.executable, "-m", "tests.run.crashing", str(checkout), str(state), str(tally), str(number), when]
    done = await anyio.to_thread.run_sync(lambda: subprocess.run(command, check=False, timeout=60, cwd=Path.cwd()))
    assert done.returncode in {0, -signal.SIGKILL}
    async with Engine.open(checkout, state_root=state) as engine:
        runs = await engine.runs()
        if not runs:
            assert done.returncode == -signal.SIGKILL
            assert git(checkout, "for-each-ref", "refs/fanout") == ""
            return
        before = Counter(tally.read_text().splitlines() if tally.exists() else [])
        ended = {unit.title for unit in runs[0].units if unit.state is UnitState.DONE}
        assert all(before[path] == 1 for path in ended)
        if runs[0].state is RunState.INTERRUPTED:
            await engine.resume(runs[0].id, lambda error: pytest.fail(str(error)))
        with anyio.fail_after(30):
            view = await engine.wait(runs[0].id)
        assert view.state is RunState.READY
        assert [unit.state for unit in view.units] == [UnitState.DONE] * len(PATHS)
        after = Counter(tally.read_text().splitlines())
        assert all(after[path] == 1 for path in ended)
        for path in PATHS:
            assert git(checkout, "show", f"{view.merged}:{path}").endswith("done")
            assert view.owners[path]
    assert git(checkout, "worktree", "list").count("\n") == 0
    assert git(checkout, "status", "--porcelain") == ""


# More than the journal sees of one unit that is done again.
_LAST_RETRY = 8


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, _LAST_RETRY + 1))
async def test_a_run_killed_while_a_unit_is_done_again_loses_nothing(
    checkout: Path, tmp_path: Path, git: GitCommand, number: int, when: str
) -> None:
    state, tally = tmp_path / "state", tmp_path / "tally"
    words = ["-m", "tests.run.crashing", str(checkout), str(state), str(tally), str(number), when, "retry"]
    done = await anyio.to_thread.run_sync(
        lambda: subprocess.run([sys.executable, *words], check=False, timeout=60, cwd=Path.cwd())
    )
    assert done.returncode in {0, -signal.SIGKILL}
    async with Engine.open(checkout, state_root=state) as engine:
        (view,) = await engine.runs()
        if view.state is RunState.INTERRUPTED:
            await engine.resume(view.id, lambda error: pytest.fail(str(error)))
            with anyio.fail_after(30):
                view = await engine.wait(view.id)
        assert view.state is RunState.READY
        assert [unit.state for unit in view.units] == [UnitState.DONE] * len(PATHS)
        times = git(checkout, "show", f"{view.merged}:b.txt").splitlines().count("done")
        # Where the wish was written down, it was done; what it went on from is there in any case.
        assert times == (
            2 if any(isinstance(one, run_events.UnitsRetried) for one in await _told(engine, view.id)) else 1
        )
        assert view.owners["a.txt"] == ("u0",)
    assert git(checkout, "status", "--porcelain") == ""


async def _told(engine: Engine, run: str) -> tuple[run_events.Event, ...]:
    return tuple(await engine.services.journal.events(run))


async def test_closing_the_engine_interrupts_the_run_and_ends_its_agents(checkout: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    os.mkfifo(pid_file)
    script = f"echo $$ > '{pid_file}'; exec sleep 300"
    unit = model.Unit(id="u", title="u", prompt="", targets=(model.Target("a.txt"),))
    plan = model.Plan("", (unit,), model.Options(agent="command", command=("sh", "-c", script)))
    with anyio.fail_after(30):
        async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
            run = engine.reserve()
            engine.launch(run, plan, {}, lambda error: pytest.fail(str(error)))
            pid = int(await anyio.Path(pid_file).read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
        view = await engine.view(run)
        assert view.state is RunState.INTERRUPTED
        assert f"fanout resume {run}" in view.message
        with pytest.raises(model.FanoutError, match="interrupted"):
            await engine.plan_apply(run, _Nothing())


class _Nothing:
    def read(self, path: str) -> None:
        raise AssertionError(f"nobody asks for {path}")
