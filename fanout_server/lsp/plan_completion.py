"""Completion in a plan document: options and their values, variables after ``{``, files and folders in the list."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen
from lsprotocol import types

from fanout_server import model
from fanout_server.lsp.documents import Document
from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_files import Listed
from fanout_server.lsp.plan_hover import of_option
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.lsp.session import Session
from fanout_server.option_docs import COMMAND_VARIABLE_DOCS, OPTION_DOCS, OUTPUT_FORMATS, VARIABLE_DOCS
from fanout_server.planning import document as documents
from fanout_server.settings import OPTION_KEYS

_KEY = re.compile(r"[A-Za-z_]*")
_OPTION = re.compile(r"(?P<key>[a-z_]+)[ \t]*:(?P<value>.*)", re.DOTALL)
_PART = re.compile(r"(?:.*\n[ \t]*(?:-[ \t]+)?|.*[{,][ \t]*)(?P<word>[a-z_]*)", re.DOTALL)
_FORMAT = re.compile(r".*\bformat[ \t]*:[ \t]*(?P<word>[a-z]*)", re.DOTALL)
_VARIABLE = re.compile(r"(?:.*[^{])?(?P<brace>\{[a-z_]*)", re.DOTALL)
_LAST_WORD = re.compile(r"[^\s,\[\]{}\"']*\Z")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?P<target>.*)", re.DOTALL)
_TEMPLATES = frozenset({*documents.TEMPLATES, "command"})
_PATH_OPTIONS = frozenset({"owns", "setup_key"})
# How a line begins that goes on with the value of the option above it.
_CONTINUES = frozenset(" \t-]}\n")
_MOST = 200
_STALE_SECONDS = 30.0


@frozen
class _Choice:
    """What is offered: ``text`` takes the place of what is typed, ``label`` is what is shown."""

    label: str
    kind: types.CompletionItemKind
    text: str
    detail: str = ""
    documentation: str = ""
    # Where what is typed is no beginning of it: editors leave out what does not fit.
    by_name: bool = False


@frozen
class _Choices:
    """Offered for ``start:end`` of the document. ``partial``: with the next letter there may be others."""

    start: int
    end: int
    choices: tuple[_Choice, ...]
    partial: bool = False


class PlanCompletion:
    def __init__(self, session: Session, plans: PlanWatch) -> None:
        self._session = session
        self._plans = plans

    async def complete(self, params: types.CompletionParams) -> types.CompletionList | None:
        text = await self._plans.documents.read(params.text_document.uri)
        if text is None:
            return None
        offset = text.offset(params.position)
        found = in_header(text, offset) if text.is_header(offset) else in_instruction(text, offset)
        if found is None:
            found = await self._paths(text, offset)
        if found is None or not found.choices:
            return None
        typed = text.text[found.start : offset]
        return types.CompletionList(is_incomplete=found.partial, items=list(self._items(text, found, typed)))

    def _items(self, text: PlanText, found: _Choices, typed: str) -> Iterator[types.CompletionItem]:
        span = text.span(found.start, found.end)
        digits = len(str(len(found.choices)))
        formats = self._session.capability("text_document.completion.completion_item.documentation_format") or ()
        kind = types.MarkupKind.Markdown if "markdown" in formats else types.MarkupKind.PlainText
        for number, choice in enumerate(found.choices):
            yield types.CompletionItem(
                label=choice.label,
                kind=choice.kind,
                detail=choice.detail or None,
                documentation=types.MarkupContent(kind, choice.documentation) if choice.documentation else None,
                sort_text=f"{number:0{digits}}",
                filter_text=f"{typed}{choice.text}" if choice.by_name else choice.text,
                text_edit=types.TextEdit(span, choice.text),
            )

    async def _paths(self, text: PlanText, offset: int) -> _Choices | None:
        """Files and folders for the target of an item, and for options that name files."""
        place = _path_at(text, offset)
        if place is None:
            return None
        start, end, typed, listed_item = place
        listed = await self._listed(text.document)
        if listed is None:
            return None
        bases = listed.bases_of(text.document.path) if listed_item else ("",)
        paths = list(dict.fromkeys(_continuing(listed, bases, typed)))
        partial = len(paths) >= _MOST or any(path.endswith("/") for path in paths) or "/" not in typed
        write = documents.written_target if listed_item else _quoted
        return _Choices(
            start,
            end,
            tuple(_path_choice(path, write(path), text.text[start:offset]) for path in paths[:_MOST]),
            partial,
        )

    async def _listed(self, document: Document) -> Listed | None:
        """The files as they were within the last seconds, which is what an answer to each key can wait for."""
        outlooks = self._plans.outlooks
        try:
            repository = (await outlooks.engine_of(document)).repository
            known = outlooks.files.known(repository)
            if known is None:
                return await outlooks.files.fresh(repository)
        except model.FanoutError:
            # In no repository there is nothing to offer, and the diagnostics say so.
            return None
        if time.monotonic() - known.at > _STALE_SECONDS:
            self._session.spawn(outlooks.files.renew, repository)
        return known


def in_header(text: PlanText, offset: int) -> _Choices | None:
    """Options, their parts and their values; ``None`` where something else may stand."""
    line = text.lines.position(offset).line
    start = text.lines.starts[line]
    before, after = text.text[start:offset], text.lines.line(line)[offset - start :]
    if _KEY.fullmatch(before):
        return _keys(text, start, offset, after)
    key, value = _enclosing(text, line, before)
    documented = OPTION_DOCS.get(key)
    if documented is None:
        return None
    brace = _VARIABLE.fullmatch(value)
    if brace is not None and (key in _TEMPLATES or (key == "output" and re.search(r"\bresume[ \t]*:", value))):
        known = {**VARIABLE_DOCS, **(COMMAND_VARIABLE_DOCS if key in {"command", "output"} else {})}
        return _variables(offset - len(brace["brace"]), offset, after, known)
    if key == "output" and (form := _FORMAT.fullmatch(value)) is not None:
        return _values(offset - len(form["word"]), offset, OUTPUT_FORMATS)
    part = _PART.fullmatch(value)
    if documented.parts and part is not None and (key != "prices" or "{" in value):
        choices = tuple(
            _Choice(name, types.CompletionItemKind.Field, f"{name}: ", documentation=means)
            for name, means in documented.parts.items()
        )
        return _Choices(offset - len(part["word"]), offset, choices)
    words = documented.values or ((documented.example,) if documented.example and not value.strip() else ())
    if not words or documented.parts:
        return None
    typed = _LAST_WORD.search(value)
    return _values(offset - len(typed[0] if typed else ""), offset, words)


def _keys(text: PlanText, start: int, offset: int, after: str) -> _Choices:
    """Options that the document does not set yet."""
    end = offset + len(_KEY.match(after)[0])  # type: ignore[index]  # it matches nothing as well
    here = text.text[start:end]
    taken = {entry.key for entry in text.parsed.front_matter} - {here}
    taken |= {match[1] for match in re.finditer(r"^([a-z_]+)[ \t]*:", _header(text), re.MULTILINE)} - {here}
    colon = "" if text.text[end : end + 1] == ":" else ": "
    choices = tuple(
        _Choice(
            key,
            types.CompletionItemKind.Property,
            f"{key}{colon}",
            detail=OPTION_DOCS[key].default,
            documentation=of_option(key, OPTION_DOCS[key]),
        )
        for key in OPTION_KEYS
        if key not in taken
    )
    return _Choices(start, end if colon == "" else offset, choices)


def _header(text: PlanText) -> str:
    if text.header is None:
        return ""
    opening, closing, _ = text.header
    return text.text[opening:closing]


def _enclosing(text: PlanText, line: int, before: str) -> tuple[str, str]:
    """The option that a line of the header belongs to, and what of its value stands before the cursor."""
    value = before
    if before.lstrip().startswith("#"):
        return "", before
    while line >= 0:
        found = _OPTION.fullmatch(value)
        if found is not None:
            return found["key"], found["value"]
        if value[:1] not in _CONTINUES:
            break
        line -= 1
        above = text.lines.line(line) if line >= 0 else "---"
        if above.rstrip() == "---":
            return "", before
        value = f"{above}\n{value}"
    return "", before


def in_instruction(text: PlanText, offset: int) -> _Choices | None:
    """Variables, after a brace."""
    parsed = text.parsed
    line = text.lines.position(offset).line
    if text.header is not None and offset < text.body:
        return None
    if parsed.items and line >= parsed.items[0].range.start.line:
        return None
    start = text.lines.starts[line]
    brace = _VARIABLE.fullmatch(text.text[start:offset])
    if brace is None:
        return None
    return _variables(offset - len(brace["brace"]), offset, text.lines.line(line)[offset - start :], VARIABLE_DOCS)


def _variables(start: int, offset: int, after: str, known: Mapping[str, str]) -> _Choices:
    # Many editors close a brace by themselves.
    end = offset + (1 if after.startswith("}") else 0)
    choices = (
        _Choice(f"{{{name}}}", types.CompletionItemKind.Variable, f"{{{name}}}", documentation=means)
        for name, means in known.items()
    )
    return _Choices(start, end, tuple(choices))


def _values(start: int, end: int, words: Iterable[str]) -> _Choices:
    kind = types.CompletionItemKind.EnumMember
    return _Choices(start, end, tuple(_Choice(word, kind, word) for word in words))


def _path_at(text: PlanText, offset: int) -> tuple[int, int, str, bool] | None:
    """Where a path is typed: its place, what is typed of it without quotes, and whether it is an item's target."""
    line = text.lines.position(offset).line
    start = text.lines.starts[line]
    before, after = text.text[start:offset], text.lines.line(line)[offset - start :]
    if text.is_header(offset):
        key, value = _enclosing(text, line, before)
        if key not in _PATH_OPTIONS:
            return None
        typed = _LAST_WORD.search(value)
        word = typed[0] if typed else ""
        return offset - len(word), offset, word, False
    found = _ITEM.fullmatch(before) if offset >= text.body else None
    if found is None:
        return None
    target = found["target"]
    opening = target[:1] if target[:1] in {'"', "'", "`"} else ""
    typed_name = target[len(opening) :]
    if ": " in typed_name or "#" in typed_name or (opening and opening in typed_name):
        return None
    end = offset + (1 if opening and after.startswith(opening) else 0)
    return offset - len(target), end, typed_name, True


def _continuing(listed: Listed, bases: Iterable[str], typed: str) -> Iterator[str]:
    dotted = "./" if typed.startswith("./") else ""
    rest = typed.removeprefix(dotted)
    for base in bases:
        for path in listed.children(base + rest, _MOST):
            yield dotted + path[len(base) :]
    if rest and "/" not in rest:
        yield from listed.named(rest, _MOST)


def _path_choice(path: str, written: str, typed: str) -> _Choice:
    folder = path.endswith("/")
    kind = types.CompletionItemKind.Folder if folder else types.CompletionItemKind.File
    return _Choice(path, kind, written, by_name=not written.startswith(typed))


def _quoted(path: str) -> str:
    """Within YAML: as it is where that is read as a text."""
    return (
        path if re.fullmatch(r"[A-Za-z0-9_./-]+", path) else '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
