"""One engine for each repository that the session touches, opened on first use, each in a task of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
from attrs import Factory, define

from fanout_server import model
from fanout_server.repo.repository import Repository
from fanout_server.run.engine import Engine
from fanout_server.run.shared import Shared
from fanout_server.run.views import UnknownRun
from fanout_server.tasks import spawn

_log = logging.getLogger(__name__)

_CLOSE_SECONDS = 20.0


@define(eq=False)
class _Host:
    """An engine must be opened and closed by the same task; this is that task's state."""

    root: Path
    scope: anyio.CancelScope = Factory(anyio.CancelScope)
    ready: anyio.Event = Factory(anyio.Event)
    ended: anyio.Event = Factory(anyio.Event)
    engine: Engine | None = None
    error: model.FanoutError | None = None


class Engines:
    """``opened`` hears of each new engine before anybody can use it."""

    def __init__(self, tasks: anyio.abc.TaskGroup, opened: Callable[[Engine], None]) -> None:
        self._tasks = tasks
        self._opened = opened
        self._hosts: dict[Path, _Host] = {}
        self._shared = Shared()
        self._closing = False

    def opened(self) -> tuple[Engine, ...]:
        return tuple(host.engine for host in self._hosts.values() if host.engine is not None)

    async def at(self, path: Path) -> Engine:
        """The engine of the repository that ``path`` lies in. Raises FanoutError where there is none."""
        repository = await anyio.to_thread.run_sync(Repository.discover, path)
        host = self._hosts.get(repository.root)
        if host is None:
            host = _Host(repository.root)
            if self._closing or not spawn(self._tasks, self._run, host):
                raise model.FanoutError("The server is shutting down.")
            self._hosts[repository.root] = host
        await host.ready.wait()
        if host.engine is None:
            raise host.error or model.FanoutError(f"{path}: fanout could not open this repository; its log says more.")
        return host.engine

    async def of_run(self, run: str) -> Engine:
        """The open engine that knows the run. Raises UnknownRun."""
        for engine in self.opened():
            try:
                await engine.view(run)
            except UnknownRun:
                continue
            return engine
        raise UnknownRun(f"There is no run {run} in this workspace. The command fanout.status lists the runs.")

    async def close(self) -> None:
        """Ends all runs, which stay resumable, and waits until that is done; no engine is opened any more."""
        self._closing = True
        hosts = tuple(self._hosts.values())
        for host in hosts:
            host.scope.cancel()
        with anyio.move_on_after(_CLOSE_SECONDS):
            for host in hosts:
                await host.ended.wait()

    async def _run(self, host: _Host) -> None:
        """An engine that breaks takes neither the session nor the other engines with it."""
        try:
            with host.scope:
                async with Engine.open(host.root, shared=self._shared) as engine:
                    self._opened(engine)
                    host.engine = engine
                    host.ready.set()
                    await anyio.sleep_forever()
        except Exception as error:  # noqa: BLE001 - told to whoever asks for the engine, or logged
            host.error = next(_mendable(error), None)
            if host.error is None:
                _log.exception("the engine of %s broke", host.root)
        finally:
            host.engine = None
            self._hosts.pop(host.root, None)
            host.ready.set()
            host.ended.set()


def _mendable(error: BaseException) -> Iterator[model.FanoutError]:
    if isinstance(error, model.FanoutError):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _mendable(inner)
