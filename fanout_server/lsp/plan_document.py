"""Plan documents that are open in the editor: which they are, and what is in them, parsed once for each version."""

from __future__ import annotations

import bisect
from functools import cached_property

import anyio
import anyio.to_thread
from lsprotocol import types

from fanout_server import model
from fanout_server.lsp import uris
from fanout_server.lsp.documents import Document
from fanout_server.lsp.plan_language import is_plan
from fanout_server.lsp.positions import Encoding, Lines
from fanout_server.lsp.session import Session
from fanout_server.planning import document as documents
from fanout_server.planning import front_matter
from fanout_server.planning.document import Item, PlanDocument
from fanout_server.planning.front_matter import Entry

_THREADS = 4


class PlanText:
    """One version of a plan document. Places go out as the client counts them, and come in so."""

    def __init__(self, document: Document, encoding: Encoding) -> None:
        """Blocking: parses all of the text."""
        self.document = document
        self.encoding = encoding
        self.parsed: PlanDocument = documents.parse(document.text)
        self.lines = Lines.of(document.text)
        # Where the YAML begins and ends (None while its closing line is missing), and where the body begins.
        self.header = front_matter.borders(document.text)

    @property
    def text(self) -> str:
        return self.document.text

    @property
    def items(self) -> tuple[Item, ...]:
        return self.parsed.items

    @cached_property
    def body(self) -> int:
        return self.header[2] if self.header else int(self.text.startswith("\ufeff"))

    @cached_property
    def _first_lines(self) -> list[int]:
        return [item.range.start.line for item in self.items]

    def offset(self, position: types.Position) -> int:
        return self.lines.offset(position.line, position.character, self.encoding)

    def place(self, span: model.Range) -> types.Range:
        told = self.lines.range_to_client(span, self.encoding)
        return types.Range(
            types.Position(told.start.line, told.start.character), types.Position(told.end.line, told.end.character)
        )

    def span(self, start: int, end: int) -> types.Range:
        """Of offsets in the text."""
        return self.place(model.Range(self.lines.position(start), self.lines.position(end)))

    def is_header(self, offset: int) -> bool:
        """Whether options stand here; the lines ``---`` are none."""
        if self.header is None:
            return False
        opening, closing, _ = self.header
        return opening <= offset and (closing is None or offset < closing)

    def entry_at(self, offset: int) -> Entry | None:
        """The option whose key or value this is in."""
        place = self.lines.position(offset)
        for entry in self.parsed.front_matter:
            if entry.key_range.start <= place <= max(entry.key_range.end, entry.value_range.end):
                return entry
        return None

    def item_at(self, line: int) -> int | None:
        """The index of the item that this line belongs to, the lines below an item included."""
        index = bisect.bisect_right(self._first_lines, line) - 1
        return index if index >= 0 and line <= self.items[index].range.end.line else None

    def items_between(self, first: int, last: int) -> range:
        """The indexes of the items that begin on these lines, both included."""
        return range(bisect.bisect_left(self._first_lines, first), bisect.bisect_right(self._first_lines, last))


class PlanDocuments:
    """The plan documents of a session. Parsing goes on in a thread of its own kind, which no run can fill."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._parsed: dict[str, PlanText] = {}
        self._turns: dict[str, anyio.Lock] = {}
        self.limiter = anyio.CapacityLimiter(_THREADS)

    def open(self, uri: str) -> Document | None:
        """The document as it is now, where it is open and a plan."""
        document = self._session.documents.get(uri)
        return document if document is not None and is_plan(document) else None

    def all(self) -> tuple[Document, ...]:
        return tuple(one for one in self._session.documents.all() if is_plan(one))

    async def read(self, uri: str) -> PlanText | None:
        """The document as it is now; ``None`` where it is not open or no plan."""
        document = self.open(uri)
        if document is None:
            self._parsed.pop(uri, None)
            return None
        # An editor asks for all that it shows at once: the first question has it parsed, the others wait.
        async with self._turns.setdefault(document.uri, anyio.Lock()):
            known = self._parsed.get(document.uri)
            if known is not None and known.document is document:
                return known
            encoding = self._session.protocol.encoding
            made = await anyio.to_thread.run_sync(PlanText, document, encoding, limiter=self.limiter)
            self._parsed[document.uri] = made
            return made

    def forget(self, uri: str) -> None:
        self._parsed.pop(uri, None)
        self._turns.pop(uri, None)


def key_of(uri: str) -> str:
    """One name for all spellings of a document's uri."""
    return uris.to_path(uri) or uri


def owner_of(uri: str) -> str:
    """Under which name what planning has to say of a document is published."""
    return f"plan:{uri}"
