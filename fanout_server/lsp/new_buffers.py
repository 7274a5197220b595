"""Buffers with a text, of a file that is yet to be made. Some editors tell of one as if it had been saved like this."""

from __future__ import annotations

import os

import anyio
import anyio.to_thread

from fanout_server.lsp.documents import Document
from fanout_server.lsp.session import Session

_AT_A_TIME = 4


class NewBuffers:
    """Looks for the file of each document that is opened. One that is not there was not removed: it never was."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._limiter = anyio.CapacityLimiter(_AT_A_TIME)
        session.documents.on_open.append(self._opened)

    def _opened(self, document: Document) -> None:
        if document.path is not None and document.text.strip("\r\n"):
            self._session.spawn(self._look, document, document.path)

    async def _look(self, document: Document, path: str) -> None:
        if not await anyio.to_thread.run_sync(os.path.lexists, path, limiter=self._limiter):
            self._session.documents.never_saved(document)
