"""The programs without us: started at once in plain worktrees, with the command line, environment and standard input
that the adapter makes for the same units.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve, frozen

from bench.starts.figures import Bare
from bench.starts.task import WRITTEN, WrongResultError, few
from bench.worktrees.repositories import Made, git
from fanout_server import model
from fanout_server.agents import environment, registry
from fanout_server.agents.base import Invocation, Talker, Task, write_prompt
from fanout_server.agents.pipe import Pipe
from fanout_server.run.prompting import Briefing, prompt_of

_LIMIT = 120


@frozen
class Start:
    """What is started where."""

    invocation: Invocation
    cwd: Path
    env: dict[str, str]
    log: Path


def prepare(made: Made, plan: model.Plan, place: Path, rounds: int) -> list[list[Start]]:
    """Fresh worktrees for so many rounds, in which a first ``git status`` needs not compare contents any more: just
    made, they would slow the programs.
    """
    found = [
        [_prepared(made, plan, unit, place / str(number) / unit.id) for unit in plan.units] for number in range(rounds)
    ]
    time.sleep(1.1)
    for start in itertools.chain(*found):
        git(start.cwd, "status")
    return found


def measure(plan: model.Plan, starts: Sequence[Start]) -> Bare:
    before, began = _cpu(), time.perf_counter()
    with contextlib.ExitStack() as files:
        running = [_started(start, files) for start in starts]
        codes = [process.wait(_LIMIT) for process in running]
    measured = Bare(time.perf_counter() - began, _cpu() - before)
    lost = 0
    for unit, start, code in zip(plan.units, starts, codes, strict=True):
        if code != 0:
            raise WrongResultError(f"{plan.options.agent} ended with {code}: {start.log.read_text()[-2000:]}")
        lost += (start.cwd / unit.targets[0].path).read_bytes() != WRITTEN
    return evolve(measured, lost=few(lost, plan))


def _prepared(made: Made, plan: model.Plan, unit: model.Unit, folder: Path) -> Start:
    folder.mkdir(parents=True)
    cwd = folder / "worktree"
    git(made.root, "worktree", "add", "-q", "--detach", str(cwd), made.head)
    prompt = prompt_of(unit, Briefing())
    task = Task(unit, plan.options, cwd, prompt, write_prompt(folder, prompt))
    agent = registry.get(plan.options.agent, plan.options)
    invocation = agent.program(task)
    reader = agent.reader(task)
    if isinstance(reader, Talker):
        said = folder / "stdin"
        said.write_bytes(_said(reader))
        invocation = evolve(invocation, stdin=said)
    mark = f"bare/{unit.id}/1"
    env = environment.build(os.environ, env={**plan.options.env, **invocation.env}, env_pass=None, mark=mark)
    return Start(invocation, cwd, env, folder / "agent.log")


def _said(reader: Talker) -> bytes:
    """What it says before it waits for an answer."""
    pipe = _Recorded()
    talk = reader.talk(pipe)
    coroutine = talk.__await__()
    next(coroutine)
    coroutine.close()
    return b"".join(pipe.written)


class _Recorded(Pipe):
    def __init__(self) -> None:
        self.written: list[bytes] = []

    async def write(self, data: bytes) -> None:
        self.written.append(data)


def _started(start: Start, files: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    stdin = files.enter_context((start.invocation.stdin or Path(os.devnull)).open("rb"))
    log = files.enter_context(start.log.open("wb"))
    # In a session each, as ours are: the system shares out processors by sessions, so on a busy machine those who have
    # one for all of them get less.
    return subprocess.Popen(
        start.invocation.argv,
        cwd=start.cwd,
        env=start.env,
        stdin=stdin,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
