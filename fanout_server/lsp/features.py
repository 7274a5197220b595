"""What the server does besides commands: each method of LSP, and who answers it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.commands import Commands
from fanout_server.lsp.configuring import Configuring
from fanout_server.lsp.forms import RESOLVE, Forms
from fanout_server.lsp.selecting import KIND, Selecting
from fanout_server.lsp.session import Session


class Features:
    def __init__(self, session: Session, commands: Commands) -> None:
        self._configuring = Configuring(session)
        self._forms = Forms(session)
        self.code_actions = [Selecting(session, commands.watching)]

    def register(self, server: LanguageServer) -> None:
        def answer(method: str, handler: Callable[[Any], Any], options: Any = None) -> None:
            # pygls marks what it registers, and a bound method cannot be marked.
            server.feature(method, options)(functools.partial(handler))

        answer(types.INITIALIZED, self._configuring.initialized)
        answer(types.WORKSPACE_DID_CHANGE_CONFIGURATION, self._configuring.configuration_changed)
        answer(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, self._configuring.folders_changed)
        answer(RESOLVE, self._forms.resolve)
        answer(types.TEXT_DOCUMENT_CODE_ACTION, self.actions, types.CodeActionOptions(code_action_kinds=[KIND]))

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        return [action for provider in self.code_actions for action in await provider.actions(params)]
