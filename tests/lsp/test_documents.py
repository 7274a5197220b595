"""Document sync in the three encodings: form feeds, U+2028, astral characters and every line end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types

from fanout_server.lsp.documents import Documents, apply_change
from fanout_server.lsp.positions import Encoding, Lines
from fanout_server.lsp.protocol import Protocol
from fanout_server.model import Position
from tests.lsp.conftest import receive

TEXTS = st.text(alphabet=st.sampled_from("ab\u00e9\u4e2d\U0001f600\n\r\t\f\v\x1c\x85\u2028\u2029"), max_size=40)


def units(text: str, encoding: Encoding) -> int:
    """Counted by Python's own encoders."""
    size = {Encoding.UTF8: 1, Encoding.UTF16: 2, Encoding.UTF32: 4}[encoding]
    return len(text.encode({1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}[size])) // size


def client_position(text: str, offset: int, encoding: Encoding) -> types.Position:
    """As an editor counts it. The offset must not lie inside a CR LF."""
    before = re.split("\r\n|\r|\n", text[:offset])
    return types.Position(len(before) - 1, units(before[-1], encoding))


def inside_crlf(text: str, offset: int) -> bool:
    return text[offset - 1 : offset + 1] == "\r\n"


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS, st.integers(0, 40), st.integers(0, 40), st.sampled_from(Encoding))
def test_an_edit_lands_where_the_editor_made_it(text: str, new: str, a: int, b: int, encoding: Encoding) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    start -= inside_crlf(text, start)
    end += inside_crlf(text, end)
    span = types.Range(client_position(text, start, encoding), client_position(text, end, encoding))
    change = types.TextDocumentContentChangePartial(range=span, text=new)
    assert apply_change(text, change, encoding) == text[:start] + new + text[end:]


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.integers(0, 40), st.sampled_from(Encoding))
def test_positions_go_to_the_client_and_back(text: str, at: int, encoding: Encoding) -> None:
    offset = min(at, len(text))
    offset -= inside_crlf(text, offset)
    lines = Lines.of(text)
    position = lines.to_client(lines.position(offset), encoding)
    expected = client_position(text, offset, encoding)
    assert (position.line, position.character) == (expected.line, expected.character)
    assert lines.offset(position.line, position.character, encoding) == offset


@pytest.mark.parametrize(
    ("line", "units_in", "offset"),
    [
        (0, 99, 2),  # past the end of a line is its end, before the line end
        (1, 99, 5),
        (9, 0, 5),  # past the last line is the end
        (1, 1, 4),  # in the middle of a surrogate pair is before it
    ],
)
def test_positions_that_there_are_not(line: int, units_in: int, offset: int) -> None:
    assert Lines.of("ab\r\n\U0001f600").offset(line, units_in, Encoding.UTF16) == offset


def test_a_column_past_the_end_keeps_its_distance() -> None:
    assert Lines.of("\U0001f600").to_client(Position(0, 3), Encoding.UTF16) == Position(0, 4)


@pytest.mark.anyio
async def test_sync_over_the_protocol_and_one_document_however_its_uri_is_spelled(protocol: Protocol) -> None:
    item = {"uri": "file:///a%20b/%C3%A9.py", "languageId": "python", "version": 1, "text": "x\fy\u2028z\n"}
    receive(protocol, {"method": "textDocument/didOpen", "params": {"textDocument": item}})
    span = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 5}}
    change = {
        "textDocument": {"uri": "file:///a b/\u00e9.py", "version": 2},
        "contentChanges": [{"range": span, "text": "Z"}, {"range": span, "text": "\U0001f600"}],
    }
    receive(protocol, {"method": "textDocument/didChange", "params": change})
    (document,) = protocol.documents.all()
    assert (document.text, document.version, document.changed) == ("x\fy\u2028\U0001f600\n", 2, True)
    assert document.uri == "file:///a%20b/%C3%A9.py"
    name = {"textDocument": {"uri": "file://localhost/a%20b/%c3%a9.py"}}
    receive(protocol, {"method": "textDocument/didSave", "params": name})
    assert not protocol.documents.all()[0].changed
    receive(protocol, {"method": "textDocument/didClose", "params": name})
    assert protocol.documents.all() == ()


def test_listeners_hear_of_each_change_of_an_open_document() -> None:
    documents = Documents()
    heard: list[int] = []
    documents.on_change.append(lambda: heard.append(1))
    whole = types.TextDocumentContentChangeWholeDocument(text="y")
    assert not documents.change("untitled:1", 1, [whole], Encoding.UTF8)
    documents.close("untitled:1")
    assert heard == []
    documents.open(types.TextDocumentItem(uri="untitled:1", language_id="x", version=1, text=""))
    assert documents.change("untitled:1", 2, [whole], Encoding.UTF8)
    documents.close("untitled:1")
    assert len(heard) == 3
