"""What is kept of findings while documents are edited, saved and closed, in all encodings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lsprotocol import types

from fanout_server.lsp.client import Client
from fanout_server.lsp.diagnostics import Diagnostics
from fanout_server.lsp.documents import Change, Documents
from fanout_server.lsp.positions import Encoding, Lines
from tests.lsp.test_moving import edits_beside, partial

URI = "file:///a%20b"
ALSO = "file:///a b"
OTHER = "file:///other"


class FakeProtocol:
    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.sent: list[types.PublishDiagnosticsParams] = []

    def notify(self, method: str, params: Any) -> None:
        assert method == types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS
        self.sent.append(params)


class FakeSession:
    """Without a loop: what would be sent later is not."""

    def __init__(self, encoding: Encoding) -> None:
        self.protocol = FakeProtocol(encoding)
        self.documents = Documents()
        self.client = Client()

    def spawn(self, work: object) -> None:
        pass

    def open(self, uri: str, text: str) -> None:
        self.documents.open(types.TextDocumentItem(uri, "x", 0, text))

    def change(self, uri: str, *changes: Change) -> None:
        self.documents.change(uri, 1, changes, self.protocol.encoding)

    def text(self) -> str:
        document = self.documents.get(URI)
        assert document is not None
        return document.text


def client_range(text: str, start: int, end: int, encoding: Encoding) -> types.Range:
    lines = Lines.of(text)
    places = [lines.to_client(lines.position(at), encoding) for at in (start, end)]
    return types.Range(*(types.Position(one.line, one.character) for one in places))


def diagnostic(span: types.Range, name: str = "id", related: types.Range | None = None) -> types.Diagnostic:
    places = [types.DiagnosticRelatedInformation(types.Location(ALSO, related), "see")] if related else None
    return types.Diagnostic(range=span, message="m", data={"id": name}, related_information=places)


def part(text: str, span: types.Range, encoding: Encoding) -> str:
    lines = Lines.of(text)
    start, end = (lines.offset(one.line, one.character, encoding) for one in (span.start, span.end))
    return text[start:end]


EVERYWHERE = types.Range(types.Position(0, 0), types.Position(10**6, 0))


@settings(max_examples=300, deadline=None)
@given(edits_beside(), st.sampled_from(Encoding), st.data())
def test_a_finding_stays_on_its_text_whatever_is_done_beside_it(
    case: tuple[str, Any, list[tuple[int, int, str]]], encoding: Encoding, data: st.DataObject
) -> None:
    text, span, edits = case
    # No client can name a place between CR and LF, nor one that comes to lie there.
    assume(not any(text[at - 1 : at + 1] == "\r\n" for at in (span.start, span.end)))
    assume(span.start < span.end)
    kept = text[span.start : span.end]
    session = FakeSession(encoding)
    shown = Diagnostics(session)  # type: ignore[arg-type] # a stand-in
    session.open(data.draw(st.sampled_from([URI, ALSO])), text)
    place = client_range(text, span.start, span.end, encoding)
    found = {URI: [diagnostic(place)], OTHER: [diagnostic(EVERYWHERE, "other", place)]}
    shown.put("run", found)
    now, at, waiting = text, span.start, []
    for start, end, new in edits:
        assume(not any(now[at - 1 : at + 1] == "\r\n" for at in (start, end)))
        waiting.append(partial(now, start, end, new, encoding))
        now = now[:start] + new + now[end:]
        at += len(new) - (end - start) if end <= at else 0
        assume(not any(now[one - 1 : one + 1] == "\r\n" for one in (at, at + len(kept))))
        step = data.draw(st.sampled_from(["wait", "tell", "look", "again", "save"]))
        if step != "wait":
            session.change(ALSO, *waiting)
            waiting = []
        if step == "look":
            shown.at(URI, EVERYWHERE)
        elif step == "again":
            # The run has more to say, and says this again as it was when it was found.
            shown.put("run", {**found, "file:///new": [diagnostic(EVERYWHERE, str(len(now)))]})
        elif step == "save":
            session.documents.save(URI)
    session.change(URI, *waiting)
    (one,) = shown.at(URI, EVERYWHERE)
    assert part(session.text(), one.range, encoding) == kept
    ((other),) = shown.at(OTHER, EVERYWHERE)
    assert other.range == EVERYWHERE
    assert other.related_information
    assert part(session.text(), other.related_information[0].location.range, encoding) == kept


def test_closing_goes_back_to_what_was_saved() -> None:
    session = FakeSession(Encoding.UTF16)
    shown = Diagnostics(session)  # type: ignore[arg-type] # a stand-in
    session.open(URI, "a\nb\n")
    shown.put("run", {URI: [diagnostic(client_range("a\nb\n", 2, 3, Encoding.UTF16))]})

    def line() -> int:
        (one,) = shown.at(URI, EVERYWHERE)
        return one.range.start.line

    session.change(URI, partial("a\nb\n", 0, 0, "x\n", Encoding.UTF16))
    session.documents.save(URI)
    assert line() == 2
    session.change(URI, partial("x\na\nb\n", 0, 0, "y\n", Encoding.UTF16))
    assert line() == 3
    session.change(URI, partial("y\nx\na\nb\n", 0, 0, "z\n", Encoding.UTF16))
    session.documents.close(URI)
    assert line() == 2


@pytest.mark.parametrize("pulls", [True, False])
def test_what_is_opened_is_shown_again_and_nothing_else(pulls: bool) -> None:
    session = FakeSession(Encoding.UTF16)
    session.client = Client(pulls=pulls)
    shown = Diagnostics(session)  # type: ignore[arg-type] # a stand-in
    shown.put("run", {URI: [diagnostic(EVERYWHERE)], OTHER: [diagnostic(EVERYWHERE, related=EVERYWHERE)]})
    session.protocol.sent.clear()
    session.open(ALSO, "a\n")
    session.open("file:///new", "a\n")
    assert [(one.uri, len(one.diagnostics)) for one in session.protocol.sent] == ([] if pulls else [(URI, 1)])


def test_an_editor_that_never_asks_costs_no_memory() -> None:
    session = FakeSession(Encoding.UTF16)
    session.client = Client(pulls=True)
    shown = Diagnostics(session)  # type: ignore[arg-type] # a stand-in
    session.open(URI, "a\n")
    shown.put("run", {URI: [diagnostic(client_range("a\n", 0, 1, Encoding.UTF16))]})
    text = "a\n"
    for _ in range(3_500):
        session.change(URI, partial(text, 0, 0, "x\n", Encoding.UTF16))
        text = "x\n" + text
    assert sum(len(one.edits) for one in shown._edited.values()) <= 1_001
    (one,) = shown.report(URI, None).items  # type: ignore[union-attr] # of a full report
    assert part(text, one.range, Encoding.UTF16) == "a"
    assert one.range.start.line == 3_500
    assert session.protocol.sent == []


@pytest.mark.parametrize("count", [0, 1])
def test_places_are_forgotten_with_what_was_there(count: int) -> None:
    session = FakeSession(Encoding.UTF16)
    shown = Diagnostics(session)  # type: ignore[arg-type] # a stand-in
    one = diagnostic(EVERYWHERE, related=EVERYWHERE)
    shown.put("run", {OTHER: [one]})
    shown.put("other", {OTHER: [one]} if count else {})
    shown.clear("run")
    assert len(shown._places) == 2 * count
    assert len(session.protocol.sent) == 2 + count
    assert len(session.protocol.sent[-1].diagnostics) == count
    assert shown.owners() == (("other",) if count else ())
