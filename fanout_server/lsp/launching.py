"""Runs between the command that asks for them and their first event: answered for at once, planned after that."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import anyio
import anyio.to_thread
import attrs
from attrs import define

from fanout_server import model, run_events
from fanout_server.lsp import answers, findings, plans, present
from fanout_server.lsp.jobs import Job
from fanout_server.lsp.plan_document import owner_of
from fanout_server.lsp.plan_language import is_plan
from fanout_server.lsp.run_progress import title_of
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.lsp.wire import PlanArguments
from fanout_server.planning.plan import PlanError
from fanout_server.planning.selection import EmptySelection
from fanout_server.run.engine import Engine

_MOST_FAILED = 100


@define(eq=False)
class _Launch:
    """``engine`` is set once the run is launched, ``error`` when it could not begin.

    ``waits`` says what it waits for, ``withdrawn`` why there is to be no run after all.
    """

    instruction: str
    started: float
    job: Job[None] | None = None
    engine: Engine | None = None
    units: tuple[str, ...] = ()
    error: str = ""
    waits: str = ""
    withdrawn: str = ""

    @property
    def is_over(self) -> bool:
        return bool(self.error or self.withdrawn)

    @property
    def state(self) -> model.RunState:
        if self.error:
            return model.RunState.FAILED
        return model.RunState.CANCELLED if self.withdrawn else model.RunState.RUNNING


class Launching:
    """The journal knows nothing of these runs yet, so they are remembered here; those that could not begin stay."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._session = session
        self._watching = watching
        self._launches: dict[str, _Launch] = {}
        watching.about_to_begin = self._pending

    def _pending(self) -> dict[str, str]:
        pending = {run: one for run, one in self._launches.items() if not one.is_over and one.engine is None}
        return {run: title_of(one.instruction) for run, one in pending.items()}

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
        if asked.needs_instruction:
            instructed = await self._ask(launch, asked)
            if instructed is None:
                return
            asked = instructed
        plan = await self.plan(asked, need_instruction=True)
        engine = asked.engine
        buffers = await anyio.to_thread.run_sync(self._unsaved, engine)
        launch.instruction = plan.instruction
        launch.units = tuple(unit.id for unit in plan.units)
        launch.engine = engine
        stop: list[Callable[[], None]] = []

        def began(event: run_events.Event) -> None:
            if event.run == run:
                self._launches.pop(run, None)
                stop.pop()()

        stop.append(engine.subscribe(began))
        engine.launch(run, plan, buffers, self.failed(run))
        self._watching.watch(engine, run, plan.instruction, asked.document)

    async def _ask(self, launch: _Launch, asked: plans.Asked) -> plans.Asked | None:
        """With the instruction that the user gives; ``None`` where there is to be no run, or not now."""
        from fanout_server.lsp import asking  # noqa: PLC0415 - most runs come with an instruction
        from fanout_server.lsp.drafts import Drafts  # noqa: PLC0415

        plan = await self.plan(asked, need_instruction=False)
        await self._session.configuration.look(asked.engine.repository.root)
        presets = self._session.configuration.presets(asked.engine.repository.root)
        launch.waits = "It waits for its instruction."
        answer = await asking.Asking(self._session).instruction(asking.question(plan), presets)
        launch.waits = ""
        if isinstance(answer, asking.Given):
            options = {**asked.options, **answer.options, **asked.said}
            return attrs.evolve(asked, instruction=answer.instruction, options=options)
        if answer is asking.Otherwise.WRITE:
            launch.withdrawn = await Drafts(self._session).open(asked)
        else:
            launch.withdrawn = "No instruction was given, so nothing was started. fanout.plan makes a plan document."
        self._forget_old()
        self._session.info(launch.withdrawn)
        return None

    def _unsaved(self, engine: Engine) -> dict[str, bytes]:
        return present.unsaved(present.open_files(self._session.documents.all(), engine.repository.root))

    def failed(self, run: str) -> Callable[[model.FanoutError], None]:
        """For the engine to tell that a run could not begin, or broke."""

        def failed(error: model.FanoutError) -> None:
            launch = self._launches.get(run)
            if launch is not None:
                launch.error = str(error)
            self._forget_old()
            self._session.report(error)

        return failed

    def _forget_old(self) -> None:
        for older in [one for one, launch in self._launches.items() if launch.is_over][:-_MOST_FAILED]:
            del self._launches[older]

    async def plan(self, asked: plans.Asked, *, need_instruction: bool) -> model.Plan:
        """What is wrong with a plan document is shown in it. Raises as ``Asked.plan``."""
        opened = None if asked.document is None else self._session.documents.get(asked.document)
        owner = owner_of(opened.uri if opened is not None else asked.document or "")
        try:
            plan = await anyio.to_thread.run_sync(lambda: asked.plan(need_instruction=need_instruction))
        except (PlanError, EmptySelection) as error:
            if asked.document is not None:
                places = findings.Places(self._session, asked.engine.repository.root)
                found = await anyio.to_thread.run_sync(findings.by_uri, places, "", error.findings, asked.document)
                self._watching.diagnostics.put(owner, found)
            raise
        if opened is None or not is_plan(opened):
            # What is open is looked at as it is typed, and keeps its remarks.
            self._watching.diagnostics.clear(owner)
        return plan

    def cancel(self, run: str, units: Collection[str] | None) -> tuple[str, ...] | None:
        """The units that will be cancelled as soon as there is a run to cancel; ``None`` for a run that is not here."""
        launch = self._launches.get(run)
        if launch is None or launch.is_over:
            return None
        if launch.engine is None:
            if launch.job is not None:
                launch.job.cancel()
            del self._launches[run]
            return ()
        self._session.spawn(self._watching.progress.cancel, launch.engine, run, units)
        return tuple(unit for unit in launch.units if units is None or unit in units)

    def told(self, run: str | None) -> list[answers.Run]:
        """These runs, or the one, in the form of ``fanout.status``."""
        return [
            answers.Run(
                run_id=key,
                state=launch.state,
                instruction=launch.instruction,
                started=launch.started,
                message=launch.error or launch.withdrawn or launch.waits,
                units=(),
                findings=(),
            )
            for key, launch in self._launches.items()
            if run in {None, key}
        ]
