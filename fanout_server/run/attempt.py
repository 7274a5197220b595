"""One try at a unit: a worktree, the agent in it, its result, ``verify``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator

import anyio
import anyio.to_thread
from attrs import frozen

from fanout_server import model, run_events
from fanout_server.agents import events
from fanout_server.agents.base import Reader, Steered, Task, Verdict, write_prompt
from fanout_server.agents.process import Ended
from fanout_server.model import FailureKind, Severity, Unit
from fanout_server.repo import collect, commits, refs, worktrees
from fanout_server.repo.changes import GITLINK
from fanout_server.repo.keeping import Made, keep
from fanout_server.repo.worktrees import Worktree
from fanout_server.review.answers import Answer, NoAnswer
from fanout_server.run import answering, changed_part, logs, money, policy, prompting, setting_up, temporary, working
from fanout_server.run.activity import ActivityTail, Teller
from fanout_server.run.context import Halted, Place, RunContext
from fanout_server.run.journal import JournalError
from fanout_server.run.money import BudgetReached, Spending
from fanout_server.run.policy import Failure
from fanout_server.run.slots import Turn
from fanout_server.run.using import UnitUse, Use

# The service did nothing for it.
_FREE = {*policy.REFUSED, FailureKind.NOT_INSTALLED, FailureKind.NOT_SIGNED_IN}
_FEEDBACK_BYTES = 8 * 1024


@frozen
class Outcome:
    """What came of an attempt. ``said`` is the agent's last word, ``session`` the one that can be gone on with."""

    failure: Failure | None
    collected: collect.Collected | None
    said: str = ""
    session: str = ""


class Attempt:
    """The worktree is that of ``place``, or a new one that is ``place``'s from then on."""

    def __init__(self, context: RunContext, unit: Unit, number: int, place: Place, use: UnitUse) -> None:
        self._context = context
        self._unit = unit
        self._number = number
        self._place = place
        self._use = use
        self._mark = f"{context.run}/{unit.id}/{number}"
        self._logs = context.folders.attempt_logs(unit.id, number)
        self._said = ""
        self._denied: list[str] = []
        self._session = ""
        self._printed = b""
        self._answer: Answer | None = None

    async def run(self, turn: Turn, feedback: str | None) -> Outcome:
        """Raises DiskFull where a full disk stands in its way; Halted."""
        context = self._context
        collected: collect.Collected | None = None
        try:
            async with context.slots.preparing(turn) as preparing:
                is_new = self._place.worktree is None
                worktree = self._place.worktree = await anyio.to_thread.run_sync(self._worktree)
                async with context.slots.held(turn, preparing):
                    context.gate.pass_through()
                    context.halt.pass_through()
                    await context.tell_news()
                    await self._begin(worktree)
                    failure = await self._prepare(worktree) if is_new else None
                    failure = failure or await self._agent(worktree, feedback)
                    # Before the slot goes to the next unit, which would go on as if there was room.
                    await self._blame_full_disk(failure)
                    if failure is not None and policy.is_hopeless(failure, context.agent.abilities):
                        context.halt.stop(f"{self._unit.title}: {failure.message}", failure.kind)
                    # Before the slot goes to the next unit: no more than ``jobs`` are ever shown as running.
                    await context.emit(
                        run_events.AttemptVerifying(context.run, time.time(), self._unit.id, self._number)
                    )
                    if failure is None and self._unit.verify and not context.reviews:
                        collected = await self._collect(worktree)
                        failure = self._unchanged(collected) or await self._verify(worktree)
            if collected is None:
                await context.slots.calm()
                collected = await self._collect(worktree)
                failure = failure or self._unchanged(collected)
            if context.reviews:
                await self._reviewed(collected, failed=failure is not None)
                collected = None
        except Halted:
            raise
        except (model.FanoutError, OSError) as error:
            full = context.gate.met(error)
            if full is not None:
                raise full from error
            # The unit fails closed: what cannot be trusted or read is not taken.
            failure = Failure(FailureKind.BROKEN, str(error))
        finally:
            # A unit whose worktree could not be made must not keep the next ones waiting for its turn.
            turn.passed.set()
        await self._blame_full_disk(failure)
        return Outcome(failure, collected, self._said, self._session)

    async def _blame_full_disk(self, failure: Failure | None) -> None:
        """Raises DiskFull where the program that failed could write nothing."""
        gate = self._context.gate
        if failure is not None and await anyio.to_thread.run_sync(gate.is_full):
            raise gate.why()

    async def _begin(self, worktree: Worktree) -> None:
        run, unit = self._context.run, self._unit.id
        await self._context.emit(run_events.AttemptStarted(run, time.time(), unit, self._number, str(worktree.path)))

    def _worktree(self) -> Worktree:
        self._logs.mkdir(parents=True, exist_ok=True)
        if self._place.worktree is not None:
            return self._place.worktree
        self._context.gate.check(self._context.source.needs, "A unit")
        path = self._place.path or self._context.folders.worktree(self._unit.id, self._number)
        path.parent.mkdir(parents=True, exist_ok=True)
        return self._context.source.create(path, f"fanout {self._mark}", self._place.start)

    async def _prepare(self, worktree: Worktree) -> Failure | None:
        if not self._unit.setup or self._context.setup_is_shared:
            return None
        ended = await self._run_command(self._unit.setup, worktree, "setup")
        if ended.reason != "exited" or ended.exit != 0:
            return Failure(FailureKind.SETUP_FAILED, f"setup failed: {setting_up.told(ended)}")
        repository = self._context.services.repository
        await anyio.to_thread.run_sync(collect.settle, repository, worktree, self._place.start)
        return None

    async def _agent(self, worktree: Worktree, feedback: str | None) -> Failure | None:
        """Waits for its turn with the service, and for room in the budget."""
        context = self._context
        try:
            if context.limiter.pause_left:
                await self._tell_activity(f"the service is busy: waits {context.limiter.pause_left:.0f} s or more")
            async with context.ledger.attempt(self._unit.id) as spending, context.limiter.place() as place:
                context.halt.pass_through()
                task = await anyio.to_thread.run_sync(self._task, worktree, feedback, spending.limit)
                verdict = await self._work(task, worktree, spending)
                if verdict.kind not in _FREE and context.agent.abilities.models:
                    spending.guess()
                if verdict.kind in policy.REFUSED:
                    place.refused(verdict.retry_after)
                elif verdict.ok:
                    place.went_well()
        except BudgetReached as error:
            if error.of_run:
                context.halt.stop(str(error), FailureKind.BUDGET_REACHED)
                context.halt.pass_through()
            return Failure(FailureKind.BUDGET_REACHED, str(error), retryable=False)
        self._session = verdict.session or self._session
        self._said = verdict.message
        failure = self._failure(verdict)
        return failure if failure is not None or not context.reviews else await self._read_answer(verdict)

    def _task(self, worktree: Worktree, feedback: str | None, budget: float | None) -> Task:
        context, place, can = self._context, self._place, self._context.agent.abilities
        session = place.session if can.resume else ""
        if not (session and can.cumulative):
            place.began = self._mark
        self._use.begin(place.began)
        part = self._unit.changes
        shown = "" if part is None else changed_part.words(context.services.repository, part, context.base)
        prompt = prompting.prompt_of(self._unit, context.briefing, feedback, shown, goes_on=bool(session))
        prompt_file = write_prompt(self._logs, prompt)
        limit = budget if can.budget_limit else None
        schema = answering.write_schema(self._logs) if context.reviews and can.schema else None
        return Task(
            self._unit, context.options, worktree.path, prompt, prompt_file, self._number, session, schema, budget=limit
        )

    async def _work(self, task: Task, worktree: Worktree, spending: Spending) -> Verdict:
        """The agent's program, from its start to its end; it is ended where it has used up what it may cost."""
        context = self._context
        model_name = context.options.model

        def count(cost: float | None, tokens: model.Tokens | None) -> None:
            spending.add(self._use.take(cost, tokens, model_name))
            if spending.over():
                limits.cancel()

        async with self._telling() as (tail, teller):

            def hear(event: events.AgentEvent) -> None:
                nonlocal model_name
                match event:
                    case events.Started():
                        self._session = event.session or self._session
                        model_name = event.model or model_name
                    case events.Denied():
                        self._denied.append(event.name)
                    case events.Used():
                        count(event.cost, event.tokens)
                        teller.news()

            log = self._logs / "agent.log"
            room = await self._log_room()
            try:
                async with temporary.folder(context.run) as folder:
                    with anyio.CancelScope() as limits:
                        verdict, ended = await working.work(
                            context.agent,
                            task,
                            self._mark,
                            worktree.space,
                            log=log,
                            log_bytes=room,
                            tail=tail,
                            on_event=hear,
                            temporary=folder,
                            on_begin=self._connect,
                        )
            except anyio.get_cancelled_exc_class():
                # Some tell what they have used with their last words.
                with anyio.CancelScope(shield=True):
                    await self._tell_use(self._use.total)
                raise
            finally:
                context.mail.connect(self._unit.id, None)
        if limits.cancelled_caught:
            message = f"it was stopped at its budget, with {money.money(spending.told)} spent"
            return Verdict(FailureKind.BUDGET_REACHED, message, session=self._session)
        count(verdict.cost, verdict.tokens)
        self._printed = ended.tail
        if verdict.ok and ended.leftovers:
            message = (
                f"{self._unit.title}: the agent left {ended.leftovers} process(es) running after its end."
                " They were ended with it."
            )
            await context.find("unit/left-processes", Severity.INFORMATION, message, self._unit)
        return verdict

    def _connect(self, reader: Reader) -> None:
        if self._context.agent.abilities.steering and isinstance(reader, Steered):
            self._context.mail.connect(self._unit.id, reader)

    def _failure(self, verdict: Verdict) -> Failure | None:
        if verdict.kind is None:
            return None
        return Failure(
            verdict.kind,
            verdict.message,
            retryable=verdict.retryable,
            retry_after=verdict.retry_after,
            session=self._session,
        )

    async def _read_answer(self, verdict: Verdict) -> Failure | None:
        try:
            self._answer = await anyio.to_thread.run_sync(answering.read, verdict, self._printed)
        except NoAnswer as error:
            feedback = answering.again(str(error), self._context.briefing.form)
            message = f"the agent's answer cannot be read: {error}"
            return Failure(FailureKind.BAD_ANSWER, message, feedback=feedback, session=self._session)
        return None

    async def _reviewed(self, collected: collect.Collected, *, failed: bool) -> None:
        """Only what it said is taken, whatever it did to files."""
        context, unit = self._context, self._unit
        if collected.changes and not failed:
            message = answering.of_edits(unit.title, [change.path for change in collected.changes])
            await context.find("unit/edits-dropped", Severity.WARNING, message, unit)
        if self._answer is not None and not failed:
            found = await anyio.to_thread.run_sync(answering.findings, context, unit, self._answer)
            summary = self._answer.summary
            context.reuse.heard(unit.id, self._answer)
            await context.emit(run_events.UnitReviewed(context.run, time.time(), unit.id, self._number, summary, found))

    def _unchanged(self, collected: collect.Collected) -> Failure | None:
        """Where edits were expected, an agent that only talked has not done its task."""
        context = self._context
        if collected.commit is not None or context.options.mode != "edit":
            return None
        if context.agent.abilities.edits != "expected":
            return None
        said = f": {self._said}" if self._said else ""
        if self._denied:
            names = ", ".join(dict.fromkeys(self._denied))
            message = f"the agent was not allowed to use {names}, and changed nothing{said}"
            return Failure(FailureKind.PERMISSION_DENIED, message, session=self._session)
        message = f"the agent ended without changing a file{said}"
        return Failure(FailureKind.NO_CHANGE, message, session=self._session)

    async def _verify(self, worktree: Worktree) -> Failure | None:
        ended = await self._run_command(self._unit.verify, worktree, "verify")
        if ended.reason == "exited" and ended.exit == 0:
            return None
        output = ended.tail[-_FEEDBACK_BYTES:].decode("utf-8", "replace")
        return Failure(
            FailureKind.VERIFY_FAILED,
            f"verify failed: {setting_up.told(ended)}",
            retryable=ended.reason != "not-started",
            feedback=prompting.verify_feedback(self._unit.verify, output),
            session=self._session,
        )

    async def _run_command(self, argv: tuple[str, ...], worktree: Worktree, name: str) -> Ended:
        options = self._context.options
        program = working.program_of(argv, worktree.path, options, self._mark, worktree.space)
        room = await self._log_room()
        async with self._telling() as (tail, _):
            return await working.watch(program, options, self._logs / f"{name}.log", tail.feed, log_bytes=room)

    async def _log_room(self) -> int:
        return await anyio.to_thread.run_sync(logs.room, self._context.folders.logs, self._unit.id)

    @contextlib.asynccontextmanager
    async def _telling(self) -> AsyncIterator[tuple[ActivityTail, Teller[Use]]]:
        """Inside, what is heard of a program is told to whoever watches. What the body raises comes out as it is."""
        tail = ActivityTail(self._tell_activity)
        use = Teller(lambda: self._use.total, self._tell_use)
        problem: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(tail.run)
            tasks.start_soon(use.run)
            try:
                yield tail, use
            except Exception as error:  # noqa: BLE001 - raised again below
                # The task group would wrap it, and this is the unit's failure alone.
                problem = error
            tasks.cancel_scope.cancel()
        if problem is not None:
            raise problem

    async def _tell_activity(self, line: str) -> None:
        await self._tell(run_events.AttemptActivity(self._context.run, time.time(), self._unit.id, self._number, line))

    async def _tell_use(self, use: Use) -> None:
        run, unit = self._context.run, self._unit.id
        await self._tell(
            run_events.AttemptUsed(run, time.time(), unit, self._number, use.cost, use.tokens, use.estimated)
        )

    async def _tell(self, event: run_events.Event) -> None:
        try:
            await self._context.emit(event)
        except JournalError as error:
            # Its work is not lost yet: there may be room again by its end.
            if self._context.gate.met(error) is None:
                raise

    async def _collect(self, worktree: Worktree) -> collect.Collected:
        limiter = self._context.collecting
        return await anyio.to_thread.run_sync(self._collect_now, worktree, limiter=limiter)

    def _collect_now(self, worktree: Worktree) -> collect.Collected:
        """The result is a ref before anybody hears of it. Raises FanoutError where base or worktree do not hold."""
        context = self._context
        repository = context.services.repository
        broken = worktrees.intact(repository, worktree)
        if broken is not None:
            raise BrokenWorktree(f"its worktree cannot be trusted any more: {broken}.")
        if refs.read_ref(repository, refs.base_ref(context.run)) != context.base:
            raise BrokenWorktree("the ref of the run's base was changed while it worked, so its result is not taken.")
        message = f"{self._unit.title}\n\nfanout run {context.run}, unit {self._unit.id}, attempt {self._number}"
        known = (*context.options.copy, *context.options.link)
        ref = refs.unit_ref(context.run, self._unit.id)

        def make() -> Made[collect.Collected]:
            collected = collect.collect(repository, worktree, message, known=known, since=self._since())
            oids = [change.new_oid for change in collected.changes if change.new_oid and change.new_mode != GITLINK]
            taken = None if context.reviews else collected.commit
            return Made(collected, {} if taken is None else {ref: taken}, oids)

        return keep(repository, make, f"The result of {self._unit.title}")

    def _since(self) -> str:
        """The commit that the result is the difference to. A unit that is gone on with keeps the one that it had."""
        context, start = self._context, self._place.start
        if start == context.start:
            return start
        return commits.parent(context.services.repository, start) or context.base


class BrokenWorktree(model.FanoutError):
    """The place where an agent worked is not what it was made to be."""
