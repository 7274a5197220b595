"""Semantic tokens of a plan document: options and their values, variables, what items name, comments."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import anyio.to_thread
from attrs import frozen
from lsprotocol import types

from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_language import TOKEN_TYPES
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.option_docs import OPTION_DOCS
from fanout_server.planning import globs, variables
from fanout_server.planning.document import TEMPLATES
from fanout_server.planning.front_matter import Entry

_TYPES = {name: number for number, name in enumerate(TOKEN_TYPES)}
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[^\r\n]*", re.MULTILINE)
_BREAK = re.compile(r"\r\n|\n|\r")


@frozen(order=True)
class Token:
    """``start:end`` of the text, on one line."""

    start: int
    end: int
    kind: str


class PlanTokens:
    def __init__(self, plans: PlanWatch) -> None:
        self._plans = plans

    async def full(self, params: types.SemanticTokensParams) -> types.SemanticTokens | None:
        text = await self._plans.documents.read(params.text_document.uri)
        return None if text is None else await self._tokens(text, 0, len(text.text))

    async def range(self, params: types.SemanticTokensRangeParams) -> types.SemanticTokens | None:
        text = await self._plans.documents.read(params.text_document.uri)
        if text is None:
            return None
        return await self._tokens(text, text.offset(params.range.start), text.offset(params.range.end))

    async def _tokens(self, text: PlanText, start: int, end: int) -> types.SemanticTokens:
        data = await anyio.to_thread.run_sync(_data, text, start, end, limiter=self._plans.documents.limiter)
        return types.SemanticTokens(data=data)


def _data(text: PlanText, start: int, end: int) -> list[int]:
    return encoded(text, [one for one in tokens(text) if one.end > start and one.start < end])


def tokens(text: PlanText) -> list[Token]:
    """In order, none over another, each on one line."""
    found = sorted(itertools.chain(_of_header(text), _of_instruction(text), _of_items(text)))
    done = 0
    kept = []
    for token in found:
        if token.start >= done:
            kept.append(token)
            done = token.end
    return kept


def encoded(text: PlanText, found: list[Token]) -> list[int]:
    """As LSP has it: five numbers for each, lines and columns relative to the token before, in the client's units."""
    data: list[int] = []
    line = column = 0
    forward = text.lines.forward(text.encoding)
    for token in found:
        start = forward.to_client(text.lines.position(token.start))
        end = forward.to_client(text.lines.position(token.end))
        data += [
            start.line - line,
            start.character - (column if start.line == line else 0),
            end.character - start.character,
            _TYPES[token.kind],
            0,
        ]
        line, column = start.line, start.character
    return data


def _of_header(text: PlanText) -> Iterator[Token]:
    opening, closing, _ = text.header or (0, None, 0)
    if closing is None:
        return
    for entry in text.parsed.front_matter:
        key = text.lines.starts[entry.key_range.start.line] + entry.key_range.start.character
        yield Token(key, text.lines.starts[entry.key_range.end.line] + entry.key_range.end.character, "property")
        yield from _of_value(text, entry)
    values = [(entry.start, entry.end) for entry in text.parsed.front_matter]
    for found in _COMMENT.finditer(text.text, opening, closing):
        if not any(start <= found.start() < end for start, end in values):
            yield Token(found.start(), found.end(), "comment")


def _of_value(text: PlanText, entry: Entry) -> Iterator[Token]:
    documented = OPTION_DOCS.get(entry.key)
    whole = text.text[entry.start : entry.end]
    if entry.key in {*TEMPLATES, "command"}:
        yield from _of_variables(text, entry.start, entry.end, "string")
    elif isinstance(entry.value, int | float) and not isinstance(entry.value, bool):
        yield Token(entry.start, entry.end, "number")
    elif documented is not None and whole in documented.values:
        yield Token(entry.start, entry.end, "enumMember")
    elif isinstance(entry.value, str):
        yield from _lines(text, entry.start, entry.end, "string")


def _of_instruction(text: PlanText) -> Iterator[Token]:
    start = text.parsed.instruction_start
    yield from _of_variables(text, start, start + len(text.parsed.instruction), None)


def _of_variables(text: PlanText, start: int, end: int, otherwise: str | None) -> Iterator[Token]:
    for piece in variables.parse(text.text[start:end]):
        if piece.name is not None:
            yield Token(start + piece.start, start + piece.end, "variable")
        elif otherwise is not None:
            yield from _lines(text, start + piece.start, start + piece.end, otherwise)


def _of_items(text: PlanText) -> Iterator[Token]:
    for item in text.items:
        start = item.source.first.start
        width = item.target_range.end.character - item.target_range.start.character
        if width > 0:
            yield Token(start, start + width, "regexp" if globs.is_glob(item.target) else "string")


def _lines(text: PlanText, start: int, end: int, kind: str) -> Iterator[Token]:
    """A token for each line of ``start:end`` that holds anything: few editors take one of several lines."""
    at = start
    for found in [*_BREAK.finditer(text.text, start, end), None]:
        stop = end if found is None else found.start()
        line = text.text[at:stop]
        inner = line.strip()
        if inner:
            first = at + len(line) - len(line.lstrip())
            yield Token(first, first + len(inner), kind)
        at = stop if found is None else found.end()
