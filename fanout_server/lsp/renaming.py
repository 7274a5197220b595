"""Plan documents that get another name while the editor is open: their runs stay theirs, also after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp import uris
from fanout_server.lsp.session import Session
from fanout_server.model import FanoutError
from fanout_server.planning.sources import source_of
from fanout_server.repo.repository import Repository
from fanout_server.run.engine import Engine
from fanout_server.run.history import JOURNAL


class Renaming:
    """``moved`` hears the path before and the path now of each, when the journal knows it."""

    def __init__(self, session: Session, moved: Callable[[str, str], Awaitable[None]]) -> None:
        self._session = session
        self._moved = moved

    def renamed(self, params: types.RenameFilesParams) -> None:
        named = [(uris.to_path(one.old_uri), uris.to_path(one.new_uri)) for one in params.files]
        self._session.spawn(self._renamed, named)

    async def _renamed(self, files: list[tuple[str | None, str | None]]) -> None:
        for before, now in files:
            if before is None or now is None:
                continue
            for engine in await self._engines(now):
                root = engine.repository.root
                old = await anyio.to_thread.run_sync(source_of, before, root)
                await engine.documents.moved(old, await anyio.to_thread.run_sync(source_of, now, root))
            await self._moved(before, now)

    async def _engines(self, now: str) -> tuple[Engine, ...]:
        """Those that may have runs of it: the open ones, and that of its repository if fanout was ever used there."""
        folder = Path(now).parent
        if await anyio.to_thread.run_sync(_has_journal, folder):
            await self._session.engine_at(folder)
        return self._session.engines.opened()


def _has_journal(folder: Path) -> bool:
    try:
        return Repository.discover(folder).has_state(JOURNAL)
    except FanoutError:
        # It lies in no repository, so no run is of it.
        return False
