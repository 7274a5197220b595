"""The text of a file as the user sees it: of an open document what the editor shows, else what the disk has."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable
from pathlib import Path

from fanout_server.syntax.errors import Unreadable

Opened = Callable[[str], str | None]
"""From a path in the checkout to the text of the document that is open on it, or ``None``."""

_LARGEST = 4 * 1024 * 1024
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def nothing_open(path: str) -> str | None:
    """Where there is no editor."""
    del path
    return None


class Texts:
    """Blocking: reads the disk."""

    def __init__(self, root: Path, opened: Opened = nothing_open) -> None:
        self._root = root
        self._opened = opened

    def read(self, path: str) -> str:
        """Without a byte order mark. ``path`` is relative to the top folder. Raises Unreadable."""
        text = self._opened(path)
        if text is None:
            return _decoded(self._bytes(path))
        if len(text) > _LARGEST:
            raise _too_large()
        return text

    def size(self, path: str) -> int:
        """In bytes, or in characters of an open document; 0 for what is not there."""
        text = self._opened(path)
        if text is not None:
            return len(text)
        try:
            return (self._root / path).stat().st_size
        except OSError:
            return 0

    def _bytes(self, path: str) -> bytes:
        try:
            with (self._root / path).open("rb") as file:
                if os.fstat(file.fileno()).st_size > _LARGEST:
                    raise _too_large()
                return file.read()
        except OSError as error:
            raise Unreadable(f"cannot be read ({error.strerror})") from error


def _too_large() -> Unreadable:
    return Unreadable(f"is larger than {_LARGEST // (1024 * 1024)} MB, too large to be split")


def _decoded(data: bytes) -> str:
    mark, encoding = next(((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        what = "is binary" if b"\0" in data else "is not UTF-8"
        raise Unreadable(what) from error
    if "\0" in text:
        raise Unreadable("is binary")
    return text
