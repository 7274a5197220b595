"""What the server does besides commands: the table of features, registered as far as the client can use them."""

from __future__ import annotations

from typing import Any, Protocol

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.commands import Commands
from fanout_server.lsp.result_features import ACTION_KINDS, ResultFeatures
from fanout_server.lsp.session import Session

CodeActions = list[types.CodeAction | types.Command]


class Provider(Protocol):
    """Who has code actions to offer. Asked for every document."""

    async def actions(self, params: types.CodeActionParams) -> CodeActions: ...

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """The action as it is, where it is not this provider's."""
        ...


class Features:
    """The features of one session. ``code_actions`` are asked in order, their answers added up."""

    def __init__(self, session: Session, commands: Commands) -> None:
        self._results = ResultFeatures(session, commands.watching)
        self.code_actions: list[Provider] = [self._results.fixes]

    def register(self, server: LanguageServer) -> None:
        """To be called once, before the client's first message."""

        def initialize(params: types.InitializeParams) -> None:
            self._results.register(server, params)

        async def actions(params: types.CodeActionParams) -> CodeActions:
            found = [one for provider in self.code_actions for one in await provider.actions(params)]
            only = [str(getattr(kind, "value", kind)) for kind in params.context.only or ()]
            return [one for one in found if _is_wanted(one, only)]

        async def resolve(action: types.CodeAction) -> types.CodeAction:
            for provider in self.code_actions:
                action = await provider.resolve(action)
            return action

        options: Any = types.CodeActionOptions(code_action_kinds=ACTION_KINDS, resolve_provider=True)
        server.feature(types.INITIALIZE)(initialize)
        server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)(actions)
        server.feature(types.CODE_ACTION_RESOLVE)(resolve)


def _is_wanted(action: types.CodeAction | types.Command, only: list[str]) -> bool:
    """Kinds are hierarchical: who asks for ``refactor`` wants ``refactor.rewrite`` too."""
    if not only:
        return True
    if isinstance(action, types.Command) or action.kind is None:
        return False
    kind = str(getattr(action.kind, "value", action.kind))
    return any(kind == one or kind.startswith(f"{one}.") or not one for one in only)
