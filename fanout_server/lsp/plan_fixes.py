"""Quick fixes for what preflight says of a plan document: put its units in order, or leave one out."""

from __future__ import annotations

from collections.abc import Iterator

import anyio.to_thread
from lsprotocol import types

from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_outlook import Outlook
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.lsp.session import Session
from fanout_server.model import Finding

_DEPENDS = "preflight/unit-depends"
_DROPPABLE = frozenset({_DEPENDS, "preflight/shared-file", "preflight/co-change", "preflight/too-small"})
_ORDER = "order: depends"


class PlanFixes:
    """A provider of code actions."""

    def __init__(self, session: Session, plans: PlanWatch) -> None:
        self._session = session
        self._plans = plans

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """Of the findings on these lines. Those that are still being looked for are waited for no longer."""
        outlook = self._plans.outlooks.known(params.text_document.uri)
        if outlook is None or not self._session.client.action_literals:
            return []
        return await anyio.to_thread.run_sync(self._actions, outlook, params, limiter=self._plans.documents.limiter)

    def _actions(self, outlook: Outlook, params: types.CodeActionParams) -> list[types.CodeAction]:
        found: dict[str, types.CodeAction] = {}
        for finding in (*outlook.draft.findings, *outlook.expected()):
            if finding.range is None or not _touches(outlook.text.place(finding.range), params.range):
                continue
            shown = [one for one in params.context.diagnostics if one.code == finding.code]
            for title, edit in _fixes(outlook, finding):
                found.setdefault(title, self._action(outlook.text, title, edit, shown))
        return list(found.values())

    def _action(
        self, text: PlanText, title: str, edit: types.TextEdit, shown: list[types.Diagnostic]
    ) -> types.CodeAction:
        document = text.document
        if self._session.client.document_changes:
            named = types.OptionalVersionedTextDocumentIdentifier(uri=document.uri, version=document.version)
            made = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(text_document=named, edits=[edit])])
        else:
            made = types.WorkspaceEdit(changes={document.uri: [edit]})
        kind = types.CodeActionKind.QuickFix
        return types.CodeAction(title=f"fanout: {title}", kind=kind, diagnostics=shown or None, edit=made)


def _fixes(outlook: Outlook, finding: Finding) -> Iterator[tuple[str, types.TextEdit]]:
    plan = outlook.draft.plan
    if finding.code == _DEPENDS and plan is not None and plan.options.order != "depends":
        edit = _order(outlook.text)
        if edit is not None:
            yield "Order the units: those that need others start from their results", edit
    if finding.code in _DROPPABLE and finding.range is not None:
        edit = _drop(outlook, finding.range.start.line)
        if edit is not None:
            yield "Drop this unit", edit


def _order(text: PlanText) -> types.TextEdit | None:
    """The option in the front matter, which is made where there is none."""
    end = "\r\n" if "\r\n" in text.text else "\n"
    if text.header is None:
        start = int(text.text.startswith("\ufeff"))
        return types.TextEdit(text.span(start, start), f"---{end}{_ORDER}{end}---{end}")
    opening, closing, _ = text.header
    if closing is None:
        return None
    entry = next((one for one in text.parsed.front_matter if one.key == "order"), None)
    if entry is not None:
        return types.TextEdit(text.span(entry.start, entry.end), "depends")
    if text.text[opening:closing].lstrip().startswith("{"):
        # One mapping on a line, as JSON has it: there is no line to add.
        return None
    return types.TextEdit(text.span(closing, closing), f"{_ORDER}{end}")


def _drop(outlook: Outlook, line: int) -> types.TextEdit | None:
    """Of an item that is this one unit and no other, where it is not the only one."""
    text = outlook.text
    number = text.item_at(line)
    if number is None or len(text.items) == 1 or len(outlook.entries_of.get(number, ())) != 1:
        return None
    item = text.items[number].range
    starts = text.lines.starts
    after = starts[item.end.line + 1] if item.end.line + 1 < len(starts) else len(text.text)
    return types.TextEdit(text.span(starts[item.start.line], after), "")


def _touches(one: types.Range, other: types.Range) -> bool:
    return one.start.line <= other.end.line and other.start.line <= one.end.line
