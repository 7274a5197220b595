"""Quoted names with the place of each part: shell words, and git's C-style quotes."""

from __future__ import annotations

import re

from attrs import frozen

_C_ESCAPE = re.compile(r"\\([0-7]{3}|.)", re.DOTALL)
_C_LETTERS = {"a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_C_NAMES = {letter: name for name, letter in _C_LETTERS.items()}
_C_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_DOUBLE_ESCAPES = '$`"\\\n'


@frozen
class Word:
    """A shell word: what it says, and where it stands with its quotes. A shell would expand what is not ``plain``."""

    text: str
    start: int
    end: int
    plain: bool


def shell_words(text: str, start: int, end: int, closing: str = "") -> tuple[list[Word], int]:
    """The words of ``text[start:end]`` up to an unquoted ``closing``, and where that stands (``end`` if nowhere).

    A quote that nothing closes ends with its line.
    """
    words: list[Word] = []
    at = start
    while at < end and text[at] != closing:
        if text[at].isspace():
            at += 1
        elif text[at] == "#":
            at = _line_end(text, at, end)
        else:
            words.append(_word(text, at, end, closing))
            at = max(words[-1].end, at + 1)
    return words, min(at, end)


def _word(text: str, start: int, end: int, closing: str) -> Word:
    parts: list[str] = []
    plain = True
    at = start
    while at < end and not text[at].isspace() and text[at] != closing:
        letter = text[at]
        if letter == "'":
            close, after = _close(text, at, end)
            parts.append(text[at + 1 : close])
            at = after
        elif letter == '"':
            inner, at, quoted_plain = _double_quoted(text, at, end)
            parts.append(inner)
            plain = plain and quoted_plain
        elif letter == "\\" and at + 1 < end:
            # A backslash before a line break continues the line; before a CRLF too, as people paste it.
            if text[at + 1] not in "\r\n":
                parts.append(text[at + 1])
            at += 2
        else:
            plain = plain and letter not in "$`"
            parts.append(letter)
            at += 1
    return Word("".join(parts), start, min(at, end), plain)


def _close(text: str, opening: int, end: int) -> tuple[int, int]:
    """Where the quoted text ends, and where the word goes on."""
    stop = _line_end(text, opening, end)
    close = text.find(text[opening], opening + 1, stop)
    return (stop, stop) if close < 0 else (close, close + 1)


def _double_quoted(text: str, opening: int, end: int) -> tuple[str, int, bool]:
    parts: list[str] = []
    stop = _line_end(text, opening, end)
    at = opening + 1
    plain = True
    while at < stop and text[at] != '"':
        if text[at] == "\\" and at + 1 < stop and text[at + 1] in _DOUBLE_ESCAPES:
            at += 1
        elif text[at] in "$`":
            plain = False
        parts.append(text[at])
        at += 1
    return "".join(parts), min(at + 1, stop), plain


def _line_end(text: str, start: int, end: int) -> int:
    stops = [at for at in (text.find("\n", start, end), text.find("\r", start, end)) if at >= 0]
    return min(stops, default=end)


def c_quoted(text: str, start: int = 0) -> tuple[str, int] | None:
    """The name in git's quotes that opens at ``start``, and where it ends; ``None`` where none stands there."""
    found = _C_QUOTED.match(text, start)
    return None if found is None else (_c_unquote(found[1]), found.end())


def _c_unquote(inner: str) -> str:
    """Octal escapes are bytes of the name, so they are put together before they are read as UTF-8."""

    def byte(found: re.Match[str]) -> bytes:
        code = found[1]
        if code[0] in "01234567" and len(code) > 1:
            return bytes([int(code, 8) & 0xFF])
        return _bytes(_C_LETTERS.get(code, "\\" + code))

    raw = bytearray()
    done = 0
    for found in _C_ESCAPE.finditer(inner):
        raw += _bytes(inner[done : found.start()]) + byte(found)
        done = found.end()
    raw += _bytes(inner[done:])
    return raw.decode("utf-8", "surrogateescape")


def c_quote(name: str) -> str:
    """``name`` in git's quotes, on one line: what is not printable is written as bytes."""
    parts: list[str] = []
    for letter in name:
        if letter in _C_NAMES:
            parts.append("\\" + _C_NAMES[letter])
        elif letter.isprintable():
            parts.append(letter)
        else:
            parts += [f"\\{byte:03o}" for byte in _bytes(letter)]
    return '"' + "".join(parts) + '"'


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Half of a pair, which no file name can hold, but a client may send.
        return text.encode("utf-8", "surrogatepass")
