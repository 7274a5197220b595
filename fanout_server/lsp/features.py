"""What the server does besides commands: each method of LSP, and who answers it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.commands import Commands
from fanout_server.lsp.configuring import Configuring
from fanout_server.lsp.session import Session

if TYPE_CHECKING:
    from fanout_server.lsp.selecting import Selecting

_KIND = "refactor.rewrite.fanout"
_RESOLVE = "command/resolve"


class Features:
    def __init__(self, session: Session, commands: Commands) -> None:
        self._session = session
        self._configuring = Configuring(session)
        self.code_actions = [SelectionActions(session, commands)]

    def register(self, server: LanguageServer) -> None:
        def answer(method: str, handler: Callable[[Any], Any], options: Any = None) -> None:
            # pygls marks what it registers, and a bound method cannot be marked.
            server.feature(method, options)(functools.partial(handler))

        answer(types.INITIALIZED, self._configuring.initialized)
        answer(types.WORKSPACE_DID_CHANGE_CONFIGURATION, self._configuring.configuration_changed)
        answer(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, self._configuring.folders_changed)
        answer(_RESOLVE, self._resolve_command)
        answer(types.TEXT_DOCUMENT_CODE_ACTION, self.actions, types.CodeActionOptions(code_action_kinds=[_KIND]))

    async def _resolve_command(self, params: Any) -> dict[str, Any]:
        from fanout_server.lsp.forms import Forms  # noqa: PLC0415 - few editors have forms

        return await Forms(self._session).resolve(params)

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        return [action for provider in self.code_actions for action in await provider.actions(params)]


class SelectionActions:
    """The provider for selections, loaded when there is one for the first time."""

    def __init__(self, session: Session, commands: Commands) -> None:
        self._session = session
        self._commands = commands
        self._made: Selecting | None = None

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        if self._made is None:
            from fanout_server.lsp.selecting import Selecting  # noqa: PLC0415 - not needed at start

            self._made = Selecting(self._session, self._commands.watching)
        return await self._made.actions(params)
