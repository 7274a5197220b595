"""A run's diff, logs, prompts and report are shown: as documents of ours where the editor knows such, else as files."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence

import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp import readonly, uris
from fanout_server.lsp.contents import Place
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session
from fanout_server.model import FanoutError
from fanout_server.run.engine import Engine

_SHOW_SECONDS = 10.0
_ENDINGS = {"diff": "diff", "log": "log", "report": "md", "sarif": "json", "prompt": "txt"}


async def show(session: Session, engine: Engine, run: str, unit: str | None, what: str) -> str:
    """Opens it in the editor; a folder is only named. Returns its uri. Raises FanoutError."""
    if what == "folder":
        if unit is None:
            raise FanoutError("A folder is of one unit. Say which with 'unit'.")
        place = await engine.open_folder(run, unit)
        session.info(f"The work of unit {unit} is in {place}")
        return uris.from_path(str(place))
    # Also where the editor will ask for it: what is wrong is better said now than in a document.
    text = await engine.show(run, unit, what)
    if session.client.content:
        uri = Place(run, unit, what).uri
        session.spawn(_open, session, uri, f"It is the document {uri}")
        return uri
    name = f"{unit or 'run'}.{what}.{_ENDINGS[what]}"
    return await _show_file(session, (engine.repository.key, run, name), text)


async def show_text(session: Session, engine: Engine, name: str, text: str) -> str:
    """Opens a text of ours that is of no run, as a read-only file. Returns its uri."""
    return await _show_file(session, (engine.repository.key, name), text)


async def _show_file(session: Session, parts: Sequence[str], text: str) -> str:
    path = await anyio.to_thread.run_sync(functools.partial(readonly.write, *parts, text=text))
    uri = uris.from_path(str(path))
    session.spawn(_open, session, uri, f"Written to {path}")
    return uri


async def _open(session: Session, uri: str, otherwise: str) -> None:
    """``otherwise`` is told to the user where the editor cannot open it."""
    if session.client.show_document:
        params = types.ShowDocumentParams(uri=uri, take_focus=True)
        with contextlib.suppress(TimeoutError, ClientRefused):
            answer = await session.ask(types.WINDOW_SHOW_DOCUMENT, params, _SHOW_SECONDS)
            # Some editors answer null and show it all the same.
            if answer is None or answer.success:
                return
    session.info(otherwise)
