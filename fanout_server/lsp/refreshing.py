"""Having the editor ask again for what it shows: a few times a second at most, and always for the last state."""

from __future__ import annotations

import contextlib

import anyio

from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session

_EVERY_SECONDS = 0.3
_ANSWER_SECONDS = 5.0


class Refresh:
    """One request of the server's, such as ``workspace/inlayHint/refresh``. ``capability`` says whether it is known."""

    def __init__(self, session: Session, method: str, capability: str) -> None:
        self._session = session
        self._method = method
        self._capability = capability
        self._wanted = False
        self._going = False

    def soon(self) -> None:
        """There is something new. One that the editor has not answered yet is followed by another."""
        if not self._session.capability(self._capability):
            return
        self._wanted = True
        if not self._going:
            self._going = True
            self._session.spawn(self._ask)

    async def _ask(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                # The answer says nothing; what comes next is asked for however this one was answered.
                with contextlib.suppress(TimeoutError, ClientRefused):
                    await self._session.ask(self._method, None, _ANSWER_SECONDS)
                await anyio.sleep(_EVERY_SECONDS)
        finally:
            self._going = False
