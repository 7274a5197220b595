"""The LSP features that are about results: their documents, their findings, and what can be done about them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lsprotocol import types

from fanout_server.lsp.contents import Contents
from fanout_server.lsp.fixes import Fixes
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching


class ResultFeatures:
    """Those of one session: ``answers`` by method, and ``fixes``, a provider of code actions."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._diagnostics = watching.diagnostics
        self.fixes = Fixes(session, watching)
        self.answers: Mapping[str, Callable[[Any], Awaitable[Any]]] = {
            types.WORKSPACE_TEXT_DOCUMENT_CONTENT: Contents(session).content,
            types.TEXT_DOCUMENT_DIAGNOSTIC: self._diagnostic,
            types.WORKSPACE_DIAGNOSTIC: self._workspace_diagnostic,
        }

    async def _diagnostic(self, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        return self._diagnostics.report(params.text_document.uri, params.previous_result_id)

    async def _workspace_diagnostic(self, params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        previous = {one.uri: one.value for one in params.previous_result_ids}
        return types.WorkspaceDiagnosticReport(items=self._diagnostics.reports(previous))
