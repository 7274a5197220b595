"""Unsaved text as the bytes that saving would leave, and uris as paths."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.apply.content import EXECUTABLE, REGULAR, SYMLINK, Content, Disk, Unreadable
from fanout_server.lsp import uris
from fanout_server.lsp.documents import Document
from fanout_server.lsp.present import EditorPresent, open_files, unsaved

LATER = 4e9


def opened(path: Path, text: str, *, changed: bool = True, synced: float = LATER) -> Document:
    return Document(path.as_uri(), str(path), 1, text, "x", synced, changed)


@pytest.mark.parametrize(
    ("disk", "shown", "saved"),
    [
        (b"a\n", "b\n", b"b\n"),
        (b"a", "b", b"b"),
        (codecs.BOM_UTF8 + b"a\n", "b\n", codecs.BOM_UTF8 + b"b\n"),
        (codecs.BOM_UTF8 + b"a\n", "\ufeffb\n", codecs.BOM_UTF8 + b"b\n"),
        ("\ufeffa\n".encode("utf-16-le"), "\U0001f600\n", "\ufeff\U0001f600\n".encode("utf-16-le")),
        (b"a\r\nb\r\n", "a\nc\n", b"a\r\nc\r\n"),  # Emacs shows no CR
        (b"a\r\nb\r\n", "a\r\nc\r\n", b"a\r\nc\r\n"),
        (b"a\r\nb\n", "a\nc\n", b"a\nc\n"),  # mixed line ends: the editor's choice
        (b"", "a\n", b"a\n"),
    ],
)
def test_a_buffer_keeps_the_encoding_mark_and_line_ends_of_its_file(
    tmp_path: Path, disk: bytes, shown: str, saved: bytes
) -> None:
    path = tmp_path / "a b.txt"
    path.write_bytes(disk)
    files = open_files([opened(path, shown)], tmp_path)
    assert unsaved(files) == {"a b.txt": saved}
    path.chmod(0o755)
    assert EditorPresent(Disk(tmp_path), files).read("a b.txt") == Content(EXECUTABLE, saved)


def test_a_saved_buffer_and_one_outside_are_not_handed_in(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for path in (root / "a", tmp_path / "b"):
        path.write_text("x\n")
    documents = [
        opened(root / "a", "x\n"),
        opened(tmp_path / "b", "typed"),
        attrs.evolve(opened(root / "a", "typed"), uri="untitled:a", path=None),
    ]
    assert unsaved(open_files(documents, root)) == {}


def test_a_buffer_that_the_disk_has_overtaken_gives_way(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("new\n")
    assert open_files([opened(path, "old\n", changed=False, synced=0.0)], tmp_path) == {}
    assert unsaved(open_files([opened(path, "old\n", changed=True, synced=0.0)], tmp_path)) == {"a": b"old\n"}
    path.unlink()
    assert open_files([opened(path, "old\n", changed=False)], tmp_path) == {}
    assert unsaved(open_files([opened(path, "typed", changed=True)], tmp_path)) == {"a": b"typed"}


@pytest.mark.parametrize("text", ["", "\n", "\r\n"])
def test_a_new_buffer_with_nothing_in_it_is_no_file_yet(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a"
    files = open_files([opened(path, text, changed=False)], tmp_path)
    assert EditorPresent(Disk(tmp_path), files).read("a") is None
    assert unsaved(files) == {}
    assert files["a"].is_saved
    typed = open_files([opened(path, text)], tmp_path)
    assert EditorPresent(Disk(tmp_path), typed).read("a") == Content(REGULAR, text.encode())


def test_a_link_is_its_own_file_and_its_buffer_that_of_its_target(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("x\n")
    (tmp_path / "link").symlink_to("target")
    files = open_files([opened(tmp_path / "link", "typed\n")], tmp_path)
    present = EditorPresent(Disk(tmp_path), files)
    assert present.read("link") == Content(SYMLINK, b"target")
    assert present.read("target") == Content(REGULAR, b"typed\n")


def test_a_buffer_of_unknown_encoding_is_read_from_disk_until_it_is_typed_in(tmp_path: Path) -> None:
    path = tmp_path / "latin"
    path.write_bytes(b"\xff\n")
    disk = Disk(tmp_path)
    files = open_files([opened(path, "\u00ff\n", changed=False)], tmp_path)
    assert EditorPresent(disk, files).read("latin") == Content(REGULAR, b"\xff\n")
    files = open_files([opened(path, "\u00ff!\n")], tmp_path)
    assert unsaved(files) == {}
    with pytest.raises(Unreadable, match="save it first"):
        EditorPresent(disk, files).read("latin")


@settings(max_examples=200, deadline=None)
@given(
    st.binary(min_size=1, max_size=20).filter(
        lambda name: b"\0" not in name and b"/" not in name and name not in {b".", b".."}
    )
)
def test_any_file_name_survives_as_a_uri(name: bytes) -> None:
    path = "/folder/" + os.fsdecode(name)
    uri = uris.from_path(path)
    assert uri.isascii()
    assert uris.to_path(uri) == path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a%20b", "/a b"),
        ("file:///a b", "/a b"),
        ("file:///100%", "/100%"),
        ("FILE://localhost/a/../b", "/b"),
        ("file:///a?b#c", "/a?b#c"),
        ("file:///caf\u00e9", "/caf\u00e9"),
        ("file:///c%3A/x", "/c:/x"),
        ("file://server/share", None),
        ("file:relative", None),
        ("file:///a%00b", None),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/a.ipynb#x", None),
        ("", None),
        ("http://[", None),
    ],
)
def test_uris_as_clients_write_them(uri: str, path: str | None) -> None:
    assert uris.to_path(uri) == path
