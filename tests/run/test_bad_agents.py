"""Whatever an agent does: a clear finding, the other units go on, nothing of the user's is touched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import psutil
import pytest

from fanout_server import run_events
from fanout_server.agents.base import Invocation, Task
from fanout_server.agents.command import Command
from fanout_server.agents.sweep import MARK_VARIABLE
from fanout_server.model import RunState, UnitState
from fanout_server.run.engine import Engine
from fanout_server.run.journal import Journal, JournalError
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, codes, run_plan, unit_of

pytestmark = pytest.mark.anyio

GOOD = 'test "$1" = b.txt && { echo good >> "$1"; exit 0; }; '


def users_things(checkout: Path, git: GitCommand) -> dict[str, object]:
    """All that an agent must not touch: files and their times, HEAD, index, stash, branches."""
    files = {
        str(path.relative_to(checkout)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(checkout.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
    return {
        "files": files,
        "head": (checkout / ".git" / "HEAD").read_bytes(),
        "index": ((checkout / ".git" / "index").read_bytes(), (checkout / ".git" / "index").stat().st_mtime_ns),
        "config": (checkout / ".git" / "config").read_bytes(),
        "refs": [line for line in git(checkout, "for-each-ref").splitlines() if "refs/fanout/" not in line],
    }


def marked_processes(run: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK_VARIABLE, "").startswith(f"{run}/"):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.raises_code("unit/failed", "unit/no-change")
@pytest.mark.parametrize(
    ("script", "state", "code"),
    [
        ("true", UnitState.DONE, "unit/no-change"),
        ("echo I could not do it >&2; exit 0", UnitState.DONE, "unit/no-change"),
        ("exit 7", UnitState.FAILED, "unit/failed"),
        ("kill -SEGV $$", UnitState.FAILED, "unit/failed"),
        ("head -c 100000000 /dev/zero; exit 0", UnitState.DONE, "unit/no-change"),
        ("head -c 3000000 /dev/urandom; echo x >> a.txt", UnitState.DONE, None),
        ("printf '\\033]0;title\\007\\033[2J\\r\\n'; echo x >> a.txt", UnitState.DONE, None),
        ("rm -rf ../a-1 ; echo gone", UnitState.FAILED, "unit/failed"),
        ("rm .git; echo x >> a.txt", UnitState.FAILED, "unit/failed"),
        ("rm .git; mkdir .git; git init -q .; echo x >> a.txt", UnitState.FAILED, "unit/failed"),
        ("echo 'gitdir: /tmp' > .git; echo x >> a.txt", UnitState.FAILED, "unit/failed"),
        ("exec sleep 300", UnitState.FAILED, "unit/failed"),
        ("trap '' TERM INT; while :; do sleep 1; done", UnitState.FAILED, "unit/failed"),
        ("chmod 000 src; echo x >> a.txt; chmod 755 src", UnitState.DONE, None),
    ],
    ids=[
        "does nothing",
        "complains and does nothing",
        "fails",
        "crashes",
        "prints 100 MB",
        "prints binary",
        "prints escapes",
        "deletes its worktree",
        "deletes .git",
        "makes a repository of its own",
        "points .git elsewhere",
        "hangs",
        "hangs and ignores signals",
        "plays with modes",
    ],
)
async def test_a_bad_agent(
    engine: Engine,
    checkout: Path,
    git: GitCommand,
    make_plan: PlanMaker,
    script: str,
    state: UnitState,
    code: str | None,
) -> None:
    before = users_things(checkout, git)
    hangs = "sleep" in script
    plan = make_plan({"a": "a.txt", "b": "b.txt"}, GOOD + script, attempts=1, timeout=1.0 if hangs else 60.0)
    view = await run_plan(engine, plan)
    assert view.state is RunState.READY
    assert unit_of(view, "a").state is state
    assert unit_of(view, "b").state is UnitState.DONE
    assert view.owners["b.txt"] == ("b",)
    if code is None:
        assert view.owners["a.txt"] == ("a",)
    else:
        finding = next(one for one in view.findings if one.units == ("a",))
        assert finding.code == code
        assert "a.txt" in finding.message
        assert "a.txt" not in view.owners
    assert users_things(checkout, git) == before
    assert marked_processes(view.id) == []
    assert git(checkout, "worktree", "list").count("\n") == 0


async def test_silence_is_a_stall(engine: Engine, make_plan: PlanMaker) -> None:
    plan = make_plan({"a": "a.txt", "b": "b.txt"}, GOOD + "echo up; exec sleep 300", attempts=1, stall=1.0)
    view = await run_plan(engine, plan)
    assert unit_of(view, "a").state is UnitState.FAILED
    assert "printed nothing" in unit_of(view, "a").message
    assert unit_of(view, "b").state is UnitState.DONE


@pytest.mark.raises_code("unit/left-processes")
async def test_a_daemon_does_not_outlive_its_agent(engine: Engine, tmp_path: Path, make_plan: PlanMaker) -> None:
    pid_file = tmp_path / "pid"
    daemon = f"setsid sh -c 'echo $$ > {pid_file}; exec sleep 300' >/dev/null 2>&1 </dev/null & "
    wait = f"while ! test -s {pid_file}; do :; done; echo x >> a.txt"
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, GOOD + daemon + wait))
    assert unit_of(view, "a").state is UnitState.DONE
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert marked_processes(view.id) == []
    assert "unit/left-processes" in codes(view)


async def test_whatever_git_the_agent_does_its_result_is_the_worktree_as_it_stands(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    before = users_things(checkout, git)
    script = (
        "echo committed >> a.txt; git add -A; git -c user.name=a -c user.email=a@b commit -qm agent;"
        " echo staged > staged.txt; git add staged.txt; echo loose > loose.txt; git rm -q --cached src/one.py"
    )
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, GOOD + script))
    assert unit_of(view, "a").state is UnitState.DONE
    assert set(view.owners) == {"a.txt", "b.txt", "loose.txt", "staged.txt"}
    assert git(checkout, "rev-parse", f"{view.merged}^") == view.base
    assert users_things(checkout, git) == before


async def test_an_agent_that_moves_the_base_is_not_believed(engine: Engine, make_plan: PlanMaker) -> None:
    script = (
        "echo x >> a.txt; ref=$(git for-each-ref --format='%(refname)' 'refs/fanout/*/base');"
        " git update-ref $ref $(git commit-tree -m x HEAD^{tree})"
    )
    env = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"}
    view = await run_plan(engine, make_plan({"a": "a.txt"}, script, attempts=1, env=env))
    assert unit_of(view, "a").state is UnitState.FAILED
    assert "base" in unit_of(view, "a").message


@pytest.mark.raises_code("unit/checkout-touched")
async def test_an_agent_that_reaches_into_the_repository_is_told_of(
    engine: Engine, checkout: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "echo x >> a.txt; git branch agents-own"))
    finding = next(one for one in view.findings if one.code == "unit/checkout-touched")
    assert "agents-own" in finding.message
    assert finding.units == ("a",)
    assert git(checkout, "branch", "--list", "agents-own")


async def test_names_that_git_cannot_hold_are_named_and_the_rest_is_taken(engine: Engine, make_plan: PlanMaker) -> None:
    script = 'echo x >> a.txt; mkdir -p sub/.git; echo y > sub/.git/config; printf z > "$(printf \'n\\nl "q\\377\')"'
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, GOOD + script))
    assert unit_of(view, "a").state is UnitState.DONE
    assert set(view.owners) == {"a.txt", "b.txt", 'n\nl "q\udcff'}
    assert not any(path.startswith("sub/") for path in view.owners)


@pytest.mark.raises_code("unit/ignored-files")
async def test_files_that_the_repository_ignores_are_left_out_and_named(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "echo x >> a.txt; echo y > debug.log"))
    assert set(view.owners) == {"a.txt"}
    finding = next(one for one in view.findings if one.code == "unit/ignored-files")
    assert "debug.log" in finding.message


async def test_what_an_agent_prints_is_shown_without_control_characters(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(
        engine, make_plan({"a": "a.txt"}, "printf 'one\\n\\033[31mtwo\\033[0m\\a\\n\\n'; echo x >> a.txt")
    )
    assert unit_of(view, "a").activity == "two"
    assert "\x1b[31mtwo" in await engine.show(view.id, "a", "log")


async def test_a_log_that_cannot_be_written_fails_its_unit_alone(engine: Engine, make_plan: PlanMaker) -> None:
    run = engine.reserve()
    (engine.services.folders(run).attempt_logs("a", 1) / "agent.log").mkdir(parents=True)
    engine.launch(run, make_plan({"a": "a.txt", "b": "b.txt"}, 'echo x >> "$1"', attempts=1), {}, _unexpected)
    view = await engine.wait(run)
    assert view.state is RunState.READY
    assert unit_of(view, "a").state is UnitState.FAILED
    assert "agent.log" in unit_of(view, "a").message
    assert unit_of(view, "b").state is UnitState.DONE


async def test_an_error_of_our_own_fails_its_unit_alone(
    engine: Engine, make_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program = Command.program

    def broken(agent: Command, task: Task) -> Invocation:
        if task.unit.id == "a":
            raise ZeroDivisionError("a defect")
        return program(agent, task)

    monkeypatch.setattr(Command, "program", broken)
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, 'echo x >> "$1"'))
    assert view.state is RunState.READY
    assert unit_of(view, "a").state is UnitState.FAILED
    assert "a defect" not in unit_of(view, "a").message
    assert "a defect" in caplog.text
    assert unit_of(view, "b").state is UnitState.DONE


async def test_a_journal_that_fails_ends_the_run_and_its_agents(
    engine: Engine, checkout: Path, make_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Journal.append

    async def full(journal: Journal, *events: run_events.Event) -> None:
        if any(isinstance(event, run_events.UnitEnded) for event in events):
            raise JournalError("the disk is full")
        await append(journal, *events)

    monkeypatch.setattr(Journal, "append", full)
    script = 'test "$1" = a.txt && { echo x >> a.txt; exit; }; echo up; exec sleep 300'
    view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, script))
    assert view.state is RunState.FAILED
    assert "the disk is full" in view.message
    assert marked_processes(view.id) == []
    assert list(checkout.parent.glob("state/worktrees/*/*/*")) == []


def _unexpected(error: Exception) -> None:
    raise AssertionError(error)
