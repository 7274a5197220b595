from __future__ import annotations

import codecs
from collections.abc import Sequence

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fanout_server.apply.splice import TextEdit, splice
from fanout_server.apply.text import (
    PositionEncoding,
    StrEdit,
    Text,
    decode,
    encode,
    encode_position,
    range_of,
    text_edits,
    to_text_edits,
)
from fanout_server.model import Position, Range
from tests.strategies import edited_texts

PIECES = st.sampled_from(
    [
        "a",
        "é",
        "\U0001f600",
        "\U0001d11e",
        "e\u0301",
        "\r\n",
        "\n",
        "\r",
        "\x0c",
        "\u2028",
        "\x85",
        "\x0b",
        "\ufeff",
        "b",
    ]
)
STRINGS = st.lists(PIECES, max_size=25).map("".join)
ENCODINGS = st.sampled_from(
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("utf-32-be", codecs.BOM_UTF32_BE),
    ]
)
POSITION_ENCODINGS: tuple[PositionEncoding, ...] = ("utf-8", "utf-16", "utf-32")


def editor_lines(text: str) -> list[str]:
    """Without their ends, split the slow way: character by character."""
    lines, at, start = [], 0, 0
    while at < len(text):
        if text[at] in "\r\n":
            lines.append(text[start:at])
            at += 2 if text[at : at + 2] == "\r\n" else 1
            start = at
        else:
            at += 1
    return [*lines, text[start:]]


def editor_offset(text: str, line: int, units: int, encoding: PositionEncoding) -> int:
    """Where an editor that counts in this encoding puts the cursor, as an index into ``text``."""
    at = 0
    for _ in range(line):
        while text[at] not in "\r\n":
            at += 1
        at += 2 if text[at : at + 2] == "\r\n" else 1
    counted = 0
    while counted < units:
        assert at < len(text)
        assert text[at] not in "\r\n", "past the end of the line"
        counted += {"utf-8": len(text[at].encode()), "utf-16": 1 + (ord(text[at]) > 0xFFFF), "utf-32": 1}[encoding]
        at += 1
    assert counted == units, "inside a character"
    return at


def as_an_editor(text: str, edits: Sequence[StrEdit], encoding: PositionEncoding) -> str:
    lines = editor_lines(text)

    def index(position: Position) -> int:
        units = encode_position(lines[position.line], position.character, encoding)
        return editor_offset(text, position.line, units, encoding)

    places = [(index(edit.range.start), index(edit.range.end), edit.new) for edit in edits]
    for start, end, new in reversed(places):
        text = text[:start] + new + text[end:]
    return text


@settings(max_examples=200, deadline=None)
@given(STRINGS, STRINGS, ENCODINGS)
@example("x\r", "x\r\ny", ("utf-8", b""))
@example("a\n", "a\n\rb", ("utf-8", b""))
@example("", "\ufeff", ("utf-8", codecs.BOM_UTF8))
def test_an_editor_that_makes_the_edits_has_the_new_text(old: str, new: str, kind: tuple[str, bytes]) -> None:
    encoding, bom = kind
    # That would be a mark.
    assume(bom or not (old.startswith("\ufeff") or new.startswith("\ufeff")))
    before, after = encode(Text(old, encoding, bom)), encode(Text(new, encoding, bom))
    edits = text_edits(before, after)
    assert edits is not None
    shown = to_text_edits(before, edits)
    for positions in POSITION_ENCODINGS:
        assert as_an_editor(old, shown, positions) == new


@settings(max_examples=200, deadline=None)
@given(edited_texts(), ENCODINGS)
def test_edits_of_edited_lines_in_every_encoding(texts: tuple[str, str], kind: tuple[str, bytes]) -> None:
    encoding, bom = kind
    old, new = texts
    assume(bom or not (old.startswith("\ufeff") or new.startswith("\ufeff")))
    before, after = encode(Text(old, encoding, bom)), encode(Text(new, encoding, bom))
    edits = text_edits(before, after)
    assert edits is not None
    assert splice(before, edits) == after
    for edit in edits:
        # Each is whole characters: decoding any of the parts raises where one is torn.
        assert before[edit.start : edit.end].decode(encoding) != edit.new.decode(encoding)
    shown = to_text_edits(before, edits)
    for positions in POSITION_ENCODINGS:
        assert as_an_editor(old, shown, positions) == new


@settings(max_examples=100, deadline=None)
@given(STRINGS, ENCODINGS)
def test_text_is_decoded_and_encoded_back(text: str, kind: tuple[str, bytes]) -> None:
    encoding, bom = kind
    assume(bom or not text.startswith("\ufeff"))
    decoded = decode(encode(Text(text, encoding, bom)))
    assert decoded == Text(text, encoding, bom)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40) | st.builds(bytes.__add__, ENCODINGS.map(lambda kind: kind[1]), st.binary(max_size=20)))
def test_any_bytes_are_either_no_text_or_come_back(data: bytes) -> None:
    text = decode(data)
    assert text is None or encode(text) == data


@pytest.mark.parametrize(
    "data",
    [
        b"caf\xe9\n",
        b"a\0b",
        b"\xff\xfea",
        b"\xff\xfe\x00\xd8",
        codecs.BOM_UTF8 + b"\xff",
        b"\xed\xa0\x80",
        b"\xff\xfe\x00\x00\x00\x00\x11\x00",
    ],
)
def test_what_is_no_text_has_no_text_edits(data: bytes) -> None:
    assert decode(data) is None
    assert text_edits(data, b"text") is None
    assert text_edits(b"text", data) is None
    with pytest.raises(ValueError, match="no text"):
        to_text_edits(data, ())


def test_a_change_of_the_byte_order_mark_is_no_text_edit() -> None:
    assert text_edits(b"a\n", codecs.BOM_UTF8 + b"a\n") is None
    assert text_edits(codecs.BOM_UTF8 + b"a\n", b"a\n") is None


def test_only_the_changed_lines_are_edited() -> None:
    edits = text_edits(codecs.BOM_UTF8 + b"a\nb\nc\n", codecs.BOM_UTF8 + b"a\nx\nc\n")
    assert edits == (TextEdit(5, 6, b"x"),)
    shown = to_text_edits(codecs.BOM_UTF8 + b"a\nb\nc\n", edits)
    assert shown == (StrEdit(Range(Position(1, 0), Position(1, 1)), "x"),)


def test_edits_inside_a_character_or_a_line_end_are_refused() -> None:
    with pytest.raises(ValueError, match="line end"):
        to_text_edits(b"a\r\nb", (TextEdit(2, 3, b""),))
    with pytest.raises(ValueError, match="decode"):
        to_text_edits("é".encode(), (TextEdit(1, 2, b""),))
    assert to_text_edits(b"a\rb", (TextEdit(2, 3, b""),)) == (StrEdit(Range(Position(1, 0), Position(1, 1)), ""),)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.integers(0, 25), st.sampled_from(POSITION_ENCODINGS))
def test_columns_are_counted_as_the_client_does(line: str, character: int, encoding: PositionEncoding) -> None:
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    codec = "utf-8" if encoding == "utf-8" else f"{encoding}-le"
    assert encode_position(line, character, encoding) * width == len(line[:character].encode(codec))


def test_half_a_surrogate_pair_counts_as_one_unit() -> None:
    assert encode_position("a\ud83db", 2, "utf-16") == 2
    assert encode_position("a\ud83db", 2, "utf-8") == 4


def test_ranges_count_lines_as_an_editor_does() -> None:
    assert range_of(b"a\rb\r\n\x0cc\nd", 5, 8) == Range(Position(2, 0), Position(3, 0))
    assert range_of(b"\xe9\nx\n", 2, 4) == Range(Position(1, 0), Position(2, 0))
    assert range_of(codecs.BOM_UTF8 + b"a\n", 0, 5) == Range(Position(0, 0), Position(1, 0))
