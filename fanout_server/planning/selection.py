"""What the user points at, and the entries that it stands for.

How a selection is split (``split``):

``path``        A unit for each file; a folder or a glob stands for the files in it. The default for a text that names
                files, and for paths.
``symbol``      A unit for each function, class and method: of source code those that the selected text touches, of
                files that are named all. What one unit is stands in ``symbols``. The default for a text in source code.
``diagnostic``  A unit for each file in which the editor shows problems in the selection, to mend them.
``item``        A unit for each list item of the text (or line, where it has no list), about the file that it names, if
                any. The default for a text that names none.
``folder``      A unit for each folder that is named. Where only files are, one for those in each folder.
``line``        A unit for each line that is not blank: of a text, or of the files that are named.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import attrs
from attrs import field, frozen

from fanout_server import settings
from fanout_server.model import FanoutError, Finding, Position
from fanout_server.planning import changed, folders, globs, overlaps, parts, paths, problems, reading, targets
from fanout_server.planning.paths import Candidate
from fanout_server.planning.positions import Line
from fanout_server.planning.problems import Problem
from fanout_server.planning.reading import Reading, request_item
from fanout_server.planning.targets import Entry, Parts, Request
from fanout_server.planning.texts import Opened, nothing_open
from fanout_server.planning.workspace import Workspace
from fanout_server.syntax.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from fanout_server.planning.workspace import Files

__all__ = [
    "EmptySelection",
    "Entry",
    "Problem",
    "Resolved",
    "Selection",
    "Way",
    "request_item",
    "resolve",
    "settle",
    "ways",
]

_NAMED = 10
# So much of files that are named is parsed to count their symbols: about 0.1 s.
_QUICK = 512 * 1024
_WAYS = ("path", "symbol", "diagnostic", "item", "folder", "line")


class EmptySelection(FanoutError):
    """Nothing is left to work on. ``findings`` says why, and ``str()`` names the first of them."""

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        lines = [f"- {_where(finding)}{finding.message}" for finding in findings[:_NAMED]]
        if len(findings) > _NAMED:
            lines.append(f"- and {len(findings) - _NAMED} more")
        super().__init__("\n".join([message, *lines]))
        self.findings = tuple(findings)


@frozen
class Selection:
    """A text, paths (files, folders, globs), items (as the lines of a list), or some of each.

    ``source`` is the path of the document that ``text`` is from, relative to the top folder, ``origin`` where in it the
    text begins: findings about the text are placed there. ``problems`` are those that the editor shows in all of it.
    """

    text: str | None = None
    paths: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    split: str | None = None
    source: str | None = None
    origin: Position = field(factory=lambda: Position(0, 0))
    problems: tuple[Problem, ...] = ()


@frozen
class Resolved:
    """``entries`` in the order in which they were named, each once; ``findings`` are warnings about the rest."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...] = ()


@frozen
class Way:
    """A way to split a selection, with the number of its units and a label like ``12 files``.

    The label may count something else than units (``5 problems in 2 files``), or say ``more than 500 functions`` where
    counting would take long.
    """

    kind: str
    count: int
    label: str


def resolve(selection: Selection, files: Files, root: Path, cwd: Path, opened: Opened = nothing_open) -> Resolved:
    """``opened`` knows the texts of open documents. Blocking: asks git and the disk.

    Raises EmptySelection, BadOption.
    """
    if selection.split is not None:
        settings.parse_option("split", selection.split)
    return _Selected(selection, Workspace(files, root, cwd, opened)).resolve(selection.split)


def ways(selection: Selection, files: Files, root: Path, cwd: Path, opened: Opened = nothing_open) -> tuple[Way, ...]:
    """The ways in which the selection can be split, the best first. Blocking.

    Symbols are counted in the document at hand, and in up to half a megabyte of files that are named.
    """
    return _Selected(selection, Workspace(files, root, cwd, opened)).ways()


def settle(
    requests: Sequence[Request],
    workspace: Workspace,
    source: str | None,
    findings: Sequence[Finding],
    empty: str,
    split: str | None = None,
) -> Resolved:
    """Looks the requests up and makes one of what is the same. Raises EmptySelection: ``empty`` and what was wrong."""
    looked = targets.look(requests, workspace, source)
    found = folders.group(looked.found, workspace) if split == "folder" else looked.found
    entries, duplicates = overlaps.merge(found, source)
    every = (*looked.findings, *findings, *duplicates, *overlaps.shared_files(entries, source))
    if not entries:
        raise EmptySelection(empty, every)
    return Resolved(entries, every)


class _Selected:
    """A selection among the files that there are."""

    def __init__(self, selection: Selection, workspace: Workspace) -> None:
        self._selection = selection
        self._workspace = workspace
        self._reading: Reading | None = None
        if selection.text is not None and selection.text.strip():
            self._reading = Reading(selection.text, selection.source, selection.origin, workspace)

    def resolve(self, split: str | None) -> Resolved:
        selection, workspace = self._selection, self._workspace
        if split is None and self._best() == "diagnostic":
            split = "diagnostic"
        if split == "diagnostic":
            return settle(problems.requests(selection.problems), workspace, None, (), self._nothing(split))
        requests = [_named_path(path, workspace, split) for path in selection.paths]
        named = [item for item in selection.items if item.strip()]
        requests += [request_item(reading.entire(item), None, workspace, split) for item in named]
        findings: list[Finding] = []
        if self._reading is not None:
            from_text, findings = self._reading.requests(split)
            requests += from_text
        return settle(requests, workspace, selection.source, findings, self._nothing(split), split)

    def ways(self) -> tuple[Way, ...]:
        kinds = dict.fromkeys((self._best(), *_WAYS))
        found = (self._way(kind) for kind in kinds if self._applies(kind))
        return tuple(way for way in found if way is not None)

    def _best(self) -> str:
        selection = self._selection
        if selection.paths or self._is_of_changes:
            return "path"
        if self._reading is not None:
            return self._reading.best
        return "diagnostic" if selection.problems and not selection.items else "item"

    @property
    def _is_of_changes(self) -> bool:
        items = [reading.entire(item).first for item in self._selection.items if item.strip()]
        return bool(items) and self._reading is None and all(changed.read_item(item) is not None for item in items)

    def _applies(self, kind: str) -> bool:
        selection, text = self._selection, self._reading
        match kind:
            case "diagnostic":
                return bool(selection.problems)
            case "item":
                # In code each line would be an item: that is the way ``line``.
                # Of changes those are their folders.
                if self._is_of_changes:
                    return False
                return bool(selection.items) or (text is not None and (not text.in_code or text.is_list))
            case "line":
                return text is not None
            case "folder":
                return sum(1 for entry in self._by_path if entry.target is not None) > 1
            case "path":
                # Code that names a file here or there is no list of files.
                return text is None or not text.is_code
            case _:
                return True

    @cached_property
    def _by_path(self) -> tuple[Entry, ...]:
        if not self._applies("path"):
            return ()
        try:
            return self.resolve("path").entries
        except EmptySelection:
            return ()

    def _way(self, kind: str) -> Way | None:
        if kind == "path":
            return _file_way(self._by_path)
        if kind == "symbol":
            return self._symbol_way()
        if kind == "line" and self._reading is not None and self._reading.in_code:
            return _counted(kind, len(self._reading.lines), kind)
        try:
            entries = self.resolve(kind).entries
        except EmptySelection:
            return None
        match kind:
            case "folder":
                noun = "folder" if all(entry.folder for entry in entries) else "file or folder"
                return _counted(kind, len(entries), noun)
            case "diagnostic":
                return self._problem_way(entries)
            case _:
                return _counted(kind, len(entries), kind)

    def _problem_way(self, entries: Sequence[Entry]) -> Way:
        lines = sum(len(entry.problems.splitlines()) for entry in entries)
        label = _number(lines, "problem")
        if len(entries) > 1:
            label += f" in {_number(len(entries), 'file')}"
        return Way("diagnostic", len(entries), label)

    def _symbol_way(self) -> Way | None:
        if self._reading is not None and self._reading.is_code:
            found, is_all = list(self._reading.symbols), True
        else:
            found, is_all = self._symbols_of(self._by_path)
        if not found:
            return None
        classes = sum(1 for part in found if part.is_class)
        noun = "class" if classes == len(found) else "function or class" if classes else "function"
        way = _counted("symbol", len(found), noun)
        return way if is_all else attrs.evolve(way, label=f"more than {way.label}")

    def _symbols_of(self, entries: Iterable[Entry]) -> tuple[list[parts.Part], bool]:
        """Those of the files, and whether they are all: in large ones, and after many, nobody looks."""
        found: list[parts.Part] = []
        room = _QUICK
        for entry in entries:
            target = entry.target
            if target is None:
                continue
            if target.symbol is not None:
                found.append(parts.Part(target, entry.is_class))
                continue
            if not parts.may_have_symbols(target.path):
                continue
            room -= self._workspace.texts.size(target.path)
            if room < 0:
                return found, False
            try:
                text = self._workspace.texts.read(target.path)
                found += parts.symbol_parts(target.path, text, target.range)
            except Unreadable:
                # Splitting by symbol names it, if that is chosen.
                continue
        return found, True

    def _nothing(self, split: str | None) -> str:
        selection = self._selection
        if split == "diagnostic" and not selection.problems:
            return (
                "There is nothing to work on: no problems of the selection are known. Editors know them; select some."
            )
        if selection.text is not None and self._reading is None and not selection.paths and not selection.items:
            return "There is nothing to work on: the selected text is empty. Select a list of files or items."
        return "There is nothing to work on: the selection names no file, folder or item that can be a unit."


def _named_path(path: str, workspace: Workspace, split: str | None) -> Request:
    """An argument or a file that an editor named: it is a path, whatever it looks like."""
    candidate: Candidate | None
    if workspace.exists(path):
        candidate = Candidate(path, 0, len(path))
    elif globs.is_glob(path):
        candidate = Candidate(path, 0, len(path), kind=paths.Kind.GLOB)
    else:
        candidate = paths.read_item(Line(path, 0), workspace.exists) or Candidate(path, 0, len(path))
    of = Parts(split) if split in {"symbol", "line"} else None
    return Request(path, candidate, candidate.note, whole=split in {"folder", "item"}, parts=of)


def _file_way(entries: Sequence[Entry]) -> Way | None:
    files = [entry for entry in entries if entry.target is not None]
    if not files:
        return None
    return _counted("path", len(entries), "file" if len(files) == len(entries) else "file or item")


def _counted(kind: str, count: int, noun: str) -> Way:
    return Way(kind, count, _number(count, noun))


def _number(count: int, noun: str) -> str:
    """``1 class``, ``2 files or folders``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} " + " or ".join(word + ("es" if word.endswith("s") else "s") for word in noun.split(" or "))


def _where(finding: Finding) -> str:
    return "" if finding.range is None else f"line {finding.range.start.line + 1}: "
