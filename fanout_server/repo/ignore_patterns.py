"""Whether a path can be ignored at all, so that git need not be asked about most new files.

Only git knows which paths are ignored. But a pattern that hits a path has parts that each fit a folder above it or the
file itself, by its name alone; where no pattern's longest part does, nothing is ignored. What git would take for a
match is never missed here (see gitignore(5)); some of what it would not take is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

_MARK = b"\xef\xbb\xbf"
_REST = b".*"


def may_match(texts: Iterable[bytes], path: bytes) -> bool:
    """``texts`` are those of the files of patterns that apply; ``path`` ends in a slash for a folder."""
    parts = path.rstrip(b"/").split(b"/")
    return any(fits.fullmatch(part) for text in texts if (fits := _fitting(text)) is not None for part in parts)


@functools.lru_cache(maxsize=512)
def _fitting(text: bytes) -> re.Pattern[bytes] | None:
    parts = {part for line in text.removeprefix(_MARK).split(b"\n") if (part := _longest(line)) is not None}
    # Whether case matters is a setting; so that is left to git, too.
    return re.compile(b"|".join(sorted(parts)), re.DOTALL | re.IGNORECASE) if parts else None


def _longest(line: bytes) -> bytes | None:
    """The part of a pattern that says most, as an expression; ``None`` for what ignores nothing."""
    pattern = line.removesuffix(b"\r")
    if pattern.startswith((b"#", b"!")):
        return None
    bare = pattern.rstrip(b" ")
    if bare != pattern and bare.endswith(b"\\"):
        # A space that is meant.
        return _REST
    parts = [part for part in bare.split(b"/") if part]
    return max((_expression(part) for part in parts), key=_weight) if parts else None


def _expression(part: bytes) -> bytes:
    """What the part of a pattern may fit; more than that where it is odd."""
    found = b""
    at = 0
    while at < len(part):
        one = part[at : at + 1]
        at += 1
        if one == b"*":
            found += _REST
        elif one == b"?":
            found += b"."
        elif one == b"\\":
            found += re.escape(part[at : at + 1])
            at += 1
        elif one == b"[":
            end = part.find(b"]", at + (2 if part[at : at + 1] in {b"!", b"^"} else 1))
            if end < 0 or {b"\\", b"["} & {part[place : place + 1] for place in range(at, end)}:
                return found + _REST
            found += b"."
            at = end + 1
        else:
            found += re.escape(one)
    return found


def _weight(expression: bytes) -> int:
    return len(expression.replace(_REST, b""))
