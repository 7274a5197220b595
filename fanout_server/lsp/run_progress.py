"""The progress of a run, in the editor, from its start to its end; and how it is cancelled from there."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection

import anyio

from fanout_server import run_events
from fanout_server.lsp.progress import Progress, Progresses
from fanout_server.lsp.session import Session
from fanout_server.model import Finding, RunState, RunView
from fanout_server.run.engine import Engine
from fanout_server.run.state import progress_line
from fanout_server.run.views import UnknownRun

_REFRESH_SECONDS = 0.2
_POLL_SECONDS = 0.05
_LONGEST_TITLE = 60


class RunProgress:
    """Of one session. ``goes_on`` says whether a run is watched, ``publish`` is called where it has new findings."""

    def __init__(
        self,
        session: Session,
        goes_on: Callable[[str], bool],
        publish: Callable[[Engine, RunView], Awaitable[None]],
    ) -> None:
        self._session = session
        self._goes_on = goes_on
        self._publish = publish
        self.progresses = Progresses(session.protocol)

    async def show(self, engine: Engine, run: str, instruction: str) -> RunView:
        """Returns the run as it is at its end. Raises UnknownRun where it could not begin."""

        def cancel() -> None:
            self._session.spawn(self.cancel, engine, run)

        supported = self._session.client.progress
        async with self.progresses.shown(f"fanout: {title_of(instruction)}", cancel, supported=supported) as progress:
            progress.message = "interrupted"
            async with anyio.create_task_group() as updates:
                updates.start_soon(self._update, engine, run, progress)
                await engine.wait_over(run)
                updates.cancel_scope.cancel()
            view = await engine.view(run)
            if view.state is not RunState.INTERRUPTED:
                progress.message = f"{view.state}: {progress_line(view)}"
        return view

    async def _update(self, engine: Engine, run: str, progress: Progress) -> None:
        known: tuple[Finding, ...] = ()
        changed = anyio.Event()

        def listen(event: run_events.Event) -> None:
            if event.run == run:
                changed.set()

        stop = engine.subscribe(listen)
        try:
            while True:
                with contextlib.suppress(UnknownRun):  # its base is still being taken
                    view = await engine.view(run)
                    ended = sum(unit.state.ended for unit in view.units)
                    progress.report(progress_line(view), 100 * ended // max(1, len(view.units)))
                    if view.findings != known:
                        known = view.findings
                        await self._publish(engine, view)
                await anyio.sleep(_REFRESH_SECONDS)
                await changed.wait()
                changed = anyio.Event()
        finally:
            stop()

    async def cancel(self, engine: Engine, run: str, units: Collection[str] | None = None) -> None:
        """Cancels a run, one that was just launched as soon as there is something to cancel. Raises FanoutError."""
        while True:
            try:
                await engine.cancel(run, units)
            except UnknownRun:
                # Its base is still being taken.
                if not self._goes_on(run):
                    return
                await anyio.sleep(_POLL_SECONDS)
            else:
                return


def title_of(instruction: str) -> str:
    """Its first line, shortened."""
    first = next((line.strip() for line in instruction.splitlines() if line.strip()), "run")
    return first if len(first) <= _LONGEST_TITLE else first[: _LONGEST_TITLE - 1] + "…"
