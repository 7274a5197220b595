"""What applying a change set would do to the user's files as they are now, and what it leaves alone, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from attrs import evolve, frozen

from fanout_server.apply.combine import Clash, combine
from fanout_server.apply.conflicts import APPLYING, TAKING_BACK, Keeper
from fanout_server.apply.content import Content, FileChange, FolderInTheWay, ParentInTheWay, Present, Unreadable
from fanout_server.apply.paths import parents, shown
from fanout_server.apply.splice import TextEdit
from fanout_server.apply.text import text_edits
from fanout_server.model import Finding

Kind = Literal["create", "modify", "replace", "delete", "rename"]


@frozen
class FileEdit:
    """One file's way from ``before``, what the user has, to ``after``; ``None`` is no file.

    ``modify`` changes text by ``edits``, ``rename`` moves ``renamed_from`` to ``path`` and then makes its ``edits``:
    both relative to ``before.data``. ``replace`` is for what has no text edits: binary files, symlinks, modes,
    encodings.
    """

    path: str
    kind: Kind
    before: Content | None
    after: Content | None
    edits: tuple[TextEdit, ...] = ()
    renamed_from: str | None = None
    units: tuple[str, ...] = ()


@frozen
class EditPlan:
    """``edits`` in an order in which they can be made one by one; ``left`` says what is left alone and why.

    ``unchanged`` are the paths where the user already has what the change set made. ``merged`` is the commit that
    all of this was made of, ``rest`` are its paths that were not asked for.
    """

    edits: tuple[FileEdit, ...]
    left: tuple[Finding, ...]
    unchanged: tuple[str, ...]
    merged: str = ""
    rest: tuple[str, ...] = ()


def plan_edits(
    changes: Sequence[FileChange], present: Present, sides: Path | None = None, *, taking_back: bool = False
) -> EditPlan:
    """Changes nothing of the user's. ``taking_back`` is for the words of findings, where the changes undo an apply.

    Of each conflict both sides are written below ``sides``: what the run started from as ``<path>.base``, what it
    made as ``<path>.result``.
    """
    outcomes = _settled(changes, _Cached(present))
    keeper = Keeper(sides, TAKING_BACK if taking_back else APPLYING)
    edits: list[FileEdit] = []
    left: list[Finding] = []
    unchanged: list[str] = []
    for change, outcome in zip(changes, outcomes, strict=True):
        if isinstance(outcome, Clash):
            left.append(keeper.finding(change, outcome))
        elif outcome:
            edits += outcome
        else:
            unchanged.append(change.path)
    return EditPlan(_ordered(edits), tuple(left), tuple(unchanged))


_Outcome = tuple[FileEdit, ...] | Clash


def _settled(changes: Sequence[FileChange], present: _Cached) -> list[_Outcome]:
    """A file may need the place of one that another change takes away, which may then turn out to have to stay.

    So all are first believed to go; those that stay are struck off, and what relied on them is looked at again.
    """
    going = frozenset(_taken_away(changes))
    while True:
        view = _After(present, going)
        outcomes = [_outcome(change, view) for change in changes]
        gone = frozenset(_vacated(outcomes))
        if view.relied_on <= gone:
            return outcomes
        going &= gone


def _taken_away(changes: Iterable[FileChange]) -> Iterator[str]:
    for change in changes:
        if change.new is None:
            yield change.path
        if change.renamed_from is not None:
            yield change.renamed_from


def _vacated(outcomes: Iterable[_Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        if not isinstance(outcome, Clash):
            for edit in outcome:
                if edit.kind == "delete":
                    yield edit.path
                elif edit.renamed_from is not None:
                    yield edit.renamed_from


class _Cached:
    """Each file is read once, so that all decisions rest on the same state."""

    def __init__(self, present: Present) -> None:
        self._present = present
        self._known: dict[str, Content | Unreadable | None] = {}

    def read(self, path: str) -> Content | None:
        if path not in self._known:
            try:
                self._known[path] = self._present.read(path)
            except Unreadable as error:
                self._known[path] = error
        known = self._known[path]
        if isinstance(known, Unreadable):
            raise known
        return known


class _After:
    """What the user has, once the files that are ``going`` have left their places to others."""

    def __init__(self, present: _Cached, going: frozenset[str]) -> None:
        self._present = present
        self._going = going
        self.relied_on: set[str] = set()

    def read(self, path: str) -> Content | None:
        return self._present.read(path)

    def read_leaving(self, path: str) -> Content | None:
        """As ``read``; where a file and a folder have changed places, the file that was to go is gone already."""
        try:
            return self._present.read(path)
        except (ParentInTheWay, FolderInTheWay):
            return None

    def read_target(self, path: str) -> tuple[Content | None, bool]:
        """What stands where a new file is to come, and whether its place is free only then. Raises Unreadable."""
        try:
            return self._present.read(path), False
        except ParentInTheWay as error:
            needed = {error.blocker}
            if not needed <= self._going:
                raise
        except FolderInTheWay as error:
            needed = set(error.files)
            if not needed <= self._going:
                raise
        self.relied_on |= needed
        return None, True


def _outcome(change: FileChange, view: _After) -> _Outcome:
    """The edits that a change comes to, none where the user has it already, or why it is left alone."""
    try:
        if change.renamed_from is not None:
            return _renamed(change, change.renamed_from, view)
        return _changed(change, view)
    except Unreadable as error:
        return Clash(error.reason)


def _changed(change: FileChange, view: _After) -> _Outcome:
    if change.old is None:
        now, _ = view.read_target(change.path)
    elif change.new is None:
        now = view.read_leaving(change.path)
    else:
        now = view.read(change.path)
    if now is None and change.new is None:
        return ()
    combined = combine(change.old, now, change.new)
    if isinstance(combined, Clash):
        return combined
    return file_edits(change.path, now, combined.content, change.units)


def file_edits(
    path: str, now: Content | None, after: Content | None, units: tuple[str, ...] = ()
) -> tuple[FileEdit, ...]:
    """What makes ``after`` of the file at ``path``: one edit, or none where it is so already."""
    if now == after:
        return ()
    if now is None:
        return (FileEdit(path, "create", None, after, units=units),)
    if after is None:
        return (FileEdit(path, "delete", now, None, units=units),)
    edits = _text_edits(now, after)
    if edits is None:
        return (FileEdit(path, "replace", now, after, units=units),)
    return (FileEdit(path, "modify", now, after, edits, units=units),)


def _text_edits(now: Content, after: Content) -> tuple[TextEdit, ...] | None:
    if now.is_link or now.mode != after.mode:
        return None
    return text_edits(now.data, after.data)


def _renamed(change: FileChange, source: str, view: _After) -> _Outcome:
    """The user's edits of the old file are carried over to the new name."""
    target, is_place_only_then_free = view.read_target(change.path)
    if target is not None:
        return _renamed_already(change, source, target, view)
    now = view.read_leaving(source)
    if now is None:
        return Clash(f"'{shown(source)}' was to get this name, but you have deleted or renamed it since")
    combined = combine(change.old, now, change.new)
    if isinstance(combined, Clash):
        return evolve(combined, path=source)
    after = combined.content
    edits = () if now == after else None if after is None else _text_edits(now, after)
    if edits is None or is_place_only_then_free:
        # No editor can move a file to where itself is in the way, nor change bytes that it shows as no text.
        return (
            FileEdit(source, "delete", now, None, units=change.units),
            FileEdit(change.path, "create", None, after, units=change.units),
        )
    return (FileEdit(change.path, "rename", now, after, edits, source, change.units),)


def _renamed_already(change: FileChange, source: str, target: Content, view: _After) -> _Outcome:
    now = view.read_leaving(source)
    if now == target and change.path.casefold() == source.casefold():
        return Clash(
            f"'{shown(source)}' was to get this name, but your disk takes both for one, "
            "since only upper and lower case differ; rename it yourself"
        )
    if target != change.new:
        return Clash(f"'{shown(source)}' was to get this name, but you have another file of this name")
    if now is None:
        return ()
    if now != change.old:
        return Clash(f"'{shown(source)}' was to get this name, but you have edited it since")
    return (FileEdit(source, "delete", now, None, units=change.units),)


def _ordered(edits: Iterable[FileEdit]) -> tuple[FileEdit, ...]:
    """Create, modify, rename, delete; but what stands in the way of a new file goes before it comes."""
    edits = list(edits)
    new = {edit.path for edit in edits if edit.kind in {"create", "rename"}}
    folders = {parent for path in new for parent in parents(path)}

    def rank(edit: FileEdit) -> int:
        leaving = edit.path if edit.kind == "delete" else edit.renamed_from
        if leaving is not None and (leaving in folders or new.intersection(parents(leaving))):
            return 0 if edit.kind == "delete" else 1
        return {"create": 2, "modify": 3, "replace": 3, "rename": 4, "delete": 5}[edit.kind]

    return tuple(sorted(edits, key=rank))
