"""The programs without us: started at once in plain worktrees, with the command line, environment and standard input
that the adapter makes for the same units.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from pathlib import Path

from attrs import evolve, frozen

from bench.starts.figures import Bare
from bench.starts.task import WRITTEN, WrongResultError, few
from bench.worktrees.repositories import Made, git
from fanout_server import model
from fanout_server.agents import environment, registry
from fanout_server.agents.base import Invocation, Task, write_prompt
from fanout_server.run.prompting import Briefing, prompt_of

_LIMIT = 120


@frozen
class _Start:
    invocation: Invocation
    cwd: Path
    env: dict[str, str]
    log: Path


def measure(made: Made, plan: model.Plan, place: Path) -> Bare:
    """Worktrees and prompts are made before, and removed after; neither is part of the time."""
    starts = [_prepared(made, plan, unit, place / unit.id) for unit in plan.units]
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
        git(made.root, "worktree", "remove", "--force", str(start.cwd))
    return evolve(measured, lost=few(lost, plan))


def _prepared(made: Made, plan: model.Plan, unit: model.Unit, folder: Path) -> _Start:
    folder.mkdir(parents=True)
    cwd = folder / "worktree"
    git(made.root, "worktree", "add", "-q", "--detach", str(cwd), made.head)
    prompt = prompt_of(unit, Briefing())
    task = Task(unit, plan.options, cwd, prompt, write_prompt(folder, prompt))
    invocation = registry.get(plan.options.agent, plan.options).program(task)
    mark = f"bare/{unit.id}/1"
    env = environment.build(os.environ, env={**plan.options.env, **invocation.env}, env_pass=None, mark=mark)
    return _Start(invocation, cwd, env, folder / "agent.log")


def _started(start: _Start, files: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    stdin = files.enter_context((start.invocation.stdin or Path(os.devnull)).open("rb"))
    log = files.enter_context(start.log.open("wb"))
    return subprocess.Popen(start.invocation.argv, cwd=start.cwd, env=start.env, stdin=stdin, stdout=log, stderr=log)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
