"""The text of the client's open documents, kept in step by didOpen, didChange, didSave and didClose.

pygls has this too, but cuts lines in the wrong places and miscounts past the end of a line.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from typing import Protocol

import attrs
from lsprotocol import types

from fanout_server.lsp import uris
from fanout_server.lsp.positions import Encoding, Lines


@attrs.frozen
class Document:
    """An open document as of one version.

    ``path`` is absolute, ``None`` for what is no file. ``synced`` is when (epoch seconds) it was last opened or saved;
    ``changed`` says whether it was edited since.
    """

    uri: str
    path: str | None
    version: int
    text: str
    language: str
    synced: float
    changed: bool = False


Change = types.TextDocumentContentChangePartial | types.TextDocumentContentChangeWholeDocument


def apply_change(text: str, change: Change, encoding: Encoding) -> str:
    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return change.text
    lines = Lines.of(text)
    start = lines.offset(change.range.start.line, change.range.start.character, encoding)
    end = lines.offset(change.range.end.line, change.range.end.character, encoding)
    return text[:start] + change.text + text[max(start, end) :]


class Follower(Protocol):
    """Who has places in documents, and hears of each change of their text."""

    def edited(self, document: Document, before: str, after: str, change: Change) -> None:
        """One change of the text; of several in a notification each. ``document`` is as it was before all of them."""
        ...

    def saved(self, document: Document) -> None: ...

    def closed(self, document: Document) -> None:
        """What was edited since it was last saved is gone."""
        ...


class Documents:
    """All open documents of one session.

    ``on_change`` is called after each notification that changed something; ``on_open`` before, with what was opened.
    """

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}
        self.on_change: list[Callable[[], None]] = []
        self.on_open: list[Callable[[Document], None]] = []
        self.followers: list[Follower] = []

    def all(self) -> tuple[Document, ...]:
        return tuple(self._open.values())

    def get(self, uri: str) -> Document | None:
        return self._open.get(key(uri))

    def open(self, item: types.TextDocumentItem) -> None:
        document = self._open[key(item.uri)] = Document(
            uri=item.uri,
            path=uris.to_path(item.uri),
            version=item.version,
            text=item.text,
            language=str(item.language_id),
            synced=time.time(),
        )
        for listener in tuple(self.on_open):
            listener(document)
        self.announce()

    def change(self, uri: str, version: int, changes: Iterable[Change], encoding: Encoding) -> bool:
        """Returns whether the document was open; a change of one that is not is left out."""
        document = self.get(uri)
        if document is None:
            return False
        text = document.text
        for change in changes:
            before, text = text, apply_change(text, change, encoding)
            for follower in self.followers:
                follower.edited(document, before, text, change)
        self._open[key(uri)] = attrs.evolve(document, version=version, text=text, changed=True)
        self.announce()
        return True

    def save(self, uri: str) -> None:
        document = self.get(uri)
        if document is not None:
            self._open[key(uri)] = attrs.evolve(document, synced=time.time(), changed=False)
            for follower in self.followers:
                follower.saved(document)
            self.announce()

    def never_saved(self, document: Document) -> None:
        """All of its text is new, if it is still as it was opened."""
        if self.get(document.uri) is document:
            self._open[key(document.uri)] = attrs.evolve(document, changed=True)
            self.announce()

    def close(self, uri: str) -> None:
        document = self._open.pop(key(uri), None)
        if document is not None:
            for follower in self.followers:
                follower.closed(document)
            self.announce()

    def announce(self) -> None:
        """Calls those who listen."""
        for listener in tuple(self.on_change):
            listener()


@functools.lru_cache(maxsize=16_384)
def key(uri: str) -> str:
    """One key for all spellings of a file's URI: clients escape differently in notifications and in arguments."""
    path = uris.to_path(uri)
    return uri if path is None else "file\0" + path
