"""Runs between the command that asks for them and their first event: answered for at once, planned after that."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import anyio
import anyio.to_thread
from attrs import define

from fanout_server import model
from fanout_server.lsp import answers, findings, plans, present
from fanout_server.lsp.jobs import Job
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.lsp.wire import PlanArguments
from fanout_server.planning.plan import PlanError
from fanout_server.planning.selection import EmptySelection
from fanout_server.run.engine import Engine

_MOST_FAILED = 100


@define(eq=False)
class _Launch:
    """``engine`` is set once the run is launched, ``error`` when it could not begin."""

    instruction: str
    started: float
    job: Job[None] | None = None
    engine: Engine | None = None
    units: tuple[str, ...] = ()
    error: str = ""


class Launching:
    """The journal knows nothing of these runs yet, so they are remembered here; those that could not begin stay."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._session = session
        self._watching = watching
        self._launches: dict[str, _Launch] = {}

    async def launch(self, run: str, arguments: PlanArguments, soon: float) -> None:
        """Raises what goes wrong within ``soon`` seconds; after that it goes on by itself and tells the user."""
        launch = self._launches[run] = _Launch(arguments.instruction or "", time.time())

        def late(error: Exception) -> None:
            launch.error = str(error) if isinstance(error, model.FanoutError) else "It broke; the log says more."
            self._session.report(error)

        launch.job = Job(lambda: self._begin(run, launch, arguments), late).start(self._session.tasks)
        try:
            await launch.job.within(soon)
        except BaseException:
            self._launches.pop(run, None)
            raise

    async def _begin(self, run: str, launch: _Launch, arguments: PlanArguments) -> None:
        asked = await plans.read(self._session, "fanout.run", arguments)
        plan = await self.plan(asked, need_instruction=True)
        engine = asked.engine
        buffers = await anyio.to_thread.run_sync(self._unsaved, engine)
        launch.instruction = plan.instruction
        launch.units = tuple(unit.id for unit in plan.units)
        launch.engine = engine
        stop: list[Callable[[], None]] = []

        def began(event: model.Event) -> None:
            if event.run == run:
                self._launches.pop(run, None)
                stop.pop()()

        stop.append(engine.subscribe(began))
        engine.launch(run, plan, buffers, self.failed(run))
        self._watching.watch(engine, run, plan.instruction, asked.document)

    def _unsaved(self, engine: Engine) -> dict[str, bytes]:
        return present.unsaved(present.open_files(self._session.documents.all(), engine.repository.root))

    def failed(self, run: str) -> Callable[[model.FanoutError], None]:
        """For the engine to tell that a run could not begin, or broke."""

        def failed(error: model.FanoutError) -> None:
            launch = self._launches.get(run)
            if launch is not None:
                launch.error = str(error)
            for older in [one for one, launch in self._launches.items() if launch.error][:-_MOST_FAILED]:
                del self._launches[older]
            self._session.report(error)

        return failed

    async def plan(self, asked: plans.Asked, *, need_instruction: bool) -> model.Plan:
        """What is wrong with a plan document is shown in it. Raises as ``Asked.plan``."""
        owner = f"plan:{asked.document}"
        try:
            plan = await anyio.to_thread.run_sync(lambda: asked.plan(need_instruction=need_instruction))
        except (PlanError, EmptySelection) as error:
            if asked.document is not None:
                places = findings.Places(self._session, asked.engine.repository.root)
                found = await anyio.to_thread.run_sync(findings.by_uri, places, "", error.findings, asked.document)
                self._watching.diagnostics.put(owner, found)
            raise
        self._watching.diagnostics.clear(owner)
        return plan

    def cancel(self, run: str, units: Collection[str] | None) -> tuple[str, ...] | None:
        """The units that will be cancelled as soon as there is a run to cancel; ``None`` for a run that is not here."""
        launch = self._launches.get(run)
        if launch is None or launch.error:
            return None
        if launch.engine is None:
            if launch.job is not None:
                launch.job.cancel()
            del self._launches[run]
            return ()
        self._session.spawn(self._watching.cancel, launch.engine, run, units)
        return tuple(unit for unit in launch.units if units is None or unit in units)

    def told(self, run: str | None) -> list[answers.Run]:
        """These runs, or the one, in the form of ``fanout.status``."""
        return [
            answers.Run(
                run_id=key,
                state=model.RunState.FAILED if launch.error else model.RunState.RUNNING,
                instruction=launch.instruction,
                started=launch.started,
                message=launch.error,
                units=(),
                findings=(),
            )
            for key, launch in self._launches.items()
            if run in {None, key}
        ]
