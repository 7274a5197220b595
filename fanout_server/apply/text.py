r"""Bytes of a file as the text an editor shows, and edits of bytes as edits of that text.

An editor's lines end at ``\r\n``, ``\n`` or a lone ``\r`` and at nothing else: a form feed or U+2028 is a character of
its line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Literal

from attrs import frozen

from fanout_server.apply.splice import TextEdit
from fanout_server.model import Position, Range

PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]

# The longer ones first: the mark of utf-32-le begins with that of utf-16-le.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LINE_END = re.compile(r"\r\n|\n|\r")


@frozen
class Text:
    """``text`` without the byte order mark; ``encoding`` is Python's name for it, ``bom`` the mark or nothing."""

    text: str
    encoding: str = "utf-8"
    bom: bytes = b""


@frozen
class StrEdit:
    """The characters in ``range`` become ``new``."""

    range: Range
    new: str


def decode(data: bytes) -> Text | None:
    """UTF-8, or UTF-16 or UTF-32 with a byte order mark; ``None`` for anything else, and for what holds a NUL.

    ``encode`` gives back the same bytes.
    """
    bom, encoding = next(((bom, name) for bom, name in _BOMS if data.startswith(bom)), (b"", "utf-8"))
    try:
        text = data[len(bom) :].decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else Text(text, encoding, bom)


def encode(text: Text) -> bytes:
    """Raises UnicodeEncodeError for a lone surrogate, which no file of text can hold."""
    return text.bom + text.text.encode(text.encoding)


def text_edits(before: bytes, after: bytes) -> tuple[TextEdit, ...] | None:
    """What changed as edits of ``before``; ``None`` where the change cannot be made in an editor's text.

    That is where one of them is no text, or where the encoding or the byte order mark changes.
    """
    old, new = decode(before), decode(after)
    if old is None or new is None or (old.encoding, old.bom) != (new.encoding, new.bom):
        return None
    # Imported late: a server that starts needs positions of this module, and nothing that compares.
    from fanout_server.apply.refine import refined_edits  # noqa: PLC0415

    edits = refined_edits(old.text.encode(), new.text.encode())
    return _reencoded(edits, old)


def _reencoded(edits: Sequence[TextEdit], text: Text) -> tuple[TextEdit, ...]:
    """Edits of the text as UTF-8 without a mark -> the same edits of the file's own bytes."""
    if text.encoding == "utf-8":
        skip = len(text.bom)
        return tuple(TextEdit(edit.start + skip, edit.end + skip, edit.new) for edit in edits)
    utf8 = text.text.encode()
    found: list[TextEdit] = []
    at, offset = 0, len(text.bom)
    for edit in edits:
        start = offset + len(utf8[at : edit.start].decode().encode(text.encoding))
        end = start + len(utf8[edit.start : edit.end].decode().encode(text.encoding))
        found.append(TextEdit(start, end, edit.new.decode().encode(text.encoding)))
        at, offset = edit.end, end
    return tuple(found)


def to_text_edits(before: bytes, edits: Sequence[TextEdit]) -> tuple[StrEdit, ...]:
    r"""Edits of bytes -> edits of the text that an editor shows for ``before``.

    Raises ValueError where ``before`` is no text, or an edit begins or ends inside a character or a ``\r\n``; the
    edits of ``text_edits`` and of a FileEdit never do.
    """
    text = decode(before)
    if text is None:
        raise ValueError("what is no text has no text edits")
    places = _Places(before, text)
    found: list[StrEdit] = []
    for edit in edits:
        start, end = places.at(edit.start), places.at(edit.end)
        found.append(StrEdit(Range(start, end), edit.new.decode(text.encoding)))
    return tuple(found)


def range_of(data: bytes, start: int, end: int) -> Range:
    r"""Where these bytes stand for an editor. What is no text is taken for Latin-1, so that lines at least are right.

    Raises ValueError for an offset inside a character or a ``\r\n``.
    """
    text = decode(data) or Text(data.decode("latin-1"), "latin-1")
    places = _Places(data, text)
    # The byte order mark is no part of what an editor shows.
    first = len(text.bom)
    return Range(places.at(max(start, first)), places.at(max(end, first)))


class _Places:
    """Byte offset -> position, for offsets that never get smaller: each part of the text is looked at once."""

    def __init__(self, data: bytes, text: Text) -> None:
        self._data = data
        self._encoding = text.encoding
        self._offset = len(text.bom)
        self._line = 0
        self._character = 0

    def at(self, offset: int) -> Position:
        if offset < self._offset:
            raise ValueError("offsets must not get smaller, nor lie in the byte order mark")
        passed = self._data[self._offset : offset].decode(self._encoding)
        if passed.endswith("\r") and self._data.startswith("\n".encode(self._encoding), offset):
            raise ValueError("an edit begins or ends inside a line end")
        ends = list(_LINE_END.finditer(passed))
        if ends:
            self._line += len(ends)
            self._character = len(passed) - ends[-1].end()
        else:
            self._character += len(passed)
        self._offset = offset
        return Position(self._line, self._character)


def encode_position(text_line: str, character: int, encoding: PositionEncoding) -> int:
    """A column in code points -> the same column in what a client counts in. Past the end of the line is its end."""
    passed = text_line[:character]
    if encoding == "utf-32":
        return len(passed)
    # A buffer may hold half of a surrogate pair, since JSON can carry one.
    if encoding == "utf-16":
        return len(passed.encode("utf-16-le", "surrogatepass")) // 2
    return len(passed.encode("utf-8", "surrogatepass"))
