"""A run's diff, logs, prompts and report as documents in the editor: read-only files in our state folder."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

import anyio.to_thread
from lsprotocol import types

from fanout_server import settings
from fanout_server.lsp import uris
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session
from fanout_server.model import FanoutError
from fanout_server.run.engine import Engine

_SHOW_SECONDS = 10.0
_ENDINGS = {"diff": "diff", "log": "log", "report": "md", "prompt": "txt"}


async def show(session: Session, engine: Engine, run: str, unit: str | None, what: str) -> str:
    """Writes it to a file and opens that in the editor; a folder is only named. Returns its uri. Raises FanoutError."""
    if what == "folder":
        if unit is None:
            raise FanoutError("A folder is of one unit. Say which with 'unit'.")
        place = await engine.open_folder(run, unit)
        session.info(f"The work of unit {unit} is in {place}")
        return uris.from_path(str(place))
    text = await engine.show(run, unit, what)
    folder = settings.state_root() / "shown" / engine.repository.key / run
    name = f"{unit or 'run'}.{what}.{_ENDINGS[what]}"
    path = await anyio.to_thread.run_sync(_write, folder, name, text)
    uri = uris.from_path(str(path))
    session.spawn(_open, session, uri, path)
    return uri


async def show_text(session: Session, engine: Engine, name: str, text: str) -> str:
    """Opens a text of ours that is of no run, as a read-only file. Returns its uri."""
    folder = settings.state_root() / "shown" / engine.repository.key
    path = await anyio.to_thread.run_sync(_write, folder, name, text)
    uri = uris.from_path(str(path))
    session.spawn(_open, session, uri, path)
    return uri


async def _open(session: Session, uri: str, path: Path) -> None:
    if session.client.show_document:
        params = types.ShowDocumentParams(uri=uri, take_focus=True)
        with contextlib.suppress(TimeoutError, ClientRefused):
            answer = await session.ask(types.WINDOW_SHOW_DOCUMENT, params, _SHOW_SECONDS)
            # Some editors answer null and show it all the same.
            if answer is None or answer.success:
                return
    session.info(f"Written to {path}")


def _write(folder: Path, name: str, text: str) -> Path:
    """Replaces what an earlier call wrote, at once: an editor may be reading it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / re.sub(r"[^A-Za-z0-9._-]", "_", name)
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            os.fchmod(descriptor, 0o400)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    return path
