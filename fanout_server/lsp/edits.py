"""An edit plan as one workspace edit, in the form that this client understands; what no editor can do is left to us."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen
from lsprotocol import types

from fanout_server.apply import text
from fanout_server.apply.content import REGULAR, Content
from fanout_server.apply.edits import EditPlan, FileEdit
from fanout_server.lsp.client import Client
from fanout_server.lsp.positions import Encoding, Forward, Lines
from fanout_server.lsp.present import OpenFile
from fanout_server.model import Finding, Position, Range, Severity

_LINE_END = re.compile(r"\r\n|\n|\r")
_LAST_END = re.compile(r"(?:\r\n|\n|\r)\Z")


@frozen
class Share:
    """Who makes which edits: the editor, or the server on disk; ``left`` are those that neither can make now."""

    editor: tuple[FileEdit, ...]
    server: tuple[FileEdit, ...]
    left: tuple[Finding, ...]


def share_out(plan: EditPlan, files: Mapping[str, OpenFile], client: Client) -> Share:
    """The editor gets what it can do without a byte going astray; the server must not write below unsaved text."""
    swapped = _swapped(plan.edits)
    editor: list[FileEdit] = []
    server: list[FileEdit] = []
    left: list[Finding] = []
    for edit in plan.edits:
        source = edit.renamed_from or edit.path
        open_file = files.get(source)
        if client.apply_edit and edit.path not in swapped and _editor_can(edit, open_file, client):
            editor.append(edit)
        elif open_file is not None and not open_file.is_saved:
            message = (
                f"'{edit.path}' has unsaved text, and its change ({_why(edit)}) can be made on disk only."
                " Save the file, then apply the run again."
            )
            left.append(Finding("apply/unsaved", Severity.WARNING, message, source, units=edit.units))
        else:
            server.append(edit)
    return Share(tuple(editor), tuple(server), tuple(left))


def _why(edit: FileEdit) -> str:
    if edit.kind != "replace":
        return f"to {edit.kind} it"
    old, new = edit.before, edit.after
    return "its mode or kind" if old and new and old.mode != new.mode else "no text"


def _editor_can(edit: FileEdit, open_file: OpenFile | None, client: Client) -> bool:
    if edit.path.encode("utf-8", "replace").decode() != edit.path:
        return False  # editors keep names as Unicode text
    if edit.kind == "modify":
        return open_file is not None or _opens_unharmed(edit.before, client)
    if edit.kind == "create":
        return (open_file is not None or "create" in client.operations) and _is_plain(edit.after)
    if edit.kind == "delete":
        return "delete" in client.operations and not (edit.before and edit.before.is_link)
    if edit.kind == "rename":
        unharmed = not edit.edits or open_file is not None or _opens_unharmed(edit.before, client)
        return "rename" in client.operations and unharmed and not (edit.before and edit.before.is_link)
    return False


def _opens_unharmed(content: Content | None, client: Client) -> bool:
    """Whether an editor that opens this file for the edit shows it as it is: UTF-8, one kind of line end."""
    decoded = text.decode(content.data) if content else None
    if decoded is None or decoded.encoding != "utf-8":
        return False
    cr, lf, both = decoded.text.count("\r"), decoded.text.count("\n"), decoded.text.count("\r\n")
    if cr == 0:
        return True
    return cr == lf == both and not client.drops_cr


def _is_plain(content: Content | None) -> bool:
    """A new file that no editor makes a mode, a mark, a line end or a last line of its own for."""
    if content is None or content.mode != REGULAR:
        return False
    decoded = text.decode(content.data)
    if decoded is None or decoded.encoding != "utf-8" or decoded.bom or "\r" in decoded.text:
        return False
    return not decoded.text or decoded.text.endswith("\n")


def _swapped(edits: Iterable[FileEdit]) -> set[str]:
    """Where a file and a folder change places: an editor, which creates before it deletes, cannot do that."""
    coming = {edit.path for edit in edits if edit.kind in {"create", "rename"}}
    leaving = {edit.renamed_from or edit.path for edit in edits if edit.kind in {"delete", "rename"}}
    clash = {one for one in coming if _parents(one) & leaving} | {one for one in leaving if _parents(one) & coming}
    clash |= {parent for one in (*coming, *leaving) for parent in _parents(one) & (coming | leaving)}
    return {edit.path for edit in edits if edit.path in clash or edit.renamed_from in clash}


def _parents(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:count]) for count in range(1, len(parts))}


def _end(shown: str) -> Position:
    """Where a text ends, in code points."""
    lines = _LINE_END.split(shown)
    return Position(len(lines) - 1, len(lines[-1]))


@frozen
class Writer:
    """Makes workspace edits for one client. ``uri_of`` gives the uri of a path in the checkout."""

    client: Client
    encoding: Encoding
    uris: Mapping[str, str]
    files: Mapping[str, OpenFile]
    titles: Mapping[str, str]
    confirm: bool

    def write(self, edits: Sequence[FileEdit]) -> types.WorkspaceEdit:
        """CPU-bound for big edits."""
        if not self.client.document_changes:
            return types.WorkspaceEdit(changes={self.uris[one.path]: self._text_edits(one, None) for one in edits})
        # In this order, since some clients reorder what they get to it.
        # What is open as a new buffer becomes a file when the user saves it.
        changes: list[Any] = [self._create(one) for one in edits if one.kind == "create" and one.path not in self.files]
        changes += [
            self._change(one) for one in edits if one.edits or (one.kind == "create" and one.after and one.after.data)
        ]
        changes += [self._rename(one, one.renamed_from) for one in edits if one.renamed_from is not None]
        changes += [self._delete(one) for one in edits if one.kind == "delete"]
        annotations = None
        if self.client.annotations:
            annotations = {self._annotation(one): self._describe(one) for one in edits}
        return types.WorkspaceEdit(document_changes=changes, change_annotations=annotations)

    def _annotation(self, edit: FileEdit) -> str:
        return "+".join(edit.units) or "fanout"

    def _note(self, edit: FileEdit) -> str | None:
        return self._annotation(edit) if self.client.annotations else None

    def _describe(self, edit: FileEdit) -> types.ChangeAnnotation:
        label = ", ".join(self.titles.get(unit, unit) for unit in edit.units) or "fanout"
        return types.ChangeAnnotation(label=label, needs_confirmation=self.confirm, description=self._annotation(edit))

    def _create(self, edit: FileEdit) -> types.CreateFile:
        options = types.CreateFileOptions(ignore_if_exists=True)
        return types.CreateFile(self.uris[edit.path], options=options, annotation_id=self._note(edit))

    def _rename(self, edit: FileEdit, source: str) -> types.RenameFile:
        options = types.RenameFileOptions(ignore_if_exists=True)
        old, new = self.uris[source], self.uris[edit.path]
        return types.RenameFile(old_uri=old, new_uri=new, options=options, annotation_id=self._note(edit))

    def _delete(self, edit: FileEdit) -> types.DeleteFile:
        options = types.DeleteFileOptions(ignore_if_not_exists=True)
        return types.DeleteFile(self.uris[edit.path], options=options, annotation_id=self._note(edit))

    def _change(self, edit: FileEdit) -> types.TextDocumentEdit:
        source = edit.renamed_from or edit.path
        open_file = self.files.get(source)
        document = types.OptionalVersionedTextDocumentIdentifier(
            uri=self.uris[source], version=open_file.document.version if open_file else None
        )
        return types.TextDocumentEdit(text_document=document, edits=self._text_edits(edit, self._note(edit)))

    def _text_edits(self, edit: FileEdit, note: str | None) -> list[Any]:
        if edit.kind == "create":
            after = text.decode(edit.after.data) if edit.after else None
            opened = self.files.get(edit.path)
            # All that is shown of it is a line end, if anything.
            lines = int(self.client.blank_line if opened is None else bool(opened.document.text))
            start, end = types.Position(0, 0), types.Position(lines, 0)
            new = after.text if after else ""
            return [_text_edit(types.Range(start, end), new, note)] if new else []
        if edit.before is None:
            return []
        before = text.decode(edit.before.data)
        places = Lines.of(before.text if before else "").forward(self.encoding)
        open_file = self.files.get(edit.renamed_from or edit.path)
        mark = bool(open_file and open_file.document.text.startswith("\ufeff"))
        drops_cr = bool(open_file and open_file.drops_cr)
        return [
            _text_edit(
                types.Range(self._position(places, one.range.start, mark), self._position(places, one.range.end, mark)),
                one.new.replace("\r\n", "\n") if drops_cr else one.new,
                note,
            )
            for one in self._placed(before.text if before else "", text.to_text_edits(edit.before.data, edit.edits))
        ]

    def _placed(self, before: str, edits: Sequence[text.StrEdit]) -> Iterable[text.StrEdit]:
        """Neovim takes what is inserted behind the last line end as lines, its own last line end as one line more."""
        found = _LAST_END.search(before) if self.client.blank_line else None
        if found is None:
            return edits
        behind, last = (Range(one, one) for one in (_end(before), _end(before[: found.start()])))
        return [
            text.StrEdit(last, found[0] + _LAST_END.sub("", one.new))
            if one.range == behind and _LAST_END.search(one.new)
            else one
            for one in edits
        ]

    def _position(self, places: Forward, position: Position, mark: bool) -> types.Position:  # noqa: FBT001
        """``mark``: this client shows the byte order mark as the first character."""
        at = places.to_client(position)
        skip = 0
        if mark and at.line == 0:
            skip = 3 if self.encoding is Encoding.UTF8 else 1
        return types.Position(at.line, at.character + skip)


def _text_edit(span: types.Range, new: str, note: str | None) -> types.TextEdit | types.AnnotatedTextEdit:
    if note is None:
        return types.TextEdit(range=span, new_text=new)
    return types.AnnotatedTextEdit(annotation_id=note, range=span, new_text=new)
