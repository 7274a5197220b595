"""What the user points at, and the entries that it stands for.

How a selection is split (``split``):

``path``    A unit for each file; a folder or a glob stands for the files in it. The default for a text that names
            files, and for paths.
``folder``  As ``path``, but a folder is one unit.
``item``    A unit for each list item of the text (or line, where it has no list), about the file that it names, if
            any. The default for a text that names none.
``line``    A unit for each line that is not blank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from fanout_server import settings
from fanout_server.model import FanoutError, Finding, Position, Range, Severity
from fanout_server.planning import globs, lists, overlaps, paths, positions, targets
from fanout_server.planning.paths import Candidate, Kind
from fanout_server.planning.positions import Line, LineIndex
from fanout_server.planning.targets import Entry, Request
from fanout_server.planning.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from fanout_server.planning.lists import ListItem
    from fanout_server.planning.workspace import Files

    _Place = Callable[[int, int], Range]

__all__ = ["EmptySelection", "Entry", "Resolved", "Selection", "SplitUnavailable", "Way", "resolve", "ways"]

_NOT_YET = ("symbol", "diagnostic")
_NAMED = 10
_LABELS = {"path": "file", "folder": "file or folder", "item": "item", "line": "line"}


class EmptySelection(FanoutError):
    """Nothing is left to work on. ``findings`` says why, and ``str()`` names the first of them."""

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        lines = [f"- {_where(finding)}{finding.message}" for finding in findings[:_NAMED]]
        if len(findings) > _NAMED:
            lines.append(f"- and {len(findings) - _NAMED} more")
        super().__init__("\n".join([message, *lines]))
        self.findings = tuple(findings)


class SplitUnavailable(settings.BadOption):
    """This way of splitting a selection is not available in this version."""


@frozen
class Selection:
    """A text, paths (files, folders, globs), items (as the lines of a list), or some of each.

    ``source`` is the path of the document that ``text`` is from, ``origin`` where in it the text begins: findings about
    the text are placed there.
    """

    text: str | None = None
    paths: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    split: str | None = None
    source: str | None = None
    origin: Position = field(factory=lambda: Position(0, 0))


@frozen
class Resolved:
    """``entries`` in the order in which they were named, each once; ``findings`` are warnings about the rest."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()


@frozen
class Way:
    """A way to split a selection, with the number of its units and a label like ``12 files``."""

    kind: str
    count: int
    label: str


def resolve(selection: Selection, files: Files, root: Path, cwd: Path) -> Resolved:
    """Blocking: asks git and the disk. Raises EmptySelection, SplitUnavailable."""
    check_split(selection.split)
    workspace = Workspace(files, root, cwd)
    requests = [_named_path(path, workspace, selection.split) for path in selection.paths]
    requests += [
        request_item(_entire(item), None, workspace, selection.split) for item in selection.items if item.strip()
    ]
    findings: list[Finding] = []
    if selection.text is not None:
        from_text, findings = _from_text(selection.text, _Places(selection), workspace, selection)
        requests += from_text
    return settle(requests, workspace, selection.source, findings, _nothing_in(selection))


def settle(
    requests: Sequence[Request], workspace: Workspace, source: str | None, findings: Sequence[Finding], empty: str
) -> Resolved:
    """Looks the requests up and makes one of what is the same. Raises EmptySelection: ``empty`` and what was wrong."""
    looked = targets.look(requests, workspace, source)
    entries, duplicates = overlaps.merge(looked.found, source)
    every = (*looked.findings, *findings, *duplicates, *overlaps.shared_files(entries, source))
    if not entries:
        raise EmptySelection(empty, every)
    return Resolved(entries, every)


def ways(selection: Selection, files: Files, root: Path, cwd: Path) -> tuple[Way, ...]:
    """The ways in which the selection can be split, the best first. Blocking."""
    best = _best_split(selection, Workspace(files, root, cwd))
    found: list[Way] = []
    for kind in dict.fromkeys((best, *_LABELS)):
        wanted = Selection(selection.text, selection.paths, selection.items, kind, selection.source, selection.origin)
        try:
            count = len(resolve(wanted, files, root, cwd).entries)
        except EmptySelection:
            continue
        words = _LABELS[kind] if count == 1 else " or ".join(f"{word}s" for word in _LABELS[kind].split(" or "))
        found.append(Way(kind, count, f"{count} {words}"))
    return tuple(found)


def request_item(item: ListItem, place: _Place | None, workspace: Workspace, split: str | None) -> Request:
    """What a list item asks for. ``split`` is ``None`` where items may name files or be plain text, as they are.

    ``place`` turns the item's offsets into a range; without it the request has none.
    """
    candidate = paths.read_item(item.first, workspace.exists)
    further = "\n".join(line.text for line in item.more).strip()
    if split in {"item", "line"}:
        if candidate is None or not workspace.exists(candidate.text):
            mentioned = {one.text: one for one in paths.mentions(item.first, workspace.exists)}
            candidate = next(iter(mentioned.values())) if len(mentioned) == 1 else None
        note = "" if candidate is None or candidate.kind is Kind.MENTION else _joined(candidate.note, further)
        return Request(item.text.strip(), candidate, note, _placed(item, candidate, place), whole=True)
    if candidate is None:
        return Request(item.text.strip(), None, "", _placed(item, None, place))
    note = _joined(candidate.note, further)
    return Request(item.first.text, candidate, note, _placed(item, candidate, place), whole=split == "folder")


def _placed(item: ListItem, candidate: Candidate | None, place: _Place | None) -> Range | None:
    """The name's place where the item names something, else the item's."""
    if place is None:
        return None
    return place(item.first.start, item.end) if candidate is None else place(candidate.start, candidate.end)


def check_split(split: str | None) -> None:
    if split in _NOT_YET:
        raise SplitUnavailable(
            "split", f"Splitting by {split} is not available yet. Choose one of: {', '.join(_LABELS)}."
        )
    if split is not None:
        settings.parse_option("split", split)


def _nothing_in(selection: Selection) -> str:
    if selection.text is not None and not selection.text.strip() and not selection.paths and not selection.items:
        return "There is nothing to work on: the selected text is empty. Select a list of files or items."
    return "There is nothing to work on: the selection names no file, folder or item that can be a unit."


class _Places:
    """From offsets in the selected text to ranges in the document that it is from."""

    def __init__(self, selection: Selection) -> None:
        self._index = LineIndex(selection.text or "")
        self._origin = selection.origin

    def range(self, start: int, end: int) -> Range:
        return Range(self._position(start), self._position(end))

    def _position(self, offset: int) -> Position:
        here = self._index.position(offset)
        character = here.character + (self._origin.character if here.line == 0 else 0)
        return Position(here.line + self._origin.line, character)


def _named_path(path: str, workspace: Workspace, split: str | None) -> Request:
    """An argument or a file that an editor named: it is a path, whatever it looks like."""
    candidate: Candidate | None
    if workspace.exists(path):
        candidate = Candidate(path, 0, len(path))
    elif globs.is_glob(path):
        candidate = Candidate(path, 0, len(path), kind=Kind.GLOB)
    else:
        candidate = paths.read_item(Line(path, 0), workspace.exists) or Candidate(path, 0, len(path))
    return Request(path, candidate, candidate.note, whole=split not in {None, "path"})


def _entire(text: str) -> ListItem:
    """A text as a list item of its own."""
    first, *more = positions.lines(text.strip())
    return lists.ListItem("", 0, 0, first, tuple(more))


def _from_text(
    text: str, places: _Places, workspace: Workspace, selection: Selection
) -> tuple[list[Request], list[Finding]]:
    split = selection.split
    candidates = () if split in {"item", "line"} else paths.find_paths(text, workspace.exists)
    if split is None and all(one.kind is Kind.MENTION for one in candidates):
        split = "item"
    if split in {"item", "line"}:
        items = _items(text) if split == "item" else ()
        chosen = items or tuple(_entire_line(line) for line in positions.lines(text) if line.text.strip())
        return [request_item(one, places.range, workspace, split) for one in chosen], []
    items = _items(text)
    if items and _is_only_list(text, items):
        requests = [request_item(one, places.range, workspace, split) for one in items]
        return requests, []
    requests = [
        Request(one.text, one, one.note, places.range(one.start, one.end), whole=split == "folder")
        for one in candidates
    ]
    return requests, _left_out(text, candidates, places, selection.source)


def _best_split(selection: Selection, workspace: Workspace) -> str:
    if selection.paths or not selection.text:
        return "path" if selection.paths else "item"
    found = paths.find_paths(selection.text, workspace.exists)
    return "path" if any(one.kind is not Kind.MENTION for one in found) else "item"


def _items(text: str) -> tuple[ListItem, ...]:
    indent = lists.indentation(text)
    return tuple(item for one in lists.lists(text, indent=indent) for item in one.items if item.first.text)


def _entire_line(line: Line) -> ListItem:
    left = line.text.lstrip()
    return lists.ListItem("", line.start, 0, Line(left.rstrip(), line.end - len(left)))


def _is_only_list(text: str, items: Sequence[ListItem]) -> bool:
    """Whether the text reads like the units of a plan document: items, notes below them, and no lists within items."""
    nested = any(lists.ITEM.fullmatch(line.text.lstrip()) for item in items for line in item.more)
    covered = sum(1 + len([line for line in item.more if line.text]) for item in items)
    return not nested and covered == sum(1 for line in positions.lines(text) if line.text.strip())


def _left_out(text: str, candidates: Iterable[Candidate], places: _Places, source: str | None) -> list[Finding]:
    """List items among paths that name none: they may be meant as units."""
    starts = sorted(one.start for one in candidates)
    silent: list[Line] = []
    for line in positions.lines(text):
        found = lists.ITEM.fullmatch(line.text.strip())
        if found is not None and found["rest"] and not any(line.start <= start <= line.end for start in starts):
            silent.append(line)
    if not silent:
        return []
    names = ", ".join(repr(line.text.strip()) for line in silent[:_NAMED])
    message = (
        f"{len(silent)} list items name no file and were left out: {names}. With 'split: item' each item is a unit."
    )
    place = places.range(silent[0].start, silent[0].end)
    return [Finding("preflight/not-a-path", Severity.INFORMATION, message, source, place)]


def _joined(note: str, further: str) -> str:
    return "\n".join(part for part in (note, further) if part)


def _where(finding: Finding) -> str:
    return "" if finding.range is None else f"line {finding.range.start.line + 1}: "
