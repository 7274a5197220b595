"""What a quote may be meant as: reviewers copy with fences, line numbers and the marks of a diff around the text.

All is compared without white space, commas and semicolons, and with one kind of quotes: they copy these badly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 4_000
LEAST_PIECE = 4
LEAST_ALONE = 12
"""Characters that stand nowhere by chance."""

_QUOTES = dict.fromkeys('"`´‘’“”„«»', "'")
_DROPPED = " \t\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029\u202f\u3000,;\ufeff\u200b"
_TABLE = str.maketrans({**_QUOTES, **dict.fromkeys(_DROPPED, ""), **dict.fromkeys(map(chr, range(0x2000, 0x200B)), "")})

_DOTS = re.compile(
    r"(?:^[^\S\n]*(?:#|//|/\*|--|<!--)[^\S\n]*)?(?:\[?\.\.\.+\]?|\[?…\]?)(?:[^\S\n]*(?:\*/|-->))?", re.MULTILINE
)
_FENCE = re.compile(r"^[^\S\n]*(?:```+|~~~+)[^\n]*$", re.MULTILINE)
_NUMBER = re.compile(r"^[^\S\n]*(?:L|line )?(\d{1,7})[^\S\n]*(?:[:|→│\-+]|\t|[^\S\n]{1,2}|$)[^\S\n]?", re.IGNORECASE)
_HEAD = re.compile(r"@@ .*|diff --git .*|index [0-9a-f]+\.\..*|(?:\+\+\+|---) .*")


def normal(text: str) -> str:
    """What is compared; lines stay lines."""
    return text.translate(_TABLE)


class Quote:
    """One form of a quote. ``tail`` are commas and semicolons at its end; ``pieces`` what stood around dots."""

    def __init__(self, text: str) -> None:
        self.lines = [line for line in normal(text).split("\n") if line]
        self.joined = "".join(self.lines)
        stripped = text.rstrip()
        self.tail = stripped[len(stripped.rstrip(",;")) :]
        parts = [normal(part).replace("\n", "") for part in _DOTS.split(text)]
        # A piece that says little would stand anywhere.
        pieces = [part for part in parts if len(part) >= LEAST_PIECE] if len(parts) > 1 else []
        self.pieces = [] if len(pieces) == 1 and len(pieces[0]) < LEAST_ALONE else pieces


def forms(quote: str) -> list[Quote]:
    """As it stands first; those that say nothing left out."""
    quote = quote[:LONGEST].replace("\r\n", "\n").replace("\r", "\n")
    found: dict[str, Quote] = {}
    for text in _meant(quote):
        form = Quote(text)
        if form.joined:
            found.setdefault("\n".join(form.lines), form)
    return list(found.values())


def number_of(quote: str) -> int | None:
    """The line number before its first line, where each line has one."""
    lines = [line for line in _FENCE.sub("", quote[:LONGEST]).split("\n") if line.strip()]
    found = [_NUMBER.match(line) for line in lines]
    return int(found[0][1]) if found and found[0] is not None and all(found) else None


def plain(text: str) -> str:
    """Without fences, and the empty lines around."""
    lines = _FENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


def _meant(quote: str) -> Iterator[str]:
    yield quote
    unfenced = _FENCE.sub("", quote)
    yield unfenced
    yield _unquoted(unfenced)
    bare = _without_numbers(unfenced)
    yield bare
    yield _without_marks(bare)
    yield _without_marks(unfenced)
    yield _without_numbers(_without_marks(unfenced))


def _unquoted(text: str) -> str:
    stripped = text.strip()
    if len(stripped) > len("``") and stripped[0] == stripped[-1] and stripped[0] in "`\"'":
        return stripped.strip(stripped[0])
    return text


def _without_numbers(text: str) -> str:
    """Where each line has one."""
    lines = text.split("\n")
    if not all(_NUMBER.match(line) for line in lines if line.strip()):
        return text
    return "\n".join(_NUMBER.sub("", line, count=1) for line in lines)


def _without_marks(text: str) -> str:
    """What a diff says stands there now: without removed lines, and without its heads."""
    lines = [line for line in text.split("\n") if not _HEAD.fullmatch(line)]
    return "\n".join(line[1:] if line[:1] in {"+", " "} else line for line in lines if line[:1] != "-")
