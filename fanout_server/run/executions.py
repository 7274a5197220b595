"""The runs that this process works on, and what other processes wish of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import anyio
import anyio.abc
import anyio.to_thread

from fanout_server import model, run_events
from fanout_server.model import Plan
from fanout_server.repo import objects
from fanout_server.run import reuse
from fanout_server.run.execution import Execution
from fanout_server.run.journal import JournalError
from fanout_server.run.services import Services
from fanout_server.tasks import spawn

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.3


class Executions:
    """Of one engine. ``tasks`` is where the runs go on."""

    def __init__(self, services: Services, tasks: anyio.abc.TaskGroup) -> None:
        self._services = services
        self._tasks = tasks
        self._executions: dict[str, Execution] = {}

    def __contains__(self, run: str) -> bool:
        return run in self._executions

    @property
    def busy(self) -> bool:
        """Whether a run goes on."""
        return bool(self._executions)

    def get(self, run: str) -> Execution | None:
        return self._executions.get(run)

    def begin(
        self,
        run: str,
        plan: Plan,
        work: Callable[[Execution], Awaitable[None]],
        failed: Callable[[model.FanoutError], None],
    ) -> Execution:
        """Does the ``work`` in the background. ``failed`` hears why, if it could not even begin.

        Raises FanoutError where the engine ends.
        """
        execution = Execution(self._services, run, plan)
        if not spawn(self._tasks, self._own, execution, work, failed):
            raise model.FanoutError(f"fanout is shutting down, so nothing of run {run} was started.")
        self._executions[run] = execution
        return execution

    async def wait_over(self, run: str) -> None:
        """Until nothing of the run goes on here any more."""
        execution = self._executions.get(run)
        if execution is not None:
            await execution.over.wait()

    async def record(self, event: run_events.Event) -> None:
        """Writes down what happened to a run beside its execution, if it has one here, and tells of it."""
        execution = self._executions.get(event.run)
        with anyio.CancelScope(shield=True):
            if execution is not None and execution.view is not None:
                await execution.record(event)
                return
            await self._services.journal.append(event)
        self._services.publish(event)

    async def watch_cancellations(self) -> None:
        """Other processes leave their wishes in the journal. Never ends."""
        while True:
            mine = [run for run, execution in self._executions.items() if not execution.over.is_set()]
            try:
                wishes = await self._services.journal.take_cancellations(mine) if mine else ()
            except JournalError as error:
                _log.warning("%s", error)
                wishes = ()
            for wish in wishes:
                if wish.run in self._executions:
                    self._executions[wish.run].cancel(wish.units)
            await anyio.sleep(_POLL_SECONDS)

    async def _own(
        self,
        execution: Execution,
        work: Callable[[Execution], Awaitable[None]],
        failed: Callable[[model.FanoutError], None],
    ) -> None:
        """A run's failure is its own: it never takes the engine, and so the other runs, with it."""
        try:
            await work(execution)
        except (model.FanoutError, OSError) as error:
            failed(error if isinstance(error, model.FanoutError) else model.FanoutError(str(error)))
        except Exception:  # noqa: BLE001  logged, with its traceback
            _log.exception("run %s broke", execution.run)
            failed(model.FanoutError(f"Run {execution.run} broke on an error of fanout's own; its log says more."))
        finally:
            execution.over.set()
            del self._executions[execution.run]
            # It takes its time, and only the engine's own end waits for it.
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(objects.of(self._services.repository).sweep_packs)
                await anyio.to_thread.run_sync(reuse.shrink, self._services.kept_results, execution.options)
