"""What happens by itself around plan documents: findings as you type, and the editor told when there is news."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.to_thread
import attrs
from lsprotocol import types

from fanout_server.lsp import findings
from fanout_server.lsp.documents import Document
from fanout_server.lsp.plan_document import PlanDocuments, PlanText, owner_of
from fanout_server.lsp.plan_outlook import Outlook, Outlooks
from fanout_server.lsp.plan_runs import PlanRuns
from fanout_server.lsp.refreshing import Refresh
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.model import FanoutError, Finding
from fanout_server.planning.sources import source_of
from fanout_server.run.engine import Engine
from fanout_server.run.state import progress_line

_TYPING_SECONDS = 0.2
# So that what is mostly known already does not vanish and come again with each key.
_PREFLIGHT_SECONDS = 0.15


class PlanWatch:
    """The plan documents of one session. ``seen`` is what was last looked at of each."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._session = session
        self._watching = watching
        self.documents = PlanDocuments(session)
        self.outlooks = Outlooks(session, self.documents)
        self.runs = PlanRuns(session, watching.goes_on, self._run_changed)
        self._seen: dict[str, Document] = {}
        self._saved: dict[str, float] = {}
        self._told: dict[str, str] = {}
        # Runs that were begun elsewhere.
        self._found: set[str] = set()
        self._hints = Refresh(session, types.WORKSPACE_INLAY_HINT_REFRESH, "workspace.inlay_hint.refresh_support")
        self._lenses = Refresh(session, types.WORKSPACE_CODE_LENS_REFRESH, "workspace.code_lens.refresh_support")
        session.configuration.on_change.append(self.look_again)

    def begun(self, engine: Engine, run: str, uri: str) -> None:
        """A run of this document was launched."""
        self._told.pop(uri, None)
        self.runs.began(engine, run, uri)
        self._lenses.soon()

    async def _find_run(self, document: Document) -> None:
        """The last run of a document may be of an earlier session, or begun in the terminal."""
        if document.path is None:
            return
        try:
            engine = await self.outlooks.engine_of(document)
        except FanoutError:
            # In no repository: its findings say so.
            return
        source = await anyio.to_thread.run_sync(source_of, document.path, engine.repository.root)
        view = await self.runs.find(engine, document.uri, source)
        if view is not None:
            self._found.add(view.id)
            await self._watching.recall(engine, view, document.uri)

    async def moved(self, before: str, now: str) -> None:
        """Files or folders have another path."""
        self.runs.moved(before, now)
        self._watching.moved(before, now)
        for document in self.documents.all():
            await self._find_run(document)
        self._hints.soon()
        self._lenses.soon()

    def _run_changed(self, uri: str) -> None:
        self._hints.soon()
        last = self.runs.of(uri)
        shown = "" if last is None or last.view is None else f"{last.view.state} {progress_line(last.view)}"
        if shown != self._told.get(uri):
            self._told[uri] = shown
            self._lenses.soon()
            if last is not None and last.view is not None and not last.active:
                # What was applied or taken back may have made files or removed them.
                self.look_again()
                if last.id in self._found:
                    self._session.spawn(self._watching.recall, last.engine, last.view, uri)

    def documents_changed(self) -> None:
        """Called with every key that is pressed anywhere."""
        saved = {one.uri: one.synced for one in self._session.documents.all() if not one.changed}
        came = any(self._saved.get(uri, at) != at for uri, at in saved.items())
        self._saved = saved
        now = {one.uri: one for one in self.documents.all()}
        for uri in self._seen.keys() - now.keys():
            self.documents.forget(uri)
            self.outlooks.forget(uri)
            self._watching.diagnostics.clear(owner_of(uri))
        before, self._seen = self._seen, now
        if came:
            self.look_again()
            return
        for uri, document in now.items():
            if uri not in before:
                self._session.spawn(self._find_run, document)
            if before.get(uri) is not document:
                self._session.spawn(self._check, document, 0.0 if uri not in before else _TYPING_SECONDS)

    def look_again(self) -> None:
        """Files came or went, or may have; or the editor's settings are others."""
        self.outlooks.outdate()
        for document in self._seen.values():
            self._session.spawn(self._find_run, document)
            self._session.spawn(self._check_again, document)

    async def _check_again(self, document: Document) -> None:
        """The text is as it was, so the editor does not ask by itself."""
        await self._check(document, _TYPING_SECONDS)
        self._hints.soon()
        self._lenses.soon()

    async def _check(self, document: Document, after: float) -> None:
        """Shows what planning has to say of the document, if nobody has typed on by then."""
        await anyio.sleep(after)
        if self.documents.open(document.uri) is not document:
            return
        outlook = await self.outlooks.of(document.uri)
        if outlook is None or self.documents.open(document.uri) is not outlook.text.document:
            return
        if await self.outlooks.preflight(outlook, _PREFLIGHT_SECONDS) is not None or outlook.draft.plan is None:
            await self._show(outlook)
            return
        await self._show(outlook)
        if await self.outlooks.preflight(outlook) is not None:
            await self._show(outlook)

    async def _show(self, outlook: Outlook) -> None:
        """What is known of the document so far, if it still is as it was then."""
        document = outlook.text.document
        found = await anyio.to_thread.run_sync(self._diagnostics, outlook, limiter=self.documents.limiter)
        if self.documents.open(document.uri) is document:
            self._watching.diagnostics.put(owner_of(document.uri), {document.uri: found})
            if outlook.preflight is not None and outlook.preflight.kept:
                self._hints.soon()
                self._lenses.soon()

    def _diagnostics(self, outlook: Outlook) -> list[types.Diagnostic]:
        """All that planning says of a document is about the document itself."""
        places = findings.Places(self._session, outlook.root or Path("/"))
        told = dict.fromkeys((*outlook.draft.findings, *outlook.expected()))
        return [places.to_diagnostic("", _placed(outlook.text, one)) for one in told]


def _placed(text: PlanText, finding: Finding) -> Finding:
    """The range in the client's units, which is what is left alone where there is no path."""
    span = finding.range
    told = None if span is None else text.lines.range_to_client(span, text.encoding)
    return attrs.evolve(finding, path=None, range=told)
