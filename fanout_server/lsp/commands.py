"""The commands of ``workspace/executeCommand``. Each answers at once; what takes longer goes on as a run or a job."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from attrs import define, frozen
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server import model
from fanout_server.lsp import answers, findings, plans, present, show, wire
from fanout_server.lsp.applying import Outcome
from fanout_server.lsp.jobs import Job, Pending
from fanout_server.lsp.protocol import Protocol
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.planning.plan import PlanError
from fanout_server.planning.selection import EmptySelection
from fanout_server.run.engine import Engine
from fanout_server.run.services import new_run_id

_SOON_SECONDS = 0.08
_EDIT_SECONDS = 0.9


@define
class _Starting:
    """A run whose plan is still being made, or could not be."""

    instruction: str
    started: float
    job: Job[None] | None = None
    error: str = ""


class Commands:
    """The commands of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.watching = Watching(session)
        self._starting: dict[str, _Starting] = {}

    async def execute(self, name: str, arguments: Sequence[Any] | None) -> Any:
        """Raises JsonRpcInvalidParams, FanoutError."""
        command = _COMMANDS.get(name)
        if command is None:
            raise JsonRpcInvalidParams(f"There is no command {name}. There are: {', '.join(_COMMANDS)}.")
        return await command.work(self, wire.read_arguments(name, arguments, command.arguments))

    async def preview(self, arguments: wire.PlanArguments) -> dict[str, Any]:
        asked = await plans.read(self._session, "fanout.preview", arguments)
        plan = await self._plan(asked, need_instruction=False)
        ways = await anyio.to_thread.run_sync(asked.ways)
        places = findings.Places(self._session, asked.engine.repository.root, plan)
        return await anyio.to_thread.run_sync(answers.preview, plan, ways, places)

    async def run(self, arguments: wire.PlanArguments) -> dict[str, Any]:
        run = new_run_id()
        starting = self._starting[run] = _Starting(arguments.instruction or "", time.time())

        def late(error: Exception) -> None:
            starting.error = str(error) if isinstance(error, model.FanoutError) else "It broke; the log says more."
            self._session.report(error)

        starting.job = Job(lambda: self._start(run, arguments), late).start(self._session.tasks)
        try:
            await starting.job.within(_SOON_SECONDS)
        except BaseException:
            del self._starting[run]
            raise
        return {"runId": run}

    async def _start(self, run: str, arguments: wire.PlanArguments) -> None:
        asked = await plans.read(self._session, "fanout.run", arguments)
        plan = await self._plan(asked, need_instruction=True)
        engine = asked.engine
        buffers = await anyio.to_thread.run_sync(self._unsaved, engine)
        engine.launch(run, plan, buffers, self._failed(run))
        self.watching.watch(engine, run, plan.instruction, asked.document)
        del self._starting[run]

    def _unsaved(self, engine: Engine) -> dict[str, bytes]:
        return present.unsaved(present.open_files(self._session.documents.all(), engine.repository.root))

    def _failed(self, run: str) -> Callable[[model.FanoutError], None]:
        """The run could not begin, or broke. It may be in no journal, so it is remembered here."""

        def failed(error: model.FanoutError) -> None:
            self._starting[run] = _Starting("", time.time(), error=str(error))
            self._session.report(error)

        return failed

    async def _plan(self, asked: plans.Asked, *, need_instruction: bool) -> model.Plan:
        """What is wrong with a plan document is shown in it."""
        owner = f"plan:{asked.document}"
        try:
            plan = await anyio.to_thread.run_sync(lambda: asked.plan(need_instruction=need_instruction))
        except (PlanError, EmptySelection) as error:
            if asked.document is not None:
                places = findings.Places(self._session, asked.engine.repository.root)
                found = await anyio.to_thread.run_sync(findings.by_uri, places, "", error.findings, asked.document)
                self.watching.diagnostics.put(owner, found)
            raise
        self.watching.diagnostics.clear(owner)
        return plan

    async def status(self, arguments: wire.StatusArguments) -> dict[str, Any]:
        run = arguments.run_id
        starting = {key: one for key, one in self._starting.items() if run in {None, key}}
        told: list[dict[str, Any]] = [_starting_run(key, one) for key, one in starting.items()]
        if run is None:
            for engine in await self._session.open_folders():
                told += [await self._told(engine, view) for view in await engine.runs()]
        elif run not in starting:
            engine = await self._session.engine_of_run(run)
            told.append(await self._told(engine, await engine.view(run)))
        return {"runs": sorted(told, key=lambda one: -float(one["started"]))}

    async def _told(self, engine: Engine, view: model.RunView) -> dict[str, Any]:
        places = findings.Places(self._session, engine.repository.root, view.plan)
        return await anyio.to_thread.run_sync(answers.run, view, places)

    async def cancel(self, arguments: wire.CancelArguments) -> dict[str, Any]:
        starting = self._starting.get(arguments.run_id)
        if starting is not None and starting.job is not None and not starting.error:
            starting.job.cancel()
            del self._starting[arguments.run_id]
            return {"cancelled": []}
        engine = await self._session.engine_of_run(arguments.run_id)
        return {"cancelled": list(await engine.cancel(arguments.run_id, arguments.units))}

    async def resume(self, arguments: wire.RunArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        await engine.resume(run, self._failed(run))
        self.watching.watch(engine, run, (await engine.view(run)).plan.instruction)
        return {"runId": run}

    async def apply(self, arguments: wire.ApplyArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        ask = arguments.mode is wire.ApplyMode.ASK
        return await self._change(run, "Applied", lambda: self.watching.apply(engine, run, arguments.units, ask=ask))

    async def revert(self, arguments: wire.RunArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        return await self._change(run, "Took back", lambda: self.watching.revert(engine, run))

    async def _change(self, run: str, did: str, work: Callable[[], Awaitable[Outcome | None]]) -> dict[str, Any]:
        """Answers with the outcome if it comes soon: some editors stand still until a command is answered."""
        job = Job(work, self._session.report, lambda outcome: self.watching.tell(run, did, outcome))
        outcome = await job.start(self._session.tasks).within(_EDIT_SECONDS)
        if isinstance(outcome, Pending):
            return {"applied": False, "files": [], "left": [], "pending": True}
        if outcome is None:
            return {"applied": False, "files": [], "left": []}
        places = findings.Places(self._session, Path(outcome.root))
        left = await anyio.to_thread.run_sync(lambda: [places.to_dict(one) for one in outcome.left])
        for note in outcome.notes:
            self._session.info(note)
        return {"applied": outcome.applied, "files": [places.uri(path) for path in outcome.files], "left": left}

    async def discard(self, arguments: wire.RunArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)

        async def work() -> None:
            await engine.discard(run)
            self.watching.forget(run)

        await Job(work, self._session.report).start(self._session.tasks).within(_SOON_SECONDS)
        return {}

    async def show(self, arguments: wire.ShowArguments) -> dict[str, Any]:
        engine = await self._session.engine_of_run(arguments.run_id)
        uri = await show.show(self._session, engine, arguments.run_id, arguments.unit, arguments.what)
        return {"uri": uri}


def _starting_run(run: str, starting: _Starting) -> dict[str, Any]:
    state = model.RunState.FAILED if starting.error else model.RunState.RUNNING
    return {
        "runId": run,
        "state": str(state),
        "instruction": starting.instruction,
        "started": starting.started,
        "message": starting.error,
        "units": [],
        "findings": [],
    }


@frozen
class _Command:
    arguments: type[Any]
    work: Callable[[Commands, Any], Awaitable[dict[str, Any]]]


_COMMANDS: dict[str, _Command] = {
    "fanout.preview": _Command(wire.PlanArguments, Commands.preview),
    "fanout.run": _Command(wire.PlanArguments, Commands.run),
    "fanout.status": _Command(wire.StatusArguments, Commands.status),
    "fanout.cancel": _Command(wire.CancelArguments, Commands.cancel),
    "fanout.resume": _Command(wire.RunArguments, Commands.resume),
    "fanout.apply": _Command(wire.ApplyArguments, Commands.apply),
    "fanout.revert": _Command(wire.RunArguments, Commands.revert),
    "fanout.discard": _Command(wire.RunArguments, Commands.discard),
    "fanout.show": _Command(wire.ShowArguments, Commands.show),
}


def advertise(protocol: Protocol) -> None:
    """Has ``initialize`` name the commands. pygls only reads their names; they are run by ``Commands.execute``."""
    for name in _COMMANDS:
        protocol.fm.commands[name] = None
