"""Findings in the editor, merged for each file over the runs that have something to say about it.

They move with the text as it is edited. Editors that ask for diagnostics are told when to ask; to all others they are
sent. No editor gets both.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence

import anyio
import attrs
from attrs import define
from lsprotocol import types

from fanout_server.lsp import moving
from fanout_server.lsp.documents import Change, Document, key
from fanout_server.lsp.moving import Span, Splice
from fanout_server.lsp.positions import Encoding, Lines
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session

# Most editors move what is marked by themselves, so a few times a second is enough.
_EVERY_SECONDS = 0.25
_REFRESH_SECONDS = 2.0
# An editor may never ask.
_MOST_EDITS = 1000

Report = types.RelatedFullDocumentDiagnosticReport | types.RelatedUnchangedDocumentDiagnosticReport
WorkspaceReport = types.WorkspaceFullDocumentDiagnosticReport | types.WorkspaceUnchangedDocumentDiagnosticReport


@define(eq=False)
class _Entry:
    """``saved`` is where it is in the file as last saved, while the open document has edits that are not."""

    diagnostic: types.Diagnostic
    saved: types.Diagnostic | None = None


@define(eq=False)
class _Edited:
    """What became of a document since ``text``, in which the entries' places are right."""

    uri: str
    text: str
    edits: list[Splice]


class Diagnostics:
    """What the editor is to show. An owner is a run, or a plan document that cannot be run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._by_owner: dict[str, dict[str, list[_Entry]]] = {}
        # The documents that entries are of, or speak of in their related places, by their key; and the other way round.
        self._places: dict[str, set[str]] = {}
        self._spoken_of: dict[str, set[str]] = {}
        self._edited: dict[str, _Edited] = {}
        self._stale: set[str] = set()
        self._busy = False
        # How often what there is to say of a document changed, by its key; and the same when it was last sent.
        self._counts: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._session_id = uuid.uuid4().hex[:8]
        session.documents.followers.append(self)
        session.documents.on_open.append(self._opened)

    # What runs have to say.

    def put(self, owner: str, found: Mapping[str, Sequence[types.Diagnostic]]) -> None:
        """All that ``owner`` has to say; what it said before and says no more goes away.

        What it says again, known by the ``id`` in its data, stays where it has moved to.
        """
        for place in tuple(self._edited):
            self._move(place)
        before = self._by_owner.pop(owner, {})
        after = {uri: _entries_of(new, before.get(uri, ())) for uri, new in found.items() if new}
        if after:
            self._by_owner[owner] = after
        for uri in dict.fromkeys((*before, *after)):
            if before.get(uri) != after.get(uri):
                self._learn_places(uri)
                if _shown(before.get(uri, ())) != _shown(after.get(uri, ())):
                    self._changed(uri)

    def clear(self, owner: str) -> None:
        self.put(owner, {})

    def owners(self) -> tuple[str, ...]:
        return tuple(self._by_owner)

    def at(self, uri: str, span: types.Range) -> tuple[types.Diagnostic, ...]:
        """What is on the lines of this range of a document as it is now."""
        wanted = key(uri)
        self._move(wanted)
        return tuple(
            one.diagnostic
            for _, found in self._named(wanted)
            for one in found
            if one.diagnostic.range.start.line <= span.end.line and span.start.line <= one.diagnostic.range.end.line
        )

    def _opened(self, document: Document) -> None:
        """Some editors keep what they are sent for open documents alone."""
        if not self._session.client.pulls:
            for uri in self._uris(key(document.uri)):
                self._publish(uri)

    # The text moves, and they with it: this is a ``documents.Follower``.

    def edited(self, document: Document, before: str, after: str, change: Change) -> None:
        place = key(document.uri)
        if place not in self._places:
            return
        edited = self._edited.get(place)
        if edited is None:
            edited = self._edited[place] = _Edited(document.uri, before, [])
            if not document.changed:
                for _, one in self._entries(place):
                    one.saved = one.diagnostic
        edited.edits += moving.splices(before, after, change, self._session.protocol.encoding)
        if len(edited.edits) > _MOST_EDITS:
            self._move(place, after)
        if not self._session.client.pulls:
            # The others ask again by themselves.
            self._stale |= self._places[place]
            self._wake()

    def saved(self, document: Document) -> None:
        place = key(document.uri)
        if place in self._places:
            self._move(place)
            for _, one in self._entries(place):
                one.saved = None

    def closed(self, document: Document) -> None:
        place = key(document.uri)
        self._edited.pop(place, None)
        for uri, one in self._entries(place):
            if one.saved is not None:
                one.diagnostic, one.saved = one.saved, None
                self._count(uri)
                self._stale.add(uri)
        self._wake()

    def _move(self, place: str, text: str | None = None) -> None:
        """Brings the places in a document up to its text, or to ``text`` where that is about to be it."""
        edited = self._edited.pop(place, None)
        if edited is None:
            return
        encoding = self._session.protocol.encoding
        document = self._session.documents.get(edited.uri)
        if text is None:
            text = edited.text if document is None else document.text
        mover = _Mover(place, edited.edits, Lines.of(edited.text), Lines.of(text), encoding)
        for uri, one in self._entries(place):
            now = mover.diagnostic(uri, one.diagnostic)
            if now != one.diagnostic:
                one.diagnostic = now
                self._count(uri)

    # What the editor is told.

    def report(self, uri: str, previous: str | None) -> Report:
        """The answer to an editor that asks about one document."""
        self._move(key(uri))
        result = self._result(uri)
        if previous == result:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=result)
        items = [one.diagnostic for _, found in self._named(key(uri)) for one in found]
        return types.RelatedFullDocumentDiagnosticReport(items=items, result_id=result)

    def reports(self, previous: Mapping[str, str]) -> list[WorkspaceReport]:
        """The answer to an editor that asks about all: ``previous`` is what it has, by uri."""
        for place in tuple(self._edited):
            self._move(place)
        uris = {uri for found in self._by_owner.values() for uri in found}
        return [self._workspace_report(uri, previous.get(uri)) for uri in sorted({*uris, *previous})]

    def _workspace_report(self, uri: str, previous: str | None) -> WorkspaceReport:
        result = self._result(uri)
        version = self._version(uri)
        if previous == result:
            return types.WorkspaceUnchangedDocumentDiagnosticReport(uri=uri, result_id=result, version=version)
        return types.WorkspaceFullDocumentDiagnosticReport(
            uri=uri, items=self._all(uri), result_id=result, version=version
        )

    def _result(self, uri: str) -> str:
        """A name for what there is to say of a document: it is another whenever that is."""
        return f"{self._session_id}-{self._counts.get(key(uri), 0)}"

    def _count(self, uri: str) -> None:
        self._counts[key(uri)] = self._counts.get(key(uri), 0) + 1

    def _changed(self, uri: str) -> None:
        self._count(uri)
        if self._session.client.pulls:
            self._stale.add(uri)
            self._wake()
        else:
            self._publish(uri)

    def _publish(self, uri: str) -> None:
        self._stale.discard(uri)
        self._told[uri] = self._counts[key(uri)]
        version = self._version(uri) if self._session.client.versions else None
        params = types.PublishDiagnosticsParams(uri=uri, diagnostics=self._all(uri), version=version)
        self._session.protocol.notify(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, params)

    def _wake(self) -> None:
        if self._stale and not self._busy:
            self._busy = True
            self._session.spawn(self._tell)

    async def _tell(self) -> None:
        """What moved, a few times a second, and in the end once more."""
        try:
            while self._stale:
                await anyio.sleep(_EVERY_SECONDS)
                stale, self._stale = self._stale, set()
                if self._session.client.pulls:
                    await self._refresh()
                else:
                    self._publish_moved(stale)
        finally:
            self._busy = False

    def _publish_moved(self, stale: set[str]) -> None:
        for place in tuple(self._edited):
            self._move(place)
        for uri in stale:
            if self._counts.get(key(uri), 0) != self._told.get(uri):
                self._publish(uri)

    async def _refresh(self) -> None:
        """An editor that does not answer, or cannot, will ask when it likes."""
        try:
            await self._session.ask(types.WORKSPACE_DIAGNOSTIC_REFRESH, None, _REFRESH_SECONDS)
        except (TimeoutError, ClientRefused):
            return

    # Looking up.

    def _all(self, uri: str) -> list[types.Diagnostic]:
        return [one.diagnostic for found in self._by_owner.values() for one in found.get(uri, ())]

    def _version(self, uri: str) -> int | None:
        document = self._session.documents.get(uri)
        return None if document is None else document.version

    def _uris(self, place: str) -> set[str]:
        return {uri for uri in self._places.get(place, ()) if key(uri) == place}

    def _named(self, place: str) -> Iterator[tuple[str, list[_Entry]]]:
        """The entries of a document, however its uri is spelled."""
        for uri in self._uris(place):
            for found in self._by_owner.values():
                if uri in found:
                    yield uri, found[uri]

    def _entries(self, place: str) -> Iterator[tuple[str, _Entry]]:
        """The entries of a document, and those that speak of it."""
        for uri in self._places.get(place, ()):
            for found in self._by_owner.values():
                for one in found.get(uri, ()):
                    yield uri, one

    def _learn_places(self, uri: str) -> None:
        every = [one for found in self._by_owner.values() for one in found.get(uri, ())]
        now = {key(place) for one in every for place in (uri, *_related(one.diagnostic))}
        for place in self._spoken_of.pop(uri, set()) - now:
            self._places[place].discard(uri)
            if not self._places[place]:
                del self._places[place]
        for place in now:
            self._places.setdefault(place, set()).add(uri)
        if now:
            self._spoken_of[uri] = now


@attrs.frozen
class _Mover:
    """Moves the places of diagnostics in one document, from its text before some edits to that after them."""

    place: str
    edits: Sequence[Splice]
    before: Lines
    after: Lines
    encoding: Encoding

    def diagnostic(self, uri: str, one: types.Diagnostic) -> types.Diagnostic:
        own = self._range(one.range) if key(uri) == self.place else one.range
        related = one.related_information and [
            attrs.evolve(each, location=types.Location(each.location.uri, self._range(each.location.range)))
            if key(each.location.uri) == self.place
            else each
            for each in one.related_information
        ]
        return attrs.evolve(one, range=own, related_information=related)

    def _range(self, span: types.Range) -> types.Range:
        now = moving.moved(Span(self._offset(span.start), self._offset(span.end)), self.edits)
        return types.Range(self._position(now.start), self._position(now.end))

    def _offset(self, position: types.Position) -> int:
        return self.before.offset(position.line, position.character, self.encoding)

    def _position(self, offset: int) -> types.Position:
        at = self.after.to_client(self.after.position(offset), self.encoding)
        return types.Position(at.line, at.character)


def _entries_of(found: Sequence[types.Diagnostic], before: Sequence[_Entry]) -> list[_Entry]:
    """Those that are known already stay as they are."""
    known = {_id(one.diagnostic): one for one in before}
    known.pop("", None)
    return [known.get(_id(one)) or _Entry(one) for one in found]


def _id(diagnostic: types.Diagnostic) -> str:
    data = diagnostic.data
    return str(data.get("id", "")) if isinstance(data, dict) else ""


def _related(diagnostic: types.Diagnostic) -> Iterator[str]:
    return (one.location.uri for one in diagnostic.related_information or ())


def _shown(entries: Sequence[_Entry]) -> list[types.Diagnostic]:
    return [one.diagnostic for one in entries]
