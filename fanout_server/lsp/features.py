"""What the server does besides commands: the table of features, registered as far as the client can use them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.client import Client
from fanout_server.lsp.commands import Commands
from fanout_server.lsp.contents import Contents
from fanout_server.lsp.fixes import KIND, Fixes
from fanout_server.lsp.session import Session


class Provider(Protocol):
    """Who has code actions."""

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]: ...

    async def resolve(self, action: types.CodeAction) -> types.CodeAction | None:
        """``None`` for an action that is not this provider's."""
        ...


class Features:
    """The features of one session."""

    def __init__(self, session: Session, commands: Commands) -> None:
        self._diagnostics = commands.watching.diagnostics
        self._contents = Contents(session)
        self.code_actions: list[Provider] = [Fixes(session, commands.watching)]

    def register(self, server: LanguageServer) -> None:
        """What depends on the client follows when it has said what it can do, before it is answered."""
        options = types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix, KIND], resolve_provider=True
        )
        _register(server, types.TEXT_DOCUMENT_CODE_ACTION, self._code_action, options)
        _register(server, types.CODE_ACTION_RESOLVE, self._resolve)

        def initialize(params: types.InitializeParams) -> None:
            client = Client.of(params)
            if client.content:
                _register(server, types.WORKSPACE_TEXT_DOCUMENT_CONTENT, self._contents.content)
            if client.pulls:
                pulled = types.DiagnosticOptions(
                    inter_file_dependencies=True, workspace_diagnostics=True, identifier="fanout"
                )
                _register(server, types.TEXT_DOCUMENT_DIAGNOSTIC, self._diagnostic, pulled)
                _register(server, types.WORKSPACE_DIAGNOSTIC, self._workspace_diagnostic)

        server.feature(types.INITIALIZE)(initialize)

    async def _code_action(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        found = [one for provider in self.code_actions for one in await provider.actions(params)]
        only = params.context.only
        if only is None:
            return found
        return [one for one in found if isinstance(one, types.Command) or _is_of(one.kind, only)]

    async def _resolve(self, action: types.CodeAction) -> types.CodeAction:
        for provider in self.code_actions:
            resolved = await provider.resolve(action)
            if resolved is not None:
                return resolved
        return action

    async def _diagnostic(self, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        return self._diagnostics.report(params.text_document.uri, params.previous_result_id)

    async def _workspace_diagnostic(self, params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        previous = {one.uri: one.value for one in params.previous_result_ids}
        return types.WorkspaceDiagnosticReport(items=self._diagnostics.reports(previous))


def _register(
    server: LanguageServer, method: str, work: Callable[[Any], Awaitable[object]], options: object = None
) -> None:
    async def handler(params: Any) -> object:  # pygls sets attributes, which a bound method has not
        return await work(params)

    server.feature(method, options)(handler)


def _is_of(kind: str | None, only: object) -> bool:
    wanted = [str(getattr(one, "value", one)) for one in only] if isinstance(only, list | tuple) else []
    given = str(getattr(kind, "value", kind))
    return any(given == one or given.startswith(f"{one}.") or one == "" for one in wanted)
