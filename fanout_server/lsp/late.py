"""The session and all that it needs, loaded once ``initialize`` is answered: editors wait for that answer.

What arrives meanwhile is kept waiting, in its order, and can be cancelled like anything else.
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp.capabilities import COMMANDS, FEATURES
from fanout_server.lsp.protocol import Protocol

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

    from fanout_server.lsp.commands import Commands
    from fanout_server.lsp.session import Session

Handler = Callable[[Any], Any]


class Handlers:
    """Takes handlers as ``LanguageServer.feature`` does, by method."""

    def __init__(self) -> None:
        self.by_method: dict[str, Handler] = {}

    def feature(self, method: str, options: Any = None) -> Callable[[Handler], Handler]:
        """``options`` were told to the editor long ago; see ``lsp/capabilities.py``."""
        del options

        def register(handler: Handler) -> Handler:
            self.by_method[method] = handler
            return handler

        return register


class Late:
    """One connection's session. ``tasks`` owns the loading, and then all that the session starts."""

    def __init__(self, server: LanguageServer, protocol: Protocol, tasks: anyio.abc.TaskGroup) -> None:
        self._protocol = protocol
        self._tasks = tasks
        self._ready = anyio.Event()
        self._closing = False
        self._session: Session | None = None
        self._commands: Commands | None = None
        # What is loaded registers here.
        self.handlers = Handlers()
        for name in COMMANDS:
            # pygls only reads their names; they are run by ``execute``.
            protocol.fm.commands[name] = None
        for method, options in FEATURES.items():
            server.feature(method, options)(self._handler(method))

    def initialized(self, params: types.InitializeParams) -> None:
        """``initialize`` is being answered."""
        self._tasks.start_soon(self._load, params)

    async def execute(self, name: str, arguments: Sequence[Any] | None) -> Any:
        """See ``Commands.execute``."""
        await self._ready.wait()
        if self._commands is None:
            raise RuntimeError("a command is executed although the session has ended")
        return await self._commands.execute(name, arguments)

    def cancel_progress(self, token: types.ProgressToken) -> None:
        """The button of a progress was pressed; before there are any, that of none of ours."""
        if self._commands is not None:
            self._commands.watching.progresses.cancel(token)

    async def close(self) -> None:
        """See ``Session.close``."""
        self._closing = True
        if self._session is not None:
            await self._session.close()

    def _handler(self, method: str) -> Handler:
        async def handle(params: Any) -> Any:
            await self._ready.wait()
            result = self.handlers.by_method[method](params)
            return await result if inspect.isawaitable(result) else result

        return handle

    async def _load(self, params: types.InitializeParams) -> None:
        make = await anyio.to_thread.run_sync(_import)
        if not gc.isenabled():
            # All that was loaded stays. Looking through it for garbage each time would stop the loop for a while.
            gc.freeze()
            gc.enable()
        if self._closing:
            return
        self._session, self._commands = make(self._protocol, self._tasks)
        self._session.initialized(params)
        self._ready.set()
        # Whoever listens to documents has missed what was opened meanwhile.
        self._protocol.documents.announce()


def _import() -> Callable[[Protocol, anyio.abc.TaskGroup], tuple[Session, Commands]]:
    """Blocking. Returns the way to make what was loaded."""
    from fanout_server.lsp.commands import Commands  # noqa: PLC0415
    from fanout_server.lsp.session import Session  # noqa: PLC0415

    def make(protocol: Protocol, tasks: anyio.abc.TaskGroup) -> tuple[Session, Commands]:
        session = Session(protocol, tasks)
        return session, Commands(session)

    return make
