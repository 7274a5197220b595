"""Whether an agent can work here at all: installed, which version, signed in; before many units find out."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread
from attrs import evolve, frozen

from fanout_server.agents import environment
from fanout_server.agents.base import Agent, Task, Verdict, write_prompt
from fanout_server.agents.output import last_line
from fanout_server.agents.process import Program, run_program
from fanout_server.model import FailureKind, FanoutError, Options, Unit
from fanout_server.repo import deleting, porcelain
from fanout_server.run import temporary, working
from fanout_server.run.activity import ActivityTail

_PROMPT = "This is a test of the connection. Use no tool. Answer with the one word: ready"
_VERSION_SECONDS = 20.0
_PROBE_SECONDS = 120.0
# A sign-in that worked a moment ago is not asked about again.
_FRESH_SECONDS = 900.0
# It is asked to say one word; whatever else it begins is cut short.
_TURNS = 1

# What a unit would meet as well, whatever it is about.
_HOPELESS = {
    FailureKind.NOT_INSTALLED,
    FailureKind.NOT_SIGNED_IN,
    FailureKind.CRASHED,
    FailureKind.REFUSED,
    FailureKind.STALLED,
    FailureKind.TIMED_OUT,
}

# Of a unit so named nobody else knows.
UNIT = Unit(".probe", "the agent's probe", _PROMPT)


class Probes:
    """Which agents answered lately."""

    def __init__(self) -> None:
        self._answered: dict[tuple[object, ...], float] = {}

    async def ask(
        self, agent: Agent, options: Options, mark: str, home: Path, log: Path, budget: float | None = None
    ) -> Verdict | None:
        """How the agent did; ``None`` where it was not asked, since no service answers for it or it answered lately.

        Raises FanoutError, OSError.
        """
        if not agent.abilities.models:
            return None
        key = (
            agent.name,
            options.model,
            options.command,
            options.args,
            tuple(sorted(options.env.items())),
            options.env_pass,
        )
        if self._answered.get(key, -_FRESH_SECONDS) + _FRESH_SECONDS > anyio.current_time():
            return None
        verdict = await probe(agent, options, mark, home, log, budget)
        if verdict.ok:
            self._answered[key] = anyio.current_time()
        return verdict


def is_hopeless(verdict: Verdict) -> bool:
    """Whether no unit would get anywhere, by how a probe ended."""
    return verdict.kind in _HOPELESS


@frozen
class Health:
    """What there is to say of an agent on this machine. ``problem`` is empty where it is fit for work.

    ``signed_in``: it answered; ``None`` where it was not asked.
    """

    agent: str
    version: str = ""
    signed_in: bool | None = None
    problem: str = ""

    def __str__(self) -> str:
        name = f"{self.agent} {self.version}".strip()
        if self.problem:
            return f"-     agent {name}: {self.problem}"
        return (
            f"ok    agent {name}: {'signed in' if self.signed_in else 'installed; not asked whether it is signed in'}"
        )


async def look(agent: Agent, options: Options, root: Path, *, probe: bool) -> Health:
    """Asks the program itself, in a folder below our state folder ``root``. With ``probe`` also its service, which may
    cost a fraction of a cent.
    """
    token = secrets.token_hex(8)
    home, mark = root / "probes" / token, f".probe/{token}"
    try:
        await anyio.to_thread.run_sync(agent.check, options)
        told = await version(agent, options, mark, home)
        # Some say their name with it.
        number = next((word for word in told.replace(",", " ").split() if word[:1].isdigit()), "")
        if not probe:
            return Health(agent.name, number)
        await anyio.to_thread.run_sync(functools.partial(root.mkdir, parents=True, exist_ok=True))
        verdict = await _probe(agent, options, mark, home)
    except (FanoutError, OSError) as error:
        return Health(agent.name, problem=str(error))
    return Health(agent.name, number, verdict.ok, "" if verdict.ok else verdict.message)


async def probe(
    agent: Agent, options: Options, mark: str, home: Path, log: Path, budget: float | None = None
) -> Verdict:
    """How the agent does with next to nothing, in an empty repository in ``home``, a folder that is made for this and
    gone afterwards. ``budget`` is what it may cost, in dollars. Raises FanoutError, OSError.
    """
    return await _probe(agent, options, mark, home, log, budget)


async def _probe(
    agent: Agent, options: Options, mark: str, home: Path, log: Path | None = None, budget: float | None = None
) -> Verdict:
    async with _folder(home) as folder:
        limits = evolve(options, timeout=min(options.timeout, _PROBE_SECONDS), stall=min(options.stall, _PROBE_SECONDS))
        prompt_file = await anyio.to_thread.run_sync(write_prompt, folder.parent, _PROMPT)
        can = agent.abilities
        task = Task(
            UNIT,
            limits,
            folder,
            _PROMPT,
            prompt_file,
            budget=budget if can.budget_limit else None,
            turns=_TURNS if can.turn_limit else None,
        )
        tail = ActivityTail(_nobody)
        log = log or home / "agent.log"
        async with temporary.folder("probe") as place:
            verdict, _ = await working.work(
                agent, task, mark, None, log=log, tail=tail, on_event=lambda _: None, temporary=place
            )
        return verdict


async def version(agent: Agent, options: Options, mark: str, home: Path) -> str:
    """What the program says of its version, empty where it says nothing. Raises FanoutError, OSError."""
    if not agent.version_argv:
        return ""
    async with _folder(home) as folder:
        env = environment.build(os.environ, env=options.env, env_pass=options.env_pass, mark=mark)
        ended = await run_program(
            Program(agent.version_argv, folder, env, None, mark),
            timeout=_VERSION_SECONDS,
            stall=_VERSION_SECONDS,
            on_output=lambda _: None,
            log=folder.parent / "version.log",
        )
    return last_line(ended.tail) if ended.exit == 0 else ""


@contextlib.asynccontextmanager
async def _folder(home: Path) -> AsyncIterator[Path]:
    """An empty repository, for some agents work nowhere else; beside it is room for a prompt."""
    folder = home / "empty"
    try:
        await anyio.to_thread.run_sync(porcelain.init, folder)
        yield folder
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(deleting.delete, home)


async def _nobody(line: str) -> None:
    del line
