"""Places in a text that is edited: whatever is typed elsewhere, they stay on their characters."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lsprotocol import types

from fanout_server.lsp import moving
from fanout_server.lsp.documents import Change, apply_change
from fanout_server.lsp.moving import Span, Splice
from fanout_server.lsp.positions import Encoding, Lines
from tests.strategies import LINE_ENDS, PARTS, edited_texts

TEXTS = st.lists(st.one_of(PARTS, LINE_ENDS), max_size=12).map("".join)


def partial(text: str, start: int, end: int, new: str, encoding: Encoding) -> Change:
    lines = Lines.of(text)
    places = [lines.to_client(lines.position(at), encoding) for at in (start, end)]
    span = types.Range(*(types.Position(one.line, one.character) for one in places))
    return types.TextDocumentContentChangePartial(range=span, text=new)


@st.composite
def edits_beside(draw: st.DrawFn) -> tuple[str, Span, list[tuple[int, int, str]]]:
    """A text, a place in it, and edits one after the other that touch no character of the place."""
    text = draw(TEXTS)
    start = draw(st.integers(0, len(text)))
    span = Span(start, draw(st.integers(start, len(text))))
    kept, now, at = text[span.start : span.end], text, span.start
    edits: list[tuple[int, int, str]] = []
    for _ in range(draw(st.integers(0, 4))):
        new = draw(TEXTS)
        if draw(st.booleans()):
            first = draw(st.integers(0, at))
            last = draw(st.integers(first, at))
            grown = len(new) - (last - first)
        else:
            first = draw(st.integers(at + len(kept), len(now)))
            last = draw(st.integers(first, len(now)))
            grown = 0
        edits.append((first, last, new))
        now, at = now[:first] + new + now[last:], at + grown
    return text, span, edits


@settings(max_examples=400, deadline=None)
@given(edits_beside(), st.sampled_from(Encoding))
def test_a_place_stays_on_its_characters(
    case: tuple[str, Span, list[tuple[int, int, str]]], encoding: Encoding
) -> None:
    text, span, edits = case
    kept, now, spans = text[span.start : span.end], text, span
    for start, end, new in edits:
        # No client can name a place between CR and LF.
        assume(not any(now[at - 1 : at + 1] == "\r\n" for at in (start, end)))
        change = partial(now, start, end, new, encoding)
        after = apply_change(now, change, encoding)
        spans = moving.moved(spans, moving.splices(now, after, change, encoding))
        now = after
    assert now[spans.start : spans.end] == kept
    assert 0 <= spans.start <= spans.end <= len(now)


@settings(max_examples=300, deadline=None)
@given(edited_texts(), st.data())
def test_the_splices_of_a_whole_new_text_make_it_of_the_old_one(texts: tuple[str, str], data: st.DataObject) -> None:
    before, after = texts
    change = types.TextDocumentContentChangeWholeDocument(text=after)
    made = moving.splices(before, after, change, Encoding.UTF16)
    # The last one first, so that what they leave alone stands in both texts.
    at = len(before)
    tail = len(after)
    for one in made:
        assert 0 <= one.start <= one.end <= at
        tail -= at - one.end
        assert before[one.end : at] == after[tail : tail + at - one.end]
        tail -= one.length
        at = one.start
    assert before[:at] == after[:tail]
    start = data.draw(st.integers(0, len(before)))
    span = Span(start, data.draw(st.integers(start, len(before))))
    moved = moving.moved(span, made)
    assert 0 <= moved.start <= moved.end <= len(after)
    if all(one.end <= span.start or span.end <= one.start for one in made) and span.start < span.end:
        assert after[moved.start : moved.end] == before[span.start : span.end]


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 20),
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 9)), max_size=4),
)
def test_a_place_is_always_a_place(start: int, length: int, edits: list[tuple[int, int, int]]) -> None:
    moved = moving.moved(Span(start, start + length), [Splice(one, one + two, new) for one, two, new in edits])
    assert 0 <= moved.start <= moved.end


@pytest.mark.parametrize(
    ("span", "edit", "after"),
    [
        (Span(3, 6), Splice(6, 6, 2), Span(3, 6)),  # typed right after it
        (Span(3, 6), Splice(3, 3, 2), Span(5, 8)),  # typed right before it
        (Span(3, 6), Splice(4, 5, 4), Span(3, 9)),  # changed within
        (Span(3, 6), Splice(2, 4, 1), Span(3, 5)),  # its beginning is gone
        (Span(3, 6), Splice(5, 9, 1), Span(3, 5)),  # its end is gone
        (Span(3, 6), Splice(0, 9, 40), Span(0, 0)),  # all of it is gone
        (Span(3, 3), Splice(3, 3, 2), Span(5, 5)),
        (Span(0, 0), Splice(0, 0, 9), Span(0, 0)),  # stands for the whole file
    ],
)
def test_edits_at_the_edges(span: Span, edit: Splice, after: Span) -> None:
    assert moving.moved(span, [edit]) == after


def test_a_whole_text_for_each_key_does_not_take_long() -> None:
    before = "".join(f"line {number} of a long text\n" for number in range(20_000))
    after = before.replace("line 7777 ", "line of all ").replace("line 15000 ", "")
    change = types.TextDocumentContentChangeWholeDocument(text=after)
    began = time.perf_counter()
    made = moving.splices(before, after, change, Encoding.UTF16)
    assert time.perf_counter() - began < 0.5
    assert len(made) == 2
