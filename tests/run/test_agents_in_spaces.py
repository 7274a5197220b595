"""An agent in an overlay worktree whose supervisor is killed: nothing of it is left but what it wrote."""

from __future__ import annotations

import math
import os
from pathlib import Path

import anyio.to_thread
import pytest

from fanout_server.agents.process import Program, run_program
from fanout_server.repo import collect, worktrees
from fanout_server.repo.repository import Repository
from fanout_server.repo.source import open_source
from fanout_server.repo.sourcing import Wanted
from fanout_server.repo.worktrees import Worktree
from tests.agents.running import marked
from tests.conftest import GitCommand

pytestmark = pytest.mark.anyio


def _heard(_: bytes) -> None:
    """What an agent says is of no interest here."""


def _is_mounted(folder: Path) -> bool:
    return str(folder) in Path("/proc/self/mountinfo").read_text()


async def _run(worktree: Worktree, script: str, mark: str, log: Path) -> str:
    argv = ("sh", "-euc", script)
    program = Program(argv, worktree.path, os.environ, None, mark, space=worktree.space)
    ended = await run_program(program, timeout=60, stall=math.inf, on_output=_heard, log=log)
    return ended.message


async def test_a_supervisor_that_is_killed(checkout: Path, tmp_path: Path, git: GitCommand) -> None:
    repo = Repository.discover(checkout)
    state, mark = tmp_path / "state", f"{tmp_path}/killed"
    (state / "worktrees" / "run").mkdir(parents=True)
    head = repo.head()
    assert head is not None
    source = await anyio.to_thread.run_sync(open_source, repo, state, head, Wanted(), "overlay")
    worktree = source.create(state / "worktrees" / "run" / "u", "fanout")
    # A daemon that nobody is the parent of, and the agent itself, both holding files open in the worktree.
    script = (
        "echo before >>a.txt; rm -r src; (setsid sh -c 'exec sleep 300' >daemon 2>&1 </dev/null &);"
        "until test -e daemon; do :; done; exec 3>>b.txt; kill -9 $PPID; sleep 300"
    )
    told = await _run(worktree, script, mark, tmp_path / "log")
    assert "was killed" in told
    assert marked(mark) == []
    assert not _is_mounted(state)
    got = await anyio.to_thread.run_sync(collect.collect, repo, worktree, "r")
    assert {change.path: change.status for change in got.changes} == {
        "a.txt": "M",
        "daemon": "A",
        "src/one.py": "D",
        "src/two.py": "D",
    }
    # It can be mounted again, and taken away.
    assert "exit status 0" in await _run(
        worktree, "grep before a.txt; test ! -e src; git add -A", mark, tmp_path / "log"
    )
    assert worktrees.intact(repo, worktree) is None
    source.give_back(worktree)
    source.close()
    assert git(checkout, "worktree", "list").count("\n") == 0
    assert not worktree.path.exists()


async def test_a_space_that_is_refused_is_told_in_words(checkout: Path, tmp_path: Path) -> None:
    repo = Repository.discover(checkout)
    state = tmp_path / "state"
    (state / "worktrees" / "run").mkdir(parents=True)
    head = repo.head()
    assert head is not None
    source = await anyio.to_thread.run_sync(open_source, repo, state, head, Wanted(), "overlay")
    worktree = source.create(state / "worktrees" / "run" / "u", "fanout")
    assert worktree.layers is not None
    lower = worktree.layers.lowers[0]
    lower.rename(lower.with_name("elsewhere"))
    told = await _run(worktree, "true", f"{tmp_path}/refused", tmp_path / "log")
    assert f"cannot find the layer {lower}: No such file or directory" in told
    assert "fanout doctor" in told
    source.give_back(worktree)
    source.close()
