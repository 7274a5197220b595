"""The commands of ``workspace/executeCommand``. Each answers at once; what takes longer goes on as a run or a job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
from attrs import frozen
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server import model
from fanout_server.lsp import answers, findings, plans, previewing, show, uris, wire
from fanout_server.lsp.applying import Outcome
from fanout_server.lsp.jobs import Job, Pending
from fanout_server.lsp.launching import Launching
from fanout_server.lsp.protocol import Protocol
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.run.engine import Engine
from fanout_server.run.services import new_run_id

_SOON_SECONDS = 0.08
_EDIT_SECONDS = 0.9


class Commands:
    """The commands of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.watching = Watching(session)
        self._launching = Launching(session, self.watching)

    async def execute(self, name: str, arguments: Sequence[Any] | None) -> Any:
        """Raises JsonRpcInvalidParams, FanoutError."""
        command = _COMMANDS.get(name)
        if command is None:
            raise JsonRpcInvalidParams(f"There is no command {name}. There are: {', '.join(_COMMANDS)}.")
        return await command.work(self, wire.read_arguments(name, arguments, command.arguments))

    async def preview(self, arguments: wire.PreviewArguments) -> dict[str, Any]:
        asked = await plans.read(self._session, "fanout.preview", arguments)
        plan = await self._launching.plan(asked, need_instruction=False)
        ways = await anyio.to_thread.run_sync(asked.ways)
        places = findings.Places(self._session, asked.engine.repository.root, plan)
        estimate = await asked.engine.estimate(plan)
        answer = await anyio.to_thread.run_sync(answers.preview, plan, ways, places, estimate)
        if arguments.show:
            text = await anyio.to_thread.run_sync(previewing.markdown, plan, estimate)
            await show.show_text(self._session, asked.engine, "preview.md", text)
        asked.engine.warm_up()
        return answer

    async def plan(self, arguments: wire.DraftArguments) -> dict[str, Any]:
        from fanout_server.lsp.drafts import Drafts  # noqa: PLC0415 - at start nobody needs it

        wanted = wire.PlanArguments(None, arguments.selection, arguments.instruction, arguments.options)
        asked = await plans.read(self._session, "fanout.plan", wanted)
        return {"uri": await Drafts(self._session).make(asked, _SOON_SECONDS)}

    async def run(self, arguments: wire.PlanArguments) -> dict[str, Any]:
        run = new_run_id()
        await self._launching.launch(run, arguments, _SOON_SECONDS)
        return {"runId": run}

    async def status(self, arguments: wire.StatusArguments) -> dict[str, Any]:
        run = arguments.run_id
        told = self._launching.told(run)
        if run is None:
            for engine in await self._session.open_folders():
                told += await self._told(engine, await engine.runs())
        elif not told:
            engine = await self._session.engine_of_run(run)
            told += await self._told(engine, [await engine.view(run)])
        return {"runs": sorted(told, key=lambda one: -float(one["started"]))}

    async def _told(self, engine: Engine, views: Sequence[model.RunView]) -> list[dict[str, Any]]:
        on_disk = await engine.on_disk([view.id for view in views], _SOON_SECONDS)
        told = []
        for view in views:
            places = findings.Places(self._session, engine.repository.root, view.plan)
            estimate = await engine.estimate(view.plan, view) if view.state is model.RunState.RUNNING else None
            told.append(await anyio.to_thread.run_sync(answers.run, view, places, on_disk.get(view.id), estimate))
        return told

    async def cancel(self, arguments: wire.CancelArguments) -> dict[str, Any]:
        begun = self._launching.cancel(arguments.run_id, arguments.units)
        if begun is not None:
            return {"cancelled": list(begun)}
        engine = await self._session.engine_of_run(arguments.run_id)
        return {"cancelled": list(await engine.cancel(arguments.run_id, arguments.units))}

    async def resume(self, arguments: wire.RunArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        await engine.resume(run, self._launching.failed(run))
        return await self._goes_on(engine, run)

    async def retry(self, arguments: wire.RetryArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        await engine.retry(run, arguments.units, arguments.note.strip(), self._launching.failed(run))
        return await self._goes_on(engine, run)

    async def accept(self, arguments: wire.AcceptArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        await engine.accept(run, arguments.note.strip(), self._launching.failed(run))
        await self._goes_on(engine, run)
        return {}

    async def _goes_on(self, engine: Engine, run: str) -> dict[str, Any]:
        self.watching.watch(engine, run, (await engine.view(run)).plan.instruction)
        return {"runId": run}

    async def send(self, arguments: wire.SendArguments) -> dict[str, Any]:
        note = arguments.note.strip()
        if not note:
            raise JsonRpcInvalidParams("fanout.send: note is empty; say what the agent is to know.")
        engine = await self._session.engine_of_run(arguments.run_id)
        return {"delivered": await engine.send(arguments.run_id, arguments.unit, note)}

    async def apply(self, arguments: wire.ApplyArguments) -> dict[str, Any]:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        ask = arguments.mode is wire.ApplyMode.ASK
        paths = arguments.files and await anyio.to_thread.run_sync(
            uris.in_checkout, engine.repository.root, arguments.files
        )
        return await self._change(
            run, "Applied", lambda: self.watching.apply(engine, run, arguments.units, paths, ask=ask)
        )

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

    async def dismiss(self, arguments: wire.DismissArguments) -> dict[str, Any]:
        run, ids = arguments.run_id, arguments.findings
        engine = await self._session.engine_of_run(run)
        job = Job(lambda: self.watching.dismiss(engine, run, ids, arguments.fix), self._session.report)
        pending = isinstance(await job.start(self._session.tasks).within(_EDIT_SECONDS), Pending)
        return {"pending": True} if pending else {}

    async def show(self, arguments: wire.ShowArguments) -> dict[str, Any]:
        engine = await self._session.engine_of_run(arguments.run_id)
        uri = await show.show(self._session, engine, arguments.run_id, arguments.unit, arguments.what)
        return {"uri": uri}


@frozen
class _Command:
    arguments: type[Any]
    work: Callable[[Commands, Any], Awaitable[dict[str, Any]]]


_COMMANDS: dict[str, _Command] = {
    "fanout.preview": _Command(wire.PreviewArguments, Commands.preview),
    "fanout.plan": _Command(wire.DraftArguments, Commands.plan),
    "fanout.run": _Command(wire.PlanArguments, Commands.run),
    "fanout.status": _Command(wire.StatusArguments, Commands.status),
    "fanout.cancel": _Command(wire.CancelArguments, Commands.cancel),
    "fanout.resume": _Command(wire.RunArguments, Commands.resume),
    "fanout.retry": _Command(wire.RetryArguments, Commands.retry),
    "fanout.send": _Command(wire.SendArguments, Commands.send),
    "fanout.accept": _Command(wire.AcceptArguments, Commands.accept),
    "fanout.apply": _Command(wire.ApplyArguments, Commands.apply),
    "fanout.revert": _Command(wire.RunArguments, Commands.revert),
    "fanout.discard": _Command(wire.RunArguments, Commands.discard),
    "fanout.dismiss": _Command(wire.DismissArguments, Commands.dismiss),
    "fanout.show": _Command(wire.ShowArguments, Commands.show),
}


def advertise(protocol: Protocol) -> None:
    """Has ``initialize`` name the commands. pygls only reads their names; they are run by ``Commands.execute``."""
    for name in _COMMANDS:
        protocol.fm.commands[name] = None
