"""What git calls a conflict goes up a ladder before it is left out.

1. Both sides are the same: that is none.
2. One side changed only white space where they clash.
3. The syntax trees are merged (``trees``).
4. Items that both added to a list in prose are all in it (``prose``).

What a package manager makes (``lock_files``) is never merged so. A merge driver that the user configured is git's own
business: git has run it before it calls anything a conflict, and has heard its answer.
"""

from __future__ import annotations

from typing import Self

from fanout_server.merging import lock_files
from fanout_server.merging.confidence import Confidence
from fanout_server.repo.unmerged import Settled
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.worker import Worker

_LONGEST = 1024 * 1024
_SECONDS = 10.0
_BOM = "\ufeff"


class Ladder:
    """Has a process of its own, from the first conflict on: for the shared one editors wait. Blocking."""

    def __init__(self) -> None:
        self._worker = Worker(_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def climb(self, path: str, base: bytes, ours: bytes, theirs: bytes) -> Settled | None:
        """``None`` where the sides do not fit, or nobody here can tell.

        The ``way`` is ``same``, ``spaces``, ``syntax`` or ``list``.
        """
        if ours == theirs:
            return Settled(ours, "same", Confidence.HIGH)
        if lock_files.command(path) is not None or max(map(len, (base, ours, theirs))) > _LONGEST:
            return None
        texts = [_text(data) for data in (base, ours, theirs)]
        if None in texts:
            return None
        end, mark = _end(ours), ours.startswith(_BOM.encode())
        plain = [None if text is None else text.removeprefix(_BOM).replace("\r\n", "\n") for text in texts]
        try:
            found = self._worker.call("fanout_server.merging.rungs:answer", path, *plain)
        except Unreadable:
            # It takes too long, or breaks the parser: a conflict it stays.
            return None
        if found is None:
            return None
        merged, way, confidence = found
        text = merged.replace("\n", end)
        return Settled((_BOM + text if mark else text).encode(), way, confidence)


def _text(data: bytes) -> str | None:
    """``None`` for what is no text, or whose line ends are of several kinds: these could not be made again."""
    if b"\0" in data or (b"\r" in data and data.count(b"\r\n") not in {data.count(b"\n"), 0}):
        return None
    if data.count(b"\r") != data.count(b"\r\n"):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _end(data: bytes) -> str:
    return "\r\n" if b"\r\n" in data else "\n"
