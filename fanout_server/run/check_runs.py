"""``check`` in a worktree of its own, of any commit: run as ``verify`` is, read, and remembered by tree."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import anyio.to_thread
from attrs import evolve, frozen

from fanout_server import run_events
from fanout_server.agents.output import last_lines
from fanout_server.agents.process import Ended
from fanout_server.model import CheckOf, Plan
from fanout_server.repo import objects, trees
from fanout_server.repo.repository import Repository
from fanout_server.repo.sourcing import Source
from fanout_server.repo.worktrees import Worktree
from fanout_server.review.problems import reading
from fanout_server.run import logs, setting_up, working
from fanout_server.run.gate import Gate
from fanout_server.run.record import Record
from fanout_server.run.services import Services
from fanout_server.run.verdicts import Checked

# A checker that tells of more than that is not read to its end.
_READ_BYTES = 4 * 1024 * 1024
_SAID_LINES, _SAID_WIDTH = 12, 300
_LONGEST_FILE = 4 * 1024 * 1024
_LINK = 0o120000


@frozen
class Where:
    """What checks of one run need. ``setup_is_shared``: worktrees of the ``source`` have what it leaves."""

    services: Services
    record: Record
    plan: Plan
    source: Source
    gate: Gate
    setup_is_shared: bool


class CheckRuns:
    """``made`` counts the programs that were run. As many run at a time as the plan has ``jobs``."""

    def __init__(self, where: Where) -> None:
        self.made = 0
        self._where = where
        self._run = where.record.run
        self._folders = where.services.folders(where.record.run)
        self._limiter = anyio.CapacityLimiter(where.plan.options.jobs)
        setups = dict.fromkeys(unit.setup for unit in where.plan.units if unit.setup)
        self._setups = () if where.setup_is_shared else tuple(setups)
        self._logged = max(_numbers(self._folders.logs / logs.CHECK), default=0)

    async def check(self, commit: str, of: CheckOf, units: tuple[str, ...] = (), *, again: bool = False) -> Checked:
        """What ``check`` comes to on the tree of ``commit``; with ``again`` it is run whatever is known.

        Raises FanoutError, OSError: the worktree could not be made, or written to.
        """
        tree = await anyio.to_thread.run_sync(objects.of(self._where.services.repository).tree_of, commit)
        kept = self._where.services.shared.verdicts.of(self._run, tree)
        async with kept.lock:
            if again or not kept.checked:
                async with self._limiter:
                    checked = await self._check(commit, tree, of, units)
                # What could not be started may be there when the run is gone on with.
                if again or not checked.started:
                    return checked
                kept.checked.append(checked)
            return kept.checked[0]

    async def _check(self, commit: str, tree: str, of: CheckOf, units: tuple[str, ...]) -> Checked:
        self.made += 1
        self._logged += 1
        number = self._logged
        await self._where.record.emit(run_events.CheckStarted(self._run, time.time(), of, self.made, units))
        folder = self._folders.attempt_logs(logs.CHECK, number)
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        mark = f"{self._run}/{logs.CHECK}/{number}"
        async with self._worktree(commit, number, mark) as worktree:
            for setup in self._setups:
                ended = await self._program(setup, worktree, mark, folder / "setup.log")
                if not _is_good(ended):
                    how = f"setup failed: {setting_up.told(ended)}"
                    return Checked(how, (), _said(ended), folder / "setup.log", started=False)
            log = folder / "check.log"
            ended = await self._program(self._where.plan.options.check, worktree, mark, log)
            if not _is_good(ended) and await anyio.to_thread.run_sync(self._where.gate.is_full):
                raise self._where.gate.why()
            return await anyio.to_thread.run_sync(self._read, ended, log, tree, worktree.path)

    @contextlib.asynccontextmanager
    async def _worktree(self, commit: str, number: int, mark: str) -> AsyncIterator[Worktree]:
        source = self._where.source
        worktree = await anyio.to_thread.run_sync(self._create, commit, number, mark)
        try:
            yield worktree
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(source.give_back, worktree)

    def _create(self, commit: str, number: int, mark: str) -> Worktree:
        self._where.gate.check(self._where.source.needs, "A check")
        path = self._folders.worktree(logs.CHECK, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        start = None if commit == self._where.source.base else commit
        return self._where.source.create(path, f"fanout {mark}", start)

    async def _program(self, argv: tuple[str, ...], worktree: Worktree, mark: str, log: Path) -> Ended:
        options = self._where.plan.options
        room = await anyio.to_thread.run_sync(logs.room, self._folders.logs, logs.CHECK)
        program = working.program_of(argv, worktree.path, options, mark, worktree.space)
        ended = await working.watch(program, options, log, lambda _: None, log_bytes=room)
        # With paths as the user has them: the worktree is gone soon.
        return evolve(ended, tail=ended.tail.replace(os.fsencode(worktree.path) + b"/", b""))

    def _read(self, ended: Ended, log: Path, tree: str, folder: Path) -> Checked:
        with log.open("rb") as file:
            printed = file.read(_READ_BYTES)
        contents = contents_of(self._where.services.repository, tree)
        found = reading.read(printed, self._where.plan.options.check, folder, contents)
        problems = tuple(evolve(one, message=one.message.replace(f"{folder}/", "")) for one in found)
        if _is_good(ended):
            # What it only warns of is nothing new where it fails.
            return Checked("", problems, "", log, passed=True)
        started = ended.reason != "not-started"
        return Checked(setting_up.told(ended), problems, _said(ended), log, started=started)


def contents_of(repository: Repository, tree: str) -> Callable[[str], bytes | None]:
    """The files of a tree by their paths; ``None`` for folders, links and what is not there."""
    store = objects.of(repository)

    def read(path: str) -> bytes | None:
        entry = trees.lookup(store, tree, path)
        if entry is None or entry.mode in {trees.FOLDER, trees.GITLINK, _LINK}:
            return None
        data = store.read_blob(entry.oid)
        return data if len(data) <= _LONGEST_FILE else b""

    return read


def _is_good(ended: Ended) -> bool:
    return ended.reason == "exited" and ended.exit == 0


def _said(ended: Ended) -> str:
    """The end of what it printed."""
    return "\n".join(last_lines(ended.tail, _SAID_LINES, _SAID_WIDTH))


def _numbers(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.glob("*") if path.name.isdigit()]
