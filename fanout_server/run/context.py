"""A run as its units see it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import anyio
import anyio.abc
import anyio.to_thread
from attrs import field, frozen

from fanout_server import model, run_events
from fanout_server.agents.base import Agent, Steered
from fanout_server.model import FailureKind, Finding, Severity, Unit, UnitView
from fanout_server.repo.sourcing import Source
from fanout_server.repo.worktrees import Worktree
from fanout_server.run import prompting
from fanout_server.run.gate import Gate
from fanout_server.run.money import Ledger
from fanout_server.run.prompting import Briefing
from fanout_server.run.rate import Limiter
from fanout_server.run.reuse import Reuse
from fanout_server.run.services import RunFolders, Services
from fanout_server.run.slots import Slots

_log = logging.getLogger(__name__)

Emit = Callable[[run_events.Event], Awaitable[None]]


class Halted(model.FanoutError):
    """No unit is begun any more; the text says why."""


class Halt:
    """``reason`` says why no unit is begun any more, ``None`` while they are. What has begun goes on to its end."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.kind: FailureKind | None = None

    def pass_through(self) -> None:
        """Raises Halted."""
        if self.reason is not None:
            raise Halted(self.reason)

    def stop(self, reason: str, kind: FailureKind | None) -> None:
        """The first reason stays."""
        if self.reason is None:
            self.reason, self.kind = reason, kind


Delivery = Literal["now", "next-turn"]


class Mail:
    """Notes of the user's to units at work, until an attempt is told of them."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {}
        self._lines: dict[str, Steered] = {}

    def open(self, unit: str) -> None:
        self._open.setdefault(unit, [])

    def connect(self, unit: str, line: Steered | None) -> None:
        """``line`` is to the program that works on it now, ``None`` where there is none."""
        if line is not None:
            self._lines[unit] = line
        else:
            self._lines.pop(unit, None)

    def put(self, unit: str, note: str) -> Delivery | None:
        """When the unit hears of it; ``None`` where it is not at work any more."""
        if unit not in self._open:
            return None
        if unit in self._lines and self._lines[unit].note(prompting.note_of_the_user(note)):
            return "now"
        self._open[unit].append(note)
        return "next-turn"

    def take(self, unit: str) -> tuple[str, ...]:
        notes, self._open[unit] = tuple(self._open[unit]), []
        return notes

    def close(self, unit: str) -> None:
        self._open.pop(unit, None)


@frozen
class RunContext:
    """``start`` is the commit that units start from now: the base, or what earlier waves made. ``slots`` bounds how
    many agents work at a time, ``cleanup`` owns removals.

    ``collecting`` and ``removing`` keep that work from the processors that the next agents start on.
    """

    services: Services
    run: str
    base: str
    start: str
    options: model.Options
    agent: Agent
    folders: RunFolders
    slots: Slots
    cleanup: anyio.abc.TaskGroup
    emit: Emit
    source: Source
    gate: Gate
    setup_is_shared: bool
    briefing: Briefing
    limiter: Limiter
    ledger: Ledger
    mail: Mail
    reuse: Reuse
    unit_ids: tuple[str, ...] = ()
    halt: Halt = field(factory=Halt)
    collecting: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(os.cpu_count() or 1))
    removing: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(1))

    @property
    def reviews(self) -> bool:
        """Whether units write no code: their answers are what is wanted of them."""
        return self.options.mode == "review"

    async def find(self, code: str, severity: Severity, message: str, unit: Unit) -> None:
        """A finding about a unit, at its first target."""
        path = unit.targets[0].path if unit.targets else None
        where = unit.targets[0].range if unit.targets else None
        finding = Finding(code, severity, message, path=path, range=where, units=(unit.id,))
        await self.emit(run_events.FindingReported(self.run, time.time(), finding))

    async def tell_news(self) -> None:
        """What could not be had for the worktrees; it concerns all units."""
        for finding in self.source.news():
            await self.emit(run_events.FindingReported(self.run, time.time(), finding))


class Place:
    """Where a unit is worked at, from one attempt to the next. ``session`` is the agent's that worked there last.

    ``start`` is the commit that the next worktree begins with, and ``path`` where it is to be, if that matters.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.worktree: Worktree | None = None
        self.start = context.start
        self.path: Path | None = None
        self.session = ""
        # The attempt in which the session began, or its own name.
        self.began = ""

    def return_to(self, before: UnitView) -> None:
        """An earlier attempt's result, and its session, are gone on with."""
        if before.result is None and not self._context.reviews:
            return
        self.start = before.result or self._context.start
        if before.session and self._context.agent.abilities.resume:
            self.session = self.began = before.session
            # It remembers files by their full names.
            self.path = Path(before.worktree) if before.worktree else None

    def leave(self) -> None:
        """Gives the worktree back, in the background: the next attempt has a new one."""
        worktree, self.worktree = self.worktree, None
        self.start, self.path, self.session, self.began = self._context.start, None, "", ""
        if worktree is not None:
            self._context.cleanup.start_soon(_remove, self._context, worktree)


async def _remove(context: RunContext, worktree: Worktree) -> None:
    """A worktree that cannot be removed now is reaped at the next start."""
    with anyio.CancelScope(shield=True):
        try:
            await anyio.to_thread.run_sync(context.source.give_back, worktree, limiter=context.removing)
        except (model.FanoutError, OSError) as error:
            _log.warning("Cannot remove the worktree %s: %s. 'fanout clean' tries again.", worktree.path, error)
