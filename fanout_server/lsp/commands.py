"""The commands of ``workspace/executeCommand``. Each answers at once; what takes longer goes on as a run or a job."""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import attrs
from attrs import frozen
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server import codec, model
from fanout_server.lsp import answering, answers, findings, origins, plans, previewing, show, uris, wire
from fanout_server.lsp.applying import Outcome
from fanout_server.lsp.jobs import Job, Pending
from fanout_server.lsp.launching import Launching
from fanout_server.lsp.new_buffers import NewBuffers
from fanout_server.lsp.news import Telling
from fanout_server.lsp.offering import Offering
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.planning import preflight as flights
from fanout_server.run.engine import Engine
from fanout_server.run.services import new_run_id

_SOON_SECONDS = 0.08
# However long the plan itself took, what is remembered of its imports is worth that.
_LEAST_SECONDS = 0.02
_EDIT_SECONDS = 0.9


class Commands:
    """The commands of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.watching = Watching(session)
        NewBuffers(session)
        self._launching = Launching(session, self.watching)
        self._offering = Offering(session)
        self._telling = Telling()

    async def execute(self, name: str, arguments: Sequence[Any] | None) -> Any:
        """Raises JsonRpcInvalidParams, FanoutError."""
        command = COMMANDS.get(name)
        if command is None:
            raise JsonRpcInvalidParams(f"There is no command {name}. There are: {', '.join(COMMANDS)}.")
        answer = await command.work(self, wire.read_arguments(name, arguments, command.arguments))
        # A plan may have thousands of units.
        return await anyio.to_thread.run_sync(codec.to_dict, answer)

    async def preview(self, arguments: wire.PreviewArguments) -> answers.Preview:
        until = anyio.current_time() + _SOON_SECONDS
        asked = await plans.read(self._session, "fanout.preview", arguments)
        plan = await self._launching.plan(asked, need_instruction=False)
        ways = await anyio.to_thread.run_sync(asked.ways)
        places = findings.Places(self._session, asked.engine.repository.root, plan)
        within = max(_LEAST_SECONDS, until - anyio.current_time())
        preflight = await asked.engine.preflight(plan, asked.opened, within=within)
        estimate = await asked.engine.estimate(plan, kept=0 if preflight is None else len(preflight.kept))
        plan = flights.seen(plan, preflight)
        answer = await anyio.to_thread.run_sync(answering.preview, plan, ways, places, estimate, preflight)
        if arguments.show:
            text = await anyio.to_thread.run_sync(previewing.markdown, plan, estimate)
            await show.show_text(self._session, asked.engine, "preview.md", text)
        asked.engine.warm_up()
        return answer

    async def plan(self, arguments: wire.DraftArguments) -> answers.Opened:
        from fanout_server.lsp.drafts import Drafts  # noqa: PLC0415 - at start nobody needs it

        wanted = wire.PlanArguments(None, *attrs.astuple(arguments, recurse=False))
        asked = await plans.read(self._session, "fanout.plan", wanted)
        return answers.Opened(await Drafts(self._session).make(asked, _SOON_SECONDS))

    async def run(self, arguments: wire.PlanArguments) -> answers.Started:
        run = new_run_id()
        await self._launching.launch(run, arguments, _SOON_SECONDS)
        return answers.Started(run)

    async def offers(self, arguments: wire.OffersArguments) -> answers.Offers:
        return await self._offering.offers(arguments.uri, _SOON_SECONDS)

    async def origins(self, arguments: wire.OriginsArguments) -> answers.Origins:
        return await origins.of(self._session, arguments.uri)

    async def status(self, arguments: wire.StatusArguments) -> answers.Status:
        run = arguments.run_id
        if run is None and arguments.since is not None:
            raise JsonRpcInvalidParams("fanout.status: since goes with a runId: it is a mark of that run.")
        told = self._launching.told(run)
        if run is None:
            for engine in await self._session.open_folders():
                told += await self._told(engine, await engine.runs())
        elif not told:
            engine = await self._session.engine_of_run(run)
            told += await self._told(engine, [await engine.view(run)], arguments.since)
        return answers.Status(tuple(sorted(told, key=lambda one: -one.started)))

    async def _told(
        self, engine: Engine, views: Sequence[model.RunView], since: str | None = None
    ) -> list[answers.Run]:
        # Whoever follows a run asks several times a second, and it has thousands of files on the disk.
        follows = since is not None
        on_disk = {} if follows else await engine.on_disk([view.id for view in views], _SOON_SECONDS)
        told = []
        for view in views:
            places = findings.Places(self._session, engine.repository.root, view.plan)
            running = view.state is model.RunState.RUNNING and not follows
            estimate = await engine.estimate(view.plan, view) if running else None
            news = self._telling.tell(view, since)
            used = on_disk.get(view.id)
            told.append(await anyio.to_thread.run_sync(answering.run, view, news, places, used, estimate))
        return told

    async def cancel(self, arguments: wire.CancelArguments) -> answers.Cancelled:
        begun = self._launching.cancel(arguments.run_id, arguments.units)
        if begun is not None:
            return answers.Cancelled(begun)
        engine = await self._session.engine_of_run(arguments.run_id)
        return answers.Cancelled(await engine.cancel(arguments.run_id, arguments.units))

    async def resume(self, arguments: wire.RunArguments) -> answers.Started:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        await engine.resume(run, self._launching.failed(run))
        return await self._goes_on(engine, run)

    async def retry(self, arguments: wire.RetryArguments) -> answers.Started:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        ids = arguments.findings
        told = None if ids is None else await self.watching.findings(engine, run, ids)
        await engine.retry(run, arguments.units, arguments.note.strip(), self._launching.failed(run), told)
        return await self._goes_on(engine, run)

    async def repair(self, arguments: wire.RepairArguments) -> answers.Started:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        (finding,) = await self.watching.findings(engine, run, [arguments.finding])
        await engine.repair(run, finding, self._launching.failed(run))
        return await self._goes_on(engine, run)

    async def accept(self, arguments: wire.AcceptArguments) -> answers.Nothing:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        await engine.accept(run, arguments.note.strip(), self._launching.failed(run))
        await self._goes_on(engine, run)
        return answers.Nothing()

    async def _goes_on(self, engine: Engine, run: str) -> answers.Started:
        self.watching.watch(engine, run, (await engine.view(run)).plan.instruction)
        return answers.Started(run)

    async def send(self, arguments: wire.SendArguments) -> answers.Sent:
        note = arguments.note.strip()
        if not note:
            raise JsonRpcInvalidParams("fanout.send: note is empty; say what the agent is to know.")
        engine = await self._session.engine_of_run(arguments.run_id)
        return answers.Sent(await engine.send(arguments.run_id, arguments.unit, note))

    async def apply(self, arguments: wire.ApplyArguments) -> answers.Changed:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        ask = arguments.mode is wire.ApplyMode.ASK
        paths = arguments.files and await anyio.to_thread.run_sync(
            uris.in_checkout, engine.repository.root, arguments.files
        )
        return await self._change(
            run,
            "Applied",
            lambda: self.watching.apply(engine, run, arguments.units, paths, ask=ask),
            wait=arguments.wait,
        )

    async def changes(self, arguments: wire.ChangesArguments) -> answers.Changes:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        root = engine.repository.root
        paths = arguments.files and await anyio.to_thread.run_sync(uris.in_checkout, root, arguments.files)
        plan = await self.watching.look(engine, run, arguments.units, paths)
        places = findings.Places(self._session, root)
        return await anyio.to_thread.run_sync(functools.partial(answering.changes, plan, places, texts=arguments.texts))

    async def revert(self, arguments: wire.RevertArguments) -> answers.Changed:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)
        return await self._change(run, "Took back", lambda: self.watching.revert(engine, run), wait=arguments.wait)

    async def _change(
        self, run: str, did: str, work: Callable[[], Awaitable[Outcome | None]], *, wait: bool
    ) -> answers.Changed:
        """Answers with the outcome if it comes soon, or is waited for: some editors stand still until they are
        answered.
        """
        job = Job(work, self._session.report, lambda outcome: self.watching.tell(run, did, outcome))
        outcome = await job.start(self._session.tasks).within(math.inf if wait else _EDIT_SECONDS)
        if isinstance(outcome, Pending):
            return answers.Changed(applied=False, files=(), left=(), pending=True)
        if outcome is None:
            return answers.Changed(applied=False, files=(), left=())
        places = findings.Places(self._session, Path(outcome.root))
        left = await anyio.to_thread.run_sync(places.answers, outcome.left)
        for note in outcome.notes:
            self._session.info(note)
        files = tuple(places.uri(path) for path in outcome.files)
        return answers.Changed(outcome.applied, files, left, outcome.rest)

    async def discard(self, arguments: wire.RunArguments) -> answers.Nothing:
        run = arguments.run_id
        engine = await self._session.engine_of_run(run)

        async def work() -> None:
            await engine.discard(run)
            self.watching.forget(run)

        await Job(work, self._session.report).start(self._session.tasks).within(_SOON_SECONDS)
        return answers.Nothing()

    async def dismiss(self, arguments: wire.DismissArguments) -> answers.Dismissed:
        run, ids = arguments.run_id, arguments.findings
        engine = await self._session.engine_of_run(run)
        job = Job(lambda: self.watching.dismiss(engine, run, ids, arguments.fix), self._session.report)
        return answers.Dismissed(isinstance(await job.start(self._session.tasks).within(_EDIT_SECONDS), Pending))

    async def show(self, arguments: wire.ShowArguments) -> answers.Opened:
        engine = await self._session.engine_of_run(arguments.run_id)
        uri = await show.show(self._session, engine, arguments.run_id, arguments.unit, arguments.what)
        return answers.Opened(uri)


@frozen
class Command:
    """``answer`` is what ``work`` gives."""

    arguments: type[Any]
    answer: type[Any]
    work: Callable[[Commands, Any], Awaitable[Any]]


COMMANDS: dict[str, Command] = {
    "fanout.preview": Command(wire.PreviewArguments, answers.Preview, Commands.preview),
    "fanout.plan": Command(wire.DraftArguments, answers.Opened, Commands.plan),
    "fanout.run": Command(wire.PlanArguments, answers.Started, Commands.run),
    "fanout.offers": Command(wire.OffersArguments, answers.Offers, Commands.offers),
    "fanout.origins": Command(wire.OriginsArguments, answers.Origins, Commands.origins),
    "fanout.status": Command(wire.StatusArguments, answers.Status, Commands.status),
    "fanout.cancel": Command(wire.CancelArguments, answers.Cancelled, Commands.cancel),
    "fanout.resume": Command(wire.RunArguments, answers.Started, Commands.resume),
    "fanout.retry": Command(wire.RetryArguments, answers.Started, Commands.retry),
    "fanout.repair": Command(wire.RepairArguments, answers.Started, Commands.repair),
    "fanout.send": Command(wire.SendArguments, answers.Sent, Commands.send),
    "fanout.accept": Command(wire.AcceptArguments, answers.Nothing, Commands.accept),
    "fanout.changes": Command(wire.ChangesArguments, answers.Changes, Commands.changes),
    "fanout.apply": Command(wire.ApplyArguments, answers.Changed, Commands.apply),
    "fanout.revert": Command(wire.RevertArguments, answers.Changed, Commands.revert),
    "fanout.discard": Command(wire.RunArguments, answers.Nothing, Commands.discard),
    "fanout.dismiss": Command(wire.DismissArguments, answers.Dismissed, Commands.dismiss),
    "fanout.show": Command(wire.ShowArguments, answers.Opened, Commands.show),
}
