"""Edit plans as workspace edits: applied as an editor would, in its encoding, they give what the plan says."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lsprotocol import types

from fanout_server.apply.content import EXECUTABLE, REGULAR, SYMLINK, Content
from fanout_server.apply.edits import EditPlan, FileEdit
from fanout_server.apply.text import text_edits
from fanout_server.lsp import present
from fanout_server.lsp.client import Client
from fanout_server.lsp.documents import Document
from fanout_server.lsp.edits import Writer, share_out
from fanout_server.lsp.positions import Encoding
from fanout_server.lsp.present import OpenFile
from tests.strategies import edited_texts

FULL = Client(
    apply_edit=True, document_changes=True, operations=frozenset({"create", "rename", "delete"}), annotations=True
)
LINES = st.lists(
    st.tuples(st.sampled_from(["", "a", "\u00e9\U0001f600", "b\fc", "\u2028d"]), st.sampled_from(["\n", "\r\n", "\n"])),
    max_size=8,
).map(lambda lines: "".join(text + end for text, end in lines))


def content(data: str | bytes, mode: int = REGULAR) -> Content:
    return Content(mode, data.encode() if isinstance(data, str) else data)


def modify(before: str | bytes, after: str | bytes, path: str = "a") -> FileEdit:
    old, new = content(before), content(after)
    edits = text_edits(old.data, new.data)
    assert edits is not None
    return FileEdit(path, "modify", old, new, edits, units=("01-a",))


def plan_of(*edits: FileEdit) -> EditPlan:
    return EditPlan(edits, (), ())


def opened(text: str, *, disk: bytes | None = None, drops_cr: bool = False, data: bytes | None = None) -> OpenFile:
    document = Document("file:///a", "/a", 7, text, "x", 0.0, changed=True)
    return OpenFile(document, disk, text.encode() if data is None else data, drops_cr)


def write(edit: FileEdit, encoding: Encoding, files: dict[str, OpenFile], client: Client = FULL) -> types.WorkspaceEdit:
    uris = {path: f"file:///{path}" for path in (edit.path, edit.renamed_from) if path}
    return Writer(client, encoding, uris, files, {"01-a": "a.py"}, confirm=True).write([edit])


def offsets(text: str, edits: list[Any], encoding: Encoding) -> list[tuple[int, int, str]]:
    starts = [0, *(end.end() for end in re.finditer("\r\n|\n|\r", text))]
    size, codec = {
        Encoding.UTF8: (1, "utf-8"),
        Encoding.UTF16: (2, "utf-16-le"),
        Encoding.UTF32: (4, "utf-32-le"),
    }[encoding]

    def offset(position: types.Position) -> int:
        rest = text[starts[position.line] :].encode(codec)
        return starts[position.line] + len(rest[: position.character * size].decode(codec))

    return [(offset(edit.range.start), offset(edit.range.end), edit.new_text) for edit in edits]


def as_editor(text: str, edits: list[Any], encoding: Encoding) -> str:
    """All edits are places in the text as it was before any of them."""
    for start, end, new in sorted(offsets(text, edits, encoding), reverse=True):
        text = text[:start] + new + text[end:]
    return text


@settings(max_examples=200, deadline=None)
@given(LINES, LINES, st.booleans(), st.sampled_from(Encoding))
def test_the_edits_make_the_result_in_any_encoding(before: str, after: str, mark: bool, encoding: Encoding) -> None:
    assume(before != after)
    # Some editors show the byte order mark as a character.
    shown = "\ufeff" + before if mark else before
    edit = modify(shown, "\ufeff" + after if mark else after)
    (change,) = write(edit, encoding, {"a": opened(shown)}).document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 7
    result = as_editor(shown, list(change.edits), encoding)
    assert result == ("\ufeff" + after if mark else after)


@settings(max_examples=150, deadline=None)
@given(edited_texts(), st.booleans(), st.sampled_from(Encoding))
def test_edits_within_lines_make_the_result_in_any_encoding(
    texts: tuple[str, str], mark: bool, encoding: Encoding
) -> None:
    before, after = (f"\ufeff{text}" if mark else text.lstrip("\ufeff") for text in texts)
    assume(before != after)
    (change,) = write(modify(before, after), encoding, {"a": opened(before)}).document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert as_editor(before, list(change.edits), encoding) == after


# The bar is the cursor: it is where the bar is in what comes out, too.
CURSORS = [
    ("x = get(|a, b)", "x = gets(|a, c)"),
    ("|x = get(a, b)", "|x = gets(a, c)"),
    ("x = get(a, b)|", "x = gets(a, c)|"),
    ("def f(self, na|me):", "async def f(self, na|me):"),
    ("\treturn total| + 1", "\t\treturn total| + 1"),
    ("if done|:", "if done| and not late:"),
    ("\U0001f600 hello, wor|ld", "\U0001f600\U0001f600 hello, wor|ld"),
    ("caf\u00e9 = menu[drin|k]", "cafe\u0301 = menu[drin|k]"),
    ("alpha(one)\nbeta(t|wo)\ngamma(three)", "alpha(1, one)\nbeta(t|wo, 2)\ngamma(3, three)"),
    ("alpha(one)\nbeta(t|wo)", "# said anew\nalpha(one, 1)\n# and more\nbeta(t|wo, 2)"),
    ("a = first|\r\nb = second\r\n", "a = first|\nb = second\n"),
    ("no line end |here", "no line end |here\n"),
    ("old text\n|next line\n", "wholly different\n|next line\n"),
]


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize(("before", "after"), CURSORS)
def test_a_cursor_stays_on_its_character(before: str, after: str, encoding: Encoding) -> None:
    old, new = before.replace("|", ""), after.replace("|", "")
    (change,) = write(modify(old, new), encoding, {"a": opened(old)}).document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    cursor = at = before.index("|")
    for start, end, text in offsets(old, list(change.edits), encoding):
        assert not start < at < end, "the cursor stands in what is replaced"
        if end <= at and (start, end) != (at, at):
            cursor += len(text) - (end - start)
    assert cursor == after.index("|")


def test_many_edits_of_one_long_line_are_found_in_one_walk() -> None:
    old = "".join(f"call_{number}(\u00e9, one); " for number in range(30_000))
    edit = modify(old, re.sub(r"(call_\d*7)\(", r"\1(more, ", old))
    assert len(edit.edits) == 2_000
    began = time.perf_counter()
    (change,) = write(edit, Encoding.UTF16, {"a": opened(old)}).document_changes or ()
    assert time.perf_counter() - began < 2
    assert isinstance(change, types.TextDocumentEdit)
    assert len(change.edits) == 2_000


def test_an_editor_that_shows_no_cr_gets_none() -> None:
    edit = modify("a\r\nb\r\n", "a\r\nc\r\n")
    (change,) = write(edit, Encoding.UTF16, {"a": opened("a\nb\n", drops_cr=True)}).document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert as_editor("a\nb\n", list(change.edits), Encoding.UTF16) == "a\nc\n"


def test_annotations_name_the_units_and_versions_are_null_for_files_that_are_not_open() -> None:
    made = write(modify("a\n", "b\n"), Encoding.UTF8, {})
    (change,) = made.document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version is None
    assert [getattr(one, "annotation_id", None) for one in change.edits] == ["01-a"]
    assert made.change_annotations == {
        "01-a": types.ChangeAnnotation(label="a.py", needs_confirmation=True, description="01-a")
    }


CREATE = FileEdit("new", "create", None, content("x\n"))
DELETE = FileEdit("old", "delete", content("x\n"), None)
RENAME = FileEdit("new", "rename", content("x\n"), content("x\n"), renamed_from="old")


@pytest.mark.parametrize(
    ("edit", "client", "editor"),
    [
        (CREATE, FULL, True),
        (DELETE, FULL, True),
        (RENAME, FULL, True),
        (modify("a\n", "b\n"), FULL, True),
        (modify("a\n", "b\n"), Client(apply_edit=True), True),
        (CREATE, Client(apply_edit=True, document_changes=True), False),
        (DELETE, attrs.evolve(FULL, operations=frozenset({"create"})), False),
        (RENAME, attrs.evolve(FULL, operations=frozenset({"create"})), False),
        (CREATE, attrs.evolve(FULL, apply_edit=False), False),
        (attrs.evolve(CREATE, path="n\udcff"), FULL, False),
        (attrs.evolve(CREATE, after=content("x\n", EXECUTABLE)), FULL, False),
        (attrs.evolve(CREATE, after=content("x\r\n")), FULL, False),
        (attrs.evolve(CREATE, after=content("no end")), FULL, False),
        (attrs.evolve(CREATE, after=content("")), FULL, True),
        (attrs.evolve(CREATE, after=content(b"\0")), FULL, False),
        (attrs.evolve(CREATE, after=content("\ufeffx\n")), FULL, False),
        (attrs.evolve(CREATE, after=content("there", SYMLINK)), FULL, False),
        (attrs.evolve(DELETE, before=content("there", SYMLINK)), FULL, False),
        (FileEdit("a", "replace", content("a\n"), content("a\n", EXECUTABLE)), FULL, False),
        (modify("a\r\nb\r\n", "a\r\n"), FULL, True),
        (modify("a\r\nb\r\n", "a\r\n"), attrs.evolve(FULL, drops_cr=True), False),
        (modify("a\r\nb\n", "a\r\n"), FULL, False),  # mixed line ends: an editor would make them alike
        (modify("\ufeffa\n".encode("utf-16-le"), "\ufeffb\n".encode("utf-16-le")), FULL, False),
    ],
)
def test_who_makes_an_edit(edit: FileEdit, client: Client, editor: bool) -> None:
    share = share_out(plan_of(edit), {}, client)
    assert (share.editor, share.server) == (((edit,), ()) if editor else ((), (edit,)))
    assert share.left == ()


@pytest.mark.parametrize(("client", "end"), [(FULL, (0, 0)), (attrs.evolve(FULL, blank_line=True), (1, 0))])
def test_the_blank_line_of_an_empty_file_is_written_over(client: Client, end: tuple[int, int]) -> None:
    (_, change) = write(CREATE, Encoding.UTF8, {}, client).document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    (one,) = change.edits
    assert isinstance(one, types.TextEdit | types.AnnotatedTextEdit)
    assert (one.range, one.new_text) == (types.Range(types.Position(0, 0), types.Position(*end)), "x\n")


@pytest.mark.parametrize(("shown", "end"), [("", (0, 0)), ("\n", (1, 0))])
@pytest.mark.parametrize("client", [FULL, attrs.evolve(FULL, operations=frozenset())])
def test_what_is_open_and_no_file_yet_is_filled_and_not_made(client: Client, shown: str, end: tuple[int, int]) -> None:
    files = {CREATE.path: OpenFile(Document("file:///a", "/a", 7, shown, "x", 0.0), None, None, drops_cr=False)}
    assert share_out(plan_of(CREATE), files, client).editor == (CREATE,)
    (change,) = write(CREATE, Encoding.UTF8, files, client).document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert change.text_document.version == 7
    assert [one.range for one in change.edits] == [types.Range(types.Position(0, 0), types.Position(*end))]
    mode = attrs.evolve(CREATE, after=content("x\n", EXECUTABLE))
    assert share_out(plan_of(mode), files, client).server == (mode,)


def test_below_unsaved_text_the_server_writes_nothing() -> None:
    edit = FileEdit("a", "replace", content("typed\n"), content("typed\n", EXECUTABLE), units=("01-a",))
    share = share_out(plan_of(edit), {"a": opened("typed\n", disk=b"saved\n")}, FULL)
    assert (share.editor, share.server) == ((), ())
    assert [(one.code, one.path, one.units) for one in share.left] == [("apply/unsaved", "a", ("01-a",))]
    saved = share_out(plan_of(edit), {"a": opened("typed\n", disk=b"typed\n")}, FULL)
    assert saved.server == (edit,)


def test_a_file_and_a_folder_that_change_places_are_left_to_the_server() -> None:
    going = FileEdit("x", "delete", content("x\n"), None)
    coming = FileEdit("x/y", "create", None, content("y\n"))
    share = share_out(plan_of(going, coming, CREATE), {}, FULL)
    assert share.server == (going, coming)
    assert share.editor == (CREATE,)
    back = share_out(plan_of(FileEdit("x/y", "delete", content("y\n"), None), attrs.evolve(CREATE, path="x")), {}, FULL)
    assert back.editor == ()


def test_an_open_document_of_a_real_file_is_edited_through_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\r\ntwo\r\n")
    document = Document(path.as_uri(), str(path), 3, "one\ntyped\n", "x", 4e9, changed=True)
    files = present.open_files([document], tmp_path)
    assert files["a"].drops_cr
    assert files["a"].data == b"one\r\ntyped\r\n"
    edit = modify(b"one\r\ntyped\r\n", b"ONE\r\ntyped\r\n")
    assert share_out(plan_of(edit), files, attrs.evolve(FULL, drops_cr=True)).editor == (edit,)
    (change,) = write(edit, Encoding.UTF8, dict(files)).document_changes or ()
    assert isinstance(change, types.TextDocumentEdit)
    assert as_editor(document.text, list(change.edits), Encoding.UTF8) == "ONE\ntyped\n"


@pytest.mark.parametrize(
    ("before", "after", "place", "new"),
    [
        ("a\n\u00e9\n", "a\n\u00e9\nb\n", (1, 1), "\nb"),
        ("a\r\n", "a\r\nb\r\nc\r\n", (0, 1), "\r\nb\r\nc"),
        ("\n", "\nb\n", (0, 0), "\nb"),
        # Not behind the last line end, or without one of its own: as it is.
        ("a\n", "b\na\n", (0, 0), "b\n"),
        ("a", "a\nb\n", (0, 1), "\nb\n"),
        ("a\n", "a\nb", (1, 0), "b"),
    ],
)
def test_what_neovim_would_give_a_line_more(before: str, after: str, place: tuple[int, int], new: str) -> None:
    client = attrs.evolve(FULL, blank_line=True)
    made = write(modify(before, after), Encoding.UTF16, {}, client)
    assert made.document_changes is not None
    (change,) = made.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    (edit,) = change.edits
    assert (edit.range.start.line, edit.range.start.character) == place
    assert edit.range.start == edit.range.end
    assert edit.new_text == new  # type: ignore[union-attr]  # no snippet
