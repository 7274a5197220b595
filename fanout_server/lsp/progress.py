"""Progress in the editor that the server begins, with a way to cancel: one token for each run, used once."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Callable

from lsprotocol import types

from fanout_server.lsp.protocol import ClientRefused, Protocol

_CREATE_SECONDS = 5.0


class Progress:
    """Made by ``Progresses.shown``. ``message`` ends it with, where it is set."""

    def __init__(self, send: Callable[[types.WorkDoneProgressBegin | types.WorkDoneProgressReport], None]) -> None:
        self._send = send
        self._last: tuple[str, int | None] = ("", None)
        self.message = ""

    def report(self, message: str, percentage: int | None) -> None:
        """Sends what is new."""
        if (message, percentage) != self._last:
            self._last = (message, percentage)
            self._send(types.WorkDoneProgressReport(message=message, percentage=percentage, cancellable=True))


class Progresses:
    """All progress of one session."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._cancels: dict[types.ProgressToken, Callable[[], None]] = {}

    def cancel(self, token: types.ProgressToken) -> None:
        """The user pressed the button. One that is over already is left alone."""
        cancel = self._cancels.get(token)
        if cancel is not None:
            cancel()

    @contextlib.asynccontextmanager
    async def shown(self, title: str, cancel: Callable[[], None], *, supported: bool) -> AsyncIterator[Progress]:
        """Progress for as long as the block lasts; it is ended however the block is left."""
        token = f"fanout/{uuid.uuid4()}"
        if not supported or not await self._create(token):
            yield Progress(lambda _: None)
            return

        def send(value: object) -> None:
            self._protocol.notify(types.PROGRESS, types.ProgressParams(token=token, value=value))

        self._cancels[token] = cancel
        send(types.WorkDoneProgressBegin(title=title, cancellable=True, percentage=0))
        progress = Progress(send)
        try:
            yield progress
        finally:
            del self._cancels[token]
            send(types.WorkDoneProgressEnd(message=progress.message or None))

    async def _create(self, token: str) -> bool:
        params = types.WorkDoneProgressCreateParams(token=token)
        try:
            await self._protocol.ask(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params, _CREATE_SECONDS)
        except (TimeoutError, ClientRefused):
            return False
        return True
