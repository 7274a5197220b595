"""What a selected text names: files, list items, lines, or, in source code, the functions that it touches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from fanout_server.model import Finding, Position, Range, Severity
from fanout_server.planning import changed, lists, parts, paths, positions
from fanout_server.planning.lists import ListItem
from fanout_server.planning.paths import Candidate, Kind
from fanout_server.planning.positions import Line, LineIndex
from fanout_server.planning.targets import Parts, Request
from fanout_server.planning.workspace import Status, Workspace
from fanout_server.syntax.errors import Unreadable

Place = Callable[[int, int], Range]

_NAMED = 10
_LOOKED_AT = 200


class Reading:
    """``text`` is from the document ``source``, a path relative to the top folder, where it begins at ``origin``."""

    def __init__(self, text: str, source: str | None, origin: Position, workspace: Workspace) -> None:
        self.text = text
        self.source = source
        self._origin = origin
        self._workspace = workspace

    @cached_property
    def code(self) -> str | None:
        """The whole text of the document, where that is source code in which functions are found."""
        if self.source is None:
            return None
        try:
            text = self._workspace.texts.read(self.source)
        except Unreadable:
            # It is not needed: what is selected may be split by what it says.
            return None
        return text if parts.has_symbols(self.source, text) else None

    @cached_property
    def within(self) -> Range:
        """The selected range of the document."""
        return self.range(0, len(self.text))

    @cached_property
    def symbols(self) -> tuple[parts.Part, ...]:
        """Those that are touched."""
        if self.code is None or self.source is None:
            return ()
        try:
            return parts.symbol_parts(self.source, self.code, self.within)
        except Unreadable:
            # Splitting by symbol says so, if that is chosen.
            return ()

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        return paths.find_paths(self.text, self._workspace.exists)

    @cached_property
    def items(self) -> tuple[ListItem, ...]:
        indent = lists.indentation(self.text)
        return tuple(item for one in lists.lists(self.text, indent=indent) for item in one.items if item.first.text)

    @cached_property
    def is_list(self) -> bool:
        """Whether the text reads like the units of a plan document: items, notes below them, no lists within items."""
        if not self.lines or not _is_item(self.lines[0]):
            return False
        nested = any(lists.ITEM.fullmatch(line.text.lstrip()) for item in self.items for line in item.more)
        covered = sum(1 + len([line for line in item.more if line.text]) for item in self.items)
        return bool(self.items) and not nested and covered == len(self.lines)

    @cached_property
    def best(self) -> str:
        """How it is split unless somebody says how."""
        if self.in_code and not self._names_files():
            return "symbol" if self.symbols else "line"
        return "path" if any(one.kind is not Kind.MENTION for one in self.candidates) else "item"

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Those that are not blank."""
        return tuple(line for line in positions.lines(self.text) if line.text.strip())

    @cached_property
    def is_code(self) -> bool:
        """Whether it is source code that is meant, not a list of files in source code."""
        return self.in_code and self.best != "path"

    @cached_property
    def in_code(self) -> bool:
        """Whether the document is source code among the repository's files, so that a unit may be a part of it."""
        if self.source is None or self.code is None:
            return False
        return self._workspace.locate(self._workspace.from_top(self.source)).status is Status.FILE

    def _names_files(self) -> bool:
        """Whether code is a list of files: most of its lines, as far as they are looked at, name one that is there."""
        lines = self.lines[:_LOOKED_AT]
        exists = self._workspace.exists
        found = paths.find_paths(self.text[: lines[-1].end], exists)
        named = {
            self._index.position(one.start).line for one in found if one.kind is not Kind.MENTION and exists(one.text)
        }
        return len(named) * 2 > len(lines)

    @cached_property
    def _index(self) -> LineIndex:
        return LineIndex(self.text)

    def range(self, start: int, end: int) -> Range:
        """Of the document, for offsets in the selected text."""
        return Range(self._position(start), self._position(end))

    def _position(self, offset: int) -> Position:
        here = self._index.position(offset)
        character = here.character + (self._origin.character if here.line == 0 else 0)
        return Position(here.line + self._origin.line, character)

    def requests(self, split: str | None) -> tuple[list[Request], list[Finding]]:
        """What the text asks for, and what is to be said about the rest of it."""
        if split is None and self.best in {"symbol", "line"}:
            split = self.best
        if self.source is not None and (
            (split == "symbol" and self.code is not None and self.best != "path") or (split == "line" and self.in_code)
        ):
            return [self._itself(self.source, Parts(split))], []
        if split is None and self.best == "item":
            split = "item"
        if split in {"item", "line"}:
            chosen = (self.items if split == "item" else ()) or tuple(_entire_line(line) for line in self.lines)
            return [request_item(one, self.range, self._workspace, split) for one in chosen], []
        if self.is_list:
            return [request_item(one, self.range, self._workspace, split) for one in self.items], []
        found = [
            Request(
                one.text,
                one,
                one.note,
                self.range(one.start, one.end),
                whole=split == "folder",
                parts=Parts.SYMBOLS if split == "symbol" else None,
            )
            for one in self.candidates
        ]
        return found, self._left_out()

    def _itself(self, source: str, of: Parts) -> Request:
        path = self._workspace.from_top(source)
        return Request(source, Candidate(path, 0, len(path)), parts=of, within=self.within)

    def _left_out(self) -> list[Finding]:
        """List items among paths that name none: they may be meant as units."""
        starts = sorted(one.start for one in self.candidates)
        silent = [line for line in self.lines if _is_item(line) and not _is_named(line, starts)]
        if not silent:
            return []
        names = ", ".join(repr(line.text.strip()) for line in silent[:_NAMED])
        message = (
            f"{len(silent)} list items name no file and were left out: {names}. With 'split: item' each item is a unit."
        )
        place = self.range(silent[0].start, silent[0].end)
        return [Finding("preflight/not-a-path", Severity.INFORMATION, message, self.source, place)]


def request_item(item: ListItem, place: Place | None, workspace: Workspace, split: str | None) -> Request:
    """What a list item asks for. ``split`` is ``None`` where items may name files or be plain text, as they are.

    ``place`` turns the item's offsets into a range; without it the request has none.
    """
    further = "\n".join(line.text for line in item.more)
    range_of = changed.read_item(item.first)
    if range_of is not None:
        note = _joined(range_of.note, further)
        return Request(item.first.text, range_of, note, _placed(item, range_of, place), whole=split != "path")
    candidate = paths.read_item(item.first, workspace.exists)
    if split in {"item", "line"}:
        if candidate is None or not workspace.exists(candidate.text):
            mentioned = {one.text: one for one in paths.mentions(item.first, workspace.exists)}
            candidate = next(iter(mentioned.values())) if len(mentioned) == 1 else None
        note = "" if candidate is None or candidate.kind is Kind.MENTION else _joined(candidate.note, further)
        # ``a.txt:12`` is how a line is written as an item.
        of = Parts.LINES if split == "line" and candidate is not None and candidate.last_line is not None else None
        return Request(item.text.strip(), candidate, note, _placed(item, candidate, place), whole=True, parts=of)
    if candidate is None:
        return Request(item.text.strip(), None, "", _placed(item, None, place))
    note = _joined(candidate.note, further)
    return Request(
        item.first.text,
        candidate,
        note,
        _placed(item, candidate, place),
        whole=split == "folder",
        parts=Parts.SYMBOLS if split == "symbol" else None,
        problems=note if split == "diagnostic" else "",
    )


def entire(text: str) -> ListItem:
    """A text as a list item of its own."""
    first, *more = positions.lines(text.strip())
    return lists.ListItem("", 0, 0, first, tuple(more))


def _placed(item: ListItem, candidate: Candidate | None, place: Place | None) -> Range | None:
    """The name's place where the item names something, else the item's."""
    if place is None:
        return None
    return place(item.first.start, item.end) if candidate is None else place(candidate.start, candidate.end)


def _entire_line(line: Line) -> ListItem:
    left = line.text.lstrip()
    return lists.ListItem("", line.start, 0, Line(left.rstrip(), line.end - len(left)))


def _is_item(line: Line) -> bool:
    found = lists.ITEM.fullmatch(line.text.strip())
    return found is not None and bool(found["rest"])


def _is_named(line: Line, starts: Sequence[int]) -> bool:
    return any(line.start <= start <= line.end for start in starts)


def _joined(note: str, further: str) -> str:
    # Stripped as a whole: a line of the note may be indented below the one before. Where the first one stands on the
    # item's own line, when the plan is printed, it has no blanks of any kind at its end.
    first, *more = "\n".join(part for part in (note, further) if part).strip().split("\n")
    return "\n".join((first.rstrip(), *more))
