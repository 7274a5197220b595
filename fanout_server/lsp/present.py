"""What the user has now: open documents as they would be saved, and the disk for everything else. Blocking."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from attrs import frozen

from fanout_server.apply import text
from fanout_server.apply.content import EXECUTABLE, REGULAR, Content, Disk, Unreadable
from fanout_server.lsp.documents import Document


@frozen
class OpenFile:
    """A document that is open and is a file of the checkout.

    ``data`` is the file as saving the document would leave it, ``None`` where its encoding cannot be told, and for a
    new buffer with nothing in it, which is no file yet. ``on_disk`` is what the disk has. ``drops_cr``: the client
    shows CR LF as LF, and puts the CR back when it saves.
    """

    document: Document
    on_disk: bytes | None
    data: bytes | None
    drops_cr: bool

    @property
    def is_saved(self) -> bool:
        return self.data == self.on_disk


def open_files(documents: Iterable[Document], root: Path) -> dict[str, OpenFile]:
    """Path in the checkout -> open document. Symlinks are followed: a document is of the file that saving it writes.

    Left out are documents that the disk has overtaken: not touched since they were opened or saved, while the file
    was written or removed by somebody else. Their editor will load them anew.
    """
    found: dict[str, OpenFile] = {}
    for document in documents:
        if document.path is None:
            continue
        real = Path(os.path.realpath(document.path))
        if real.is_relative_to(root) and real != root:
            one = _open_file(document, real)
            if one is not None:
                found[real.relative_to(root).as_posix()] = one
    return found


class OpenTexts:
    """From a path in the checkout to what the editor shows of it, ``None`` where it is not open.

    Looks at the disk for what it is asked for only, when it is first asked for it.
    """

    def __init__(self, documents: Iterable[Document], root: Path) -> None:
        self._documents = tuple(documents)
        self._root = root
        self._texts: dict[str, str | None] = {}

    @cached_property
    def _by_path(self) -> dict[str, tuple[Document, Path]]:
        found: dict[str, tuple[Document, Path]] = {}
        for document in self._documents:
            if document.path is not None:
                real = Path(os.path.realpath(document.path))
                if real.is_relative_to(self._root):
                    found[real.relative_to(self._root).as_posix()] = (document, real)
        return found

    def __call__(self, path: str) -> str | None:
        if path not in self._texts:
            one = self._by_path.get(path)
            shown = None if one is None else _open_file(*one)
            self._texts[path] = None if shown is None else shown.document.text
        return self._texts[path]


def _open_file(document: Document, real: Path) -> OpenFile | None:
    try:
        status = real.stat()
        disk = real.read_bytes() if stat.S_ISREG(status.st_mode) else None
    except FileNotFoundError:
        if document.changed:
            return OpenFile(document, None, _encode(document.text, text.Text("")), drops_cr=False)
        # Some editors show nothing as one empty line. One that was saved, or never edited, somebody removed.
        return None if document.text.strip("\r\n") else OpenFile(document, None, None, drops_cr=False)
    except OSError:
        return None
    if disk is None or (not document.changed and status.st_mtime > document.synced):
        return None
    decoded = text.decode(disk)
    if decoded is None:
        return OpenFile(document, disk, None, drops_cr=False)
    drops_cr = _drops_cr(document.text, decoded.text)
    shown = document.text.replace("\n", "\r\n") if drops_cr else document.text
    return OpenFile(document, disk, _encode(shown, decoded), drops_cr)


def _encode(shown: str, like: text.Text) -> bytes | None:
    """In the encoding of the file on disk, with its byte order mark. Some clients show the mark as a character."""
    try:
        return text.encode(text.Text(shown.removeprefix("\ufeff"), like.encoding, like.bom))
    except UnicodeEncodeError:
        return None


def _drops_cr(shown: str, on_disk: str) -> bool:
    ends_alike = on_disk.count("\r\n") == on_disk.count("\n") == on_disk.count("\r")
    return "\r\n" in on_disk and ends_alike and "\r" not in shown


def unsaved(files: Mapping[str, OpenFile]) -> dict[str, bytes]:
    """The buffers that a base snapshot needs: those that differ from the disk."""
    return {path: one.data for path, one in files.items() if one.data is not None and one.data != one.on_disk}


@frozen
class EditorPresent:
    """``apply.content.Present`` of one moment: open documents as they were then, the disk as it is."""

    disk: Disk
    files: Mapping[str, OpenFile]

    def read(self, path: str) -> Content | None:
        on_disk = self.disk.read(path)
        one = self.files.get(path)
        if one is None or (on_disk is not None and on_disk.is_link):
            return on_disk
        if one.data is None:
            if not one.document.changed:
                return on_disk
            raise Unreadable(path, "it has unsaved text in an encoding other than UTF-8; save it first")
        mode = EXECUTABLE if on_disk is not None and on_disk.mode == EXECUTABLE else REGULAR
        return Content(mode, one.data)
