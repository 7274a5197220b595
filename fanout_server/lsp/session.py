"""One connected editor: what it can do, what it has open, the engines it uses, and how it is spoken to."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import anyio.abc
import anyio.to_thread
from lsprotocol import types

from fanout_server import codec, model, run_events
from fanout_server.lsp import uris
from fanout_server.lsp.client import Client, capability
from fanout_server.lsp.configuration import Configuration
from fanout_server.lsp.documents import Documents
from fanout_server.lsp.engines import Engines
from fanout_server.lsp.protocol import Protocol
from fanout_server.run.engine import Engine
from fanout_server.run.views import UnknownRun
from fanout_server.tasks import spawn

_log = logging.getLogger(__name__)


class Session:
    """``tasks`` outlives every request; what is started in it ends with the session."""

    def __init__(self, protocol: Protocol, tasks: anyio.abc.TaskGroup) -> None:
        self.protocol = protocol
        self.tasks = tasks
        self.client = Client()
        self.engines = Engines(tasks, self._opened)
        self.configuration = Configuration(self.warn)
        # Called with what other processes do with the repositories' runs.
        self.of_others: list[Callable[[Engine, run_events.Event], None]] = []
        self._closing = False
        # Top folders of repositories that are in the workspace no more; nothing was asked about them since.
        self._left: set[Path] = set()
        # The real path of each workspace folder -> how the editor spells it: names we send back are spelled alike.
        self._spelled: dict[str, str] = {}

    @property
    def documents(self) -> Documents:
        return self.protocol.documents

    def capability(self, path: str) -> Any:
        """See ``client.capability``."""
        return capability(self.protocol.client_capabilities, path)

    def initialized(self, params: types.InitializeParams) -> None:
        self.client = Client.of(params)
        self.configuration.begin(params.initialization_options)

    async def close(self) -> None:
        """Ends all runs, which stay resumable. What goes wrong from now on is logged, and not shown any more."""
        self._closing = True
        await self.engines.close()

    @property
    def closing(self) -> bool:
        """Whether the editor has ended the session: nothing is asked of it or told to it any more."""
        return self._closing

    def spawn(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        """Starts work that nobody waits for. What goes wrong with it is told to the user, and ends nothing else.

        Nothing is started while the session ends.
        """
        spawn(self.tasks, self._guarded, work, args)

    async def _guarded(self, work: Callable[..., Awaitable[None]], args: tuple[object, ...]) -> None:
        try:
            await work(*args)
        except Exception as error:  # noqa: BLE001 - as said above
            self.report(error)

    # The workspace.

    def folders(self) -> tuple[str, ...]:
        """The workspace folders' absolute paths, as the editor spells them."""
        workspace = self.protocol.workspace
        named = [uris.to_path(uri) for uri in (folder.uri for folder in workspace.folders.values())]
        if not named and workspace.root_uri:
            named = [uris.to_path(workspace.root_uri)]
        return tuple(dict.fromkeys(path for path in named if path is not None))

    def uri_of(self, root: str | Path, path: str) -> str:
        """The uri of a path in the checkout at ``root``, spelled as the editor does where it is known."""
        real = path if path.startswith("/") else f"{root}/{path}"
        for folder, spelled in self._spelled.items():
            if real.startswith(f"{folder}/"):
                real = spelled + real[len(folder) :]
                break
        uri = uris.from_path(real)
        document = self.documents.get(uri)
        return uri if document is None else document.uri

    async def engine_at(self, path: Path) -> Engine:
        """Raises FanoutError where ``path`` lies in no repository."""
        await anyio.to_thread.run_sync(self._learn_spelling)
        engine = await self.engines.at(path)
        self._left.discard(engine.repository.root)
        return engine

    async def engine_of_run(self, run: str) -> Engine:
        """The engine that knows the run, those of all workspace folders opened if need be. Raises UnknownRun."""
        try:
            return await self.engines.of_run(run)
        except UnknownRun:
            await self.open_folders()
            return await self.engines.of_run(run)

    async def open_folders(self) -> tuple[Engine, ...]:
        """The engines of all workspace folders that lie in a repository, and of others that were asked about.

        One whose folders have left the workspace is among them as long as it has something going on.
        """
        for folder in self.folders():
            try:
                await self.engine_at(Path(folder))
            except model.FanoutError as error:
                _log.info("%s", error)
        return tuple(
            engine for engine in self.engines.opened() if engine.busy or engine.repository.root not in self._left
        )

    async def leave_folders(self, named: Collection[str]) -> None:
        """These folders are in the workspace no more. What goes on in their repositories goes on."""
        left, kept = [uris.to_path(uri) for uri in named], self.folders()
        gone, present = await anyio.to_thread.run_sync(lambda: (_real_folders(left), _real_folders(kept)))
        for engine in self.engines.opened():
            root = engine.repository.root
            if _concerns(root, gone) and not _concerns(root, present):
                self._left.add(root)

    def _learn_spelling(self) -> None:
        folders = {os.path.realpath(folder): folder for folder in self.folders()}
        # The innermost folder first: its spelling is the nearest.
        self._spelled = dict(sorted(folders.items(), key=lambda item: -len(item[0])))

    def _opened(self, engine: Engine) -> None:
        if self.client.events:
            engine.subscribe(self._send_event)
        engine.follow_others(functools.partial(self._of_others, engine))

    def _of_others(self, engine: Engine, event: run_events.Event) -> None:
        for hear in self.of_others:
            hear(engine, event)

    def _send_event(self, event: run_events.Event) -> None:
        self.protocol.notify("fanout/event", codec.event_to_dict(event))

    # Speaking to the user.

    def info(self, text: str) -> None:
        self._show(types.MessageType.Info, text)

    def warn(self, text: str) -> None:
        self._show(types.MessageType.Warning, text)

    def error(self, text: str) -> None:
        self._show(types.MessageType.Error, text)

    def report(self, error: Exception) -> None:
        """An error that no request waits for any more."""
        if self._closing:
            _log.info("at the end: %s", error)
        elif isinstance(error, model.FanoutError):
            self.error(str(error))
        else:
            _log.error("an error of fanout's own", exc_info=error)
            self.error("fanout broke on an error of its own; its log says more.")

    def _show(self, kind: types.MessageType, text: str) -> None:
        if self._closing:
            _log.info("at the end: %s", text)
            return
        self.protocol.notify(types.WINDOW_SHOW_MESSAGE, types.ShowMessageParams(type=kind, message=text))

    async def ask(self, method: str, params: Any, timeout: float, before: Callable[[], None] | None = None) -> Any:
        """See ``Protocol.ask``."""
        return await self.protocol.ask(method, params, timeout, before)


def _real_folders(paths: Iterable[str | None]) -> tuple[Path, ...]:
    """Blocking."""
    return tuple(Path(os.path.realpath(path)) for path in paths if path is not None)


def _concerns(root: Path, folders: Iterable[Path]) -> bool:
    """Whether a folder is the repository's, lies in it, or holds it."""
    return any(root.is_relative_to(folder) or folder.is_relative_to(root) for folder in folders)
