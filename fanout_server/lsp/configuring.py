"""Settings and workspace folders while the session goes on: asked for, and asked for again when they change."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp import configuration, uris
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session

_log = logging.getLogger(__name__)

_SECTION = "fanout"
_ASK_SECONDS = 10.0


class Configuring:
    """Handlers of notifications. What they need of the client they ask for in tasks of their own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked = 0

    def initialized(self) -> None:
        if self._session.client.registers_configuration:
            self._session.spawn(self._register)
        self._refresh()

    async def configuration_changed(self, params: types.DidChangeConfigurationParams) -> None:
        """Some editors send the settings along, and others have to be asked; these send nothing, or anything."""
        if self._session.client.configuration:
            self._refresh()
            return
        said = configuration.pushed(params.settings)
        if said is not None:
            self._session.configuration.change(said, {})

    async def folders_changed(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        """The protocol has changed the list of folders already."""
        self._session.spawn(self._session.leave_folders, [folder.uri for folder in params.event.removed])
        self._refresh()

    def _refresh(self) -> None:
        if self._session.client.configuration:
            self._session.spawn(self._fetch)

    async def _fetch(self) -> None:
        """Asks for the settings; of several answers under way the one that was asked for last counts."""
        self._asked += 1
        mine = self._asked
        session = self._session
        folders = [folder.uri for folder in session.protocol.workspace.folders.values()]
        # A single folder's settings are in the general answer.
        scopes = await anyio.to_thread.run_sync(_real_folders, folders) if len(folders) > 1 else {}
        items = [types.ConfigurationItem(section=_SECTION)]
        items += [types.ConfigurationItem(scope_uri=uri, section=_SECTION) for uri in scopes]
        answer = await self._ask(types.WORKSPACE_CONFIGURATION, types.ConfigurationParams(items))
        values = configuration.answered(answer, len(items))
        if values is None:
            if answer is not None:
                _log.warning("an answer to workspace/configuration that is none: %r", answer)
        elif mine == self._asked:
            session.configuration.change(values[0], dict(zip(scopes.values(), values[1:], strict=True)))

    async def _register(self) -> None:
        options = types.DidChangeConfigurationRegistrationOptions(section=_SECTION)
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        wanted = types.Registration("fanout-configuration", method, options)
        await self._ask(types.CLIENT_REGISTER_CAPABILITY, types.RegistrationParams([wanted]))

    async def _ask(self, method: str, params: Any) -> Any:
        try:
            return await self._session.ask(method, params, _ASK_SECONDS)
        except (TimeoutError, ClientRefused) as error:
            # The settings stay as they are, which is all that can be done about it.
            _log.warning("%s was not answered: %r", method, error)
            return None


def _real_folders(named: list[str]) -> dict[str, Path]:
    """The real path of each folder, by its uri. Blocking."""
    paths = {uri: uris.to_path(uri) for uri in named}
    return {uri: Path(os.path.realpath(path)) for uri, path in paths.items() if path is not None}
