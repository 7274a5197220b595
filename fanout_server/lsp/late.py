"""The session and all that it needs, loaded once ``initialize`` is answered: editors wait for that answer.

What arrives meanwhile is kept waiting, in its order, and can be cancelled like anything else.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp.capabilities import COMMANDS
from fanout_server.lsp.protocol import Protocol

if TYPE_CHECKING:
    from fanout_server.lsp.commands import Commands
    from fanout_server.lsp.session import Session


class Late:
    """One connection's session. ``tasks`` owns the loading, and then all that the session starts.

    ``loaded`` are called with the session and its commands before anything that waits for them goes on: what answers
    more than commands is announced without them, and attaches itself here.
    """

    def __init__(self, protocol: Protocol, tasks: anyio.abc.TaskGroup) -> None:
        self._protocol = protocol
        self._tasks = tasks
        self._ready = anyio.Event()
        self._closing = False
        self._session: Session | None = None
        self._commands: Commands | None = None
        self.loaded: list[Callable[[Session, Commands], None]] = []
        for name in COMMANDS:
            # pygls only reads their names; they are run by ``execute``.
            protocol.fm.commands[name] = None

    def initialized(self, params: types.InitializeParams) -> None:
        """``initialize`` is being answered."""
        self._tasks.start_soon(self._load, params)

    async def ready(self) -> None:
        """Until the session is there. Cancelled with the request that waits, at the latest when the server ends."""
        await self._ready.wait()

    async def execute(self, name: str, arguments: Sequence[Any] | None) -> Any:
        """See ``Commands.execute``."""
        await self.ready()
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
        for attach in self.loaded:
            attach(self._session, self._commands)
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
