"""The structure of a plan document: its symbols, what can be folded, and links to the files that items name."""

from __future__ import annotations

from collections.abc import Iterator

import anyio.to_thread
from lsprotocol import types

from fanout_server import model
from fanout_server.lsp import plan_words as words
from fanout_server.lsp.plan_document import PlanText
from fanout_server.lsp.plan_outlook import Outlook
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.lsp.session import Session
from fanout_server.planning import globs, targets
from fanout_server.planning.document import Item
from fanout_server.planning.front_matter import Entry

_LONGEST_NAME = 80


class PlanStructure:
    def __init__(self, session: Session, plans: PlanWatch) -> None:
        self._session = session
        self._plans = plans

    async def symbols(
        self, params: types.DocumentSymbolParams
    ) -> list[types.DocumentSymbol] | list[types.SymbolInformation] | None:
        text = await self._plans.documents.read(params.text_document.uri)
        if text is None:
            return None
        nested = bool(self._session.capability("text_document.document_symbol.hierarchical_document_symbol_support"))
        return await anyio.to_thread.run_sync(_symbols, text, nested, limiter=self._plans.documents.limiter)

    async def foldings(self, params: types.FoldingRangeParams) -> list[types.FoldingRange] | None:
        text = await self._plans.documents.read(params.text_document.uri)
        if text is None:
            return None
        most = self._session.capability("text_document.folding_range.range_limit")
        found = list(foldings(text))
        return found if most is None else found[:most]

    async def links(self, params: types.DocumentLinkParams) -> list[types.DocumentLink] | None:
        """Of items that stand for one file each; what the header names are no links."""
        outlook = await self._plans.outlooks.of(params.text_document.uri)
        if outlook is None:
            return None
        return await anyio.to_thread.run_sync(self._links, outlook, limiter=self._plans.documents.limiter)

    def _links(self, outlook: Outlook) -> list[types.DocumentLink]:
        if outlook.root is None:
            return []
        found = []
        for index, numbers in outlook.entries_of.items():
            entry, item = outlook.draft.entries[numbers[0]], outlook.text.items[index]
            target = entry.target
            if len(numbers) > 1 or target is None or entry.folder:
                continue
            if globs.is_glob(item.target) and item.target != target.path:
                continue
            found.append(
                types.DocumentLink(
                    range=outlook.text.place(item.target_range),
                    target=self._session.uri_of(outlook.root, target.path),
                    tooltip=targets.label(target),
                )
            )
        return found


def _symbols(text: PlanText, nested: bool) -> list[types.DocumentSymbol] | list[types.SymbolInformation]:  # noqa: FBT001 - for a thread
    found = list(symbols(text))
    return found if nested else [one for symbol in found for one in _flat(symbol, text.document.uri, None)]


def symbols(text: PlanText) -> Iterator[types.DocumentSymbol]:
    """Options with what they are set to, the instruction, and the items."""
    parsed = text.parsed
    if text.header is not None and text.header[1] is not None:
        whole = model.Range(text.lines.position(text.header[0]), text.lines.position(text.header[1]))
        options = [_option(text, entry) for entry in parsed.front_matter]
        yield _symbol(text, "Options", types.SymbolKind.Namespace, whole, children=options)
    if parsed.instruction:
        yield _symbol(text, _line(parsed.instruction), types.SymbolKind.String, parsed.instruction_range)
    for item in text.items:
        yield _symbol(text, _line(item.target) or "item", _kind(item), item.range, item.note, item.target_range)


def _option(text: PlanText, entry: Entry) -> types.DocumentSymbol:
    span = model.Range(entry.key_range.start, max(entry.key_range.end, entry.value_range.end))
    value = text.text[entry.start : entry.end]
    return _symbol(text, entry.key or "option", types.SymbolKind.Property, span, value, entry.key_range)


def _symbol(
    text: PlanText,
    name: str,
    kind: types.SymbolKind,
    span: model.Range,
    detail: str = "",
    chosen: model.Range | None = None,
    children: list[types.DocumentSymbol] | None = None,
) -> types.DocumentSymbol:
    whole = text.place(span)
    # A selection range lies within the whole, or editors drop the symbol.
    inside = chosen is not None and span.start <= chosen.start and chosen.end <= span.end
    return types.DocumentSymbol(
        name=name,
        kind=kind,
        range=whole,
        selection_range=text.place(chosen) if chosen is not None and inside else types.Range(whole.start, whole.start),
        detail=_line(detail) or None,
        children=children,
    )


def _flat(symbol: types.DocumentSymbol, uri: str, parent: str | None) -> Iterator[types.SymbolInformation]:
    place = types.Location(uri, symbol.range)
    yield types.SymbolInformation(name=symbol.name, kind=symbol.kind, location=place, container_name=parent)
    for child in symbol.children or ():
        yield from _flat(child, uri, symbol.name)


def _kind(item: Item) -> types.SymbolKind:
    if "#" in item.target:
        return types.SymbolKind.Function
    if globs.is_glob(item.target) or item.target.endswith("/"):
        return types.SymbolKind.Package
    return types.SymbolKind.File if "/" in item.target or "." in item.target else types.SymbolKind.String


def _line(text: str) -> str:
    """A name is one line that says something."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return words.shortened(first, _LONGEST_NAME)


def foldings(text: PlanText) -> Iterator[types.FoldingRange]:
    """The header, options of several lines, the instruction, the list, and items of several lines."""
    if text.header is not None and text.header[1] is not None:
        last = text.lines.position(text.header[1]).line
        yield types.FoldingRange(0, last, kind=types.FoldingRangeKind.Region)
        for entry in text.parsed.front_matter:
            yield from _folding(entry.key_range.start.line, entry.value_range.end.line)
    instruction = text.parsed.instruction_range
    if text.parsed.instruction:
        yield from _folding(instruction.start.line, instruction.end.line)
    if text.items:
        yield from _folding(text.items[0].range.start.line, text.items[-1].range.end.line)
    if len(text.items) > 1:
        for item in text.items:
            yield from _folding(item.range.start.line, item.range.end.line)


def _folding(first: int, last: int) -> Iterator[types.FoldingRange]:
    if last > first:
        yield types.FoldingRange(first, last)
