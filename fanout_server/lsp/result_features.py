"""The LSP features that are about results: their documents, their findings, and what can be done about them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.client import Client
from fanout_server.lsp.contents import Contents
from fanout_server.lsp.fixes import KIND, Fixes
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching

ACTION_KINDS = (types.CodeActionKind.QuickFix, KIND)


class ResultFeatures:
    """Those of one session. ``fixes`` is a provider of code actions."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._diagnostics = watching.diagnostics
        self._contents = Contents(session)
        self.fixes = Fixes(session, watching)

    def register(self, server: LanguageServer, params: types.InitializeParams) -> None:
        """To be called when the client has said what it can do, before it is answered: others are offered nothing."""
        client = Client.of(params)
        if client.content:
            _add(server, types.WORKSPACE_TEXT_DOCUMENT_CONTENT, self._contents.content)
        if client.pulls:
            options = types.DiagnosticOptions(
                inter_file_dependencies=True, workspace_diagnostics=True, identifier="fanout"
            )
            _add(server, types.TEXT_DOCUMENT_DIAGNOSTIC, self._diagnostic, options)
            _add(server, types.WORKSPACE_DIAGNOSTIC, self._workspace_diagnostic)

    async def _diagnostic(self, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        return self._diagnostics.report(params.text_document.uri, params.previous_result_id)

    async def _workspace_diagnostic(self, params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        previous = {one.uri: one.value for one in params.previous_result_ids}
        return types.WorkspaceDiagnosticReport(items=self._diagnostics.reports(previous))


def _add(
    server: LanguageServer, method: str, answer: Callable[[Any], Awaitable[object]], options: object = None
) -> None:
    async def answered(params: Any) -> object:  # pygls puts marks on what it is given, and a method takes none
        return await answer(params)

    server.feature(method, options)(answered)
