"""Formatting of a plan document: edits that bring it into its normal form."""

from __future__ import annotations

import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.planning import normal_form


class PlanFormat:
    def __init__(self, plans: PlanWatch) -> None:
        self._plans = plans

    async def format(self, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        documents = self._plans.documents
        text = await documents.read(params.text_document.uri)
        if text is None:
            return None
        return await anyio.to_thread.run_sync(_edits, text, limiter=documents.limiter)


def _edits(text: PlanText) -> list[types.TextEdit]:
    return [types.TextEdit(text.span(one.start, one.end), one.text) for one in normal_form.changes(text.parsed)]
