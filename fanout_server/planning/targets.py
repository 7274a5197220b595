"""From what was named to what is there: each request becomes entries, or a finding that says why not."""

from __future__ import annotations

import posixpath
from enum import Enum
from typing import TYPE_CHECKING

import attrs
from attrs import frozen

from fanout_server.model import Changes, FanoutError, Finding, Position, Range, Severity, Target
from fanout_server.planning import changed, globs, parts, paths, variables
from fanout_server.planning.paths import Candidate, Kind
from fanout_server.planning.workspace import Located, Status, Workspace
from fanout_server.syntax import grammars
from fanout_server.syntax.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_NAMED = 5
_NO_LANGUAGE = "is in no language in which fanout finds functions"


@frozen
class Entry:
    """One unit to be: what it works on, the text that named it (``item``), and what was noted with it.

    ``range`` is where it was named, in the text that the selection came from. ``folder``: the target is a whole folder,
    or those files in it that the note names (``is_part``). ``problems`` are the editor's, where the unit is to mend
    them; they are the note too. ``is_class``: the target is a class, not a function. ``changes`` are those in
    the target that it is about.
    """

    target: Target | None
    item: str
    note: str = ""
    range: Range | None = None
    folder: bool = False
    is_part: bool = False
    problems: str = ""
    is_class: bool = False
    changes: Changes | None = None


class Parts(Enum):
    """What of a file is a unit, where the file is not one itself."""

    SYMBOLS = "symbol"
    LINES = "line"


@frozen
class Request:
    """Something named, before anybody looked. ``candidate`` is ``None`` for plain text, which names no file.

    ``whole``: a folder is one unit. Else all files below it are units of their own, or their ``parts`` are: all of
    them, or those that ``within`` touches. ``problems``: as those of an ``Entry``.
    """

    item: str
    candidate: Candidate | None
    note: str = ""
    range: Range | None = None
    whole: bool = False
    parts: Parts | None = None
    within: Range | None = None
    problems: str = ""


@frozen
class Found:
    """What one request came to. ``expanded``: through a glob or a folder, so that no entry was named itself."""

    request: Request
    entries: tuple[Entry, ...]
    expanded: bool = False


@frozen
class Look:
    found: tuple[Found, ...]
    findings: tuple[Finding, ...]


def look(requests: Sequence[Request], workspace: Workspace, source: str | None) -> Look:
    """``source`` is the path of the text that the ranges are in, where there is one."""
    lookup = _Lookup(workspace, source)
    unlisted = [located.path for request in requests for located in lookup.unlisted(request)]
    lookup.ignored = workspace.ignored(unlisted)
    found = tuple(lookup.one(request) for request in requests)
    return Look(found, tuple(lookup.findings))


class _Lookup:
    def __init__(self, workspace: Workspace, source: str | None) -> None:
        self._workspace = workspace
        self._source = source
        self.ignored: frozenset[str] = frozenset()
        self.findings: list[Finding] = []

    def unlisted(self, request: Request) -> Iterator[Located]:
        if request.candidate is not None and request.candidate.kind is not Kind.CHANGES:
            located = self._workspace.locate(request.candidate.text)
            if located.status is Status.UNLISTED:
                yield located

    def one(self, request: Request) -> Found:
        candidate = request.candidate
        if candidate is None:
            return Found(request, (Entry(None, request.item, request.note, request.range),))
        if candidate.kind is Kind.CHANGES:
            return self._changes(request, candidate.text)
        located = self._workspace.locate(candidate.text)
        # A name that exists is that name, whatever its brackets would match.
        if candidate.kind is Kind.GLOB and located.status in {Status.MISSING, Status.OUTSIDE}:
            return self._glob(request, candidate.text)
        match located.status:
            case Status.FILE:
                return self._file(request, candidate, located.path)
            case Status.FOLDER:
                return self._folder(request, located.path)
            case _:
                self._report_absent(request, located)
                return Found(request, ())

    def _changes(self, request: Request, written: str) -> Found:
        try:
            every = self._workspace.changed(written)
        except FanoutError as error:
            self._report("preflight/no-changes", request, str(error))
            return Found(request, ())
        split = changed.by_folder if request.whole else changed.by_file
        parts_of = split(every, self._workspace)
        if not every.paths:
            self._report("preflight/no-changes", request, f"Nothing differs in {written}.")
        elif not request.whole and len(parts_of) < len(every.paths):
            gone = len(every.paths) - len(parts_of)
            why = f"{gone} of the files that differ in {written} are not there any more: no unit has them."
            self._report(
                "preflight/no-changes", request, f"{why} Split by folder to have all.", None, Severity.INFORMATION
            )
        entries = (
            Entry(Target(path), path, request.note, request.range, folder=request.whole, is_part=True, changes=part)
            for path, part in parts_of.items()
        )
        return Found(request, tuple(entries), expanded=True)

    def _file(self, request: Request, candidate: Candidate, path: str) -> Found:
        place = _range(candidate)
        if candidate.symbol is None and request.parts is not None:
            return self._split(attrs.evolve(request, within=request.within or place), [path])
        target, is_class = Target(path, place), False
        if candidate.symbol is not None:
            target, is_class = self._symbol(request, path, candidate.symbol)
        entry = Entry(target, request.item, request.note, request.range, problems=request.problems, is_class=is_class)
        return Found(request, (entry,))

    def _symbol(self, request: Request, path: str, name: str) -> tuple[Target, bool]:
        """With its lines, where it is found."""
        bare = Target(path, symbol=name)
        try:
            text = self._workspace.texts.read(path)
            found = parts.named_parts(path, text, name)
        except Unreadable as error:
            self._report(
                "preflight/no-symbol", request, f"{path} {error}, so fanout cannot look {name} up in it.", path
            )
            return bare, False
        if not found:
            # A heading of a document may be named like this too.
            if parts.has_symbols(path, text):
                near = parts.similar_name(path, text, name)
                hint = f" Did you mean {near}?" if near else ""
                why = f"There is no function, class or method {name} in {path}.{hint} The unit has no lines therefore."
                self._report("preflight/no-symbol", request, why, path)
            return bare, False
        if len(found) > 1:
            names = ", ".join(str(one.target.symbol) for one in found[:_NAMED])
            why = f"{name} in {path} may be {names}: the first was taken. Write the one that is meant."
            self._report("preflight/ambiguous-symbol", request, why, path)
        return found[0].target, found[0].is_class

    def _split(self, request: Request, files: Sequence[str]) -> Found:
        """The parts of these files. Those that have none are named, all in one finding."""
        entries: list[Entry] = []
        without: dict[str, str] = {}
        for path in files:
            try:
                found = self._parts_of(request, path)
            except Unreadable as error:
                without[path] = str(error)
                continue
            entries += (_of_part(part, request) for part in found)
        if without:
            self._report_without(request, without, is_all=len(files) == 1)
        return Found(request, tuple(entries), expanded=True)

    def _parts_of(self, request: Request, path: str) -> tuple[parts.Part, ...]:
        """At least one. Raises Unreadable, which says why there is none."""
        texts, within = self._workspace.texts, request.within
        where = "" if within is None else f" in {variables.named_lines(within)}"
        if request.parts is Parts.LINES:
            found = parts.line_parts(path, texts.read(path), within)
            none = f"has no text{where}"
        else:
            if not parts.may_have_symbols(path):
                raise Unreadable(_NO_LANGUAGE)
            text = texts.read(path)
            found = parts.symbol_parts(path, text, within)
            none = f"has no function or class{where}" if parts.has_symbols(path, text) else _NO_LANGUAGE
        if not found:
            raise Unreadable(none)
        return found

    def _report_without(self, request: Request, without: Mapping[str, str], *, is_all: bool) -> None:
        named = [f"{path} {why}" for path, why in without.items()]
        more = f"; and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        message = f"Left out, as there is nothing to split: {'; '.join(named[:_NAMED])}{more}."
        if _NO_LANGUAGE in without.values():
            message += f" It finds them in {grammars.known()}."
        alone = next(iter(without)) if is_all else None
        # In a folder there are other files too, and nobody named these.
        self._report(
            "preflight/no-parts", request, message, alone, Severity.WARNING if is_all else Severity.INFORMATION
        )

    def _folder(self, request: Request, path: str) -> Found:
        if request.whole:
            entry = Entry(Target(path), request.item, request.note, request.range, folder=True)
            return Found(request, (entry,))
        return self._expanded(request, self._workspace.below(path))

    def _glob(self, request: Request, glob: str) -> Found:
        try:
            return self._matches(request, glob)
        except FanoutError as error:
            self._report("preflight/empty-glob", request, f"{error} Write several globs.")
            return Found(request, ())

    def _matches(self, request: Request, glob: str) -> Found:
        if self._workspace.is_outside(glob):
            self._report("preflight/outside", request, f"The glob {glob} leads out of the workspace.")
            return Found(request, ())
        for reading in self._workspace.relative(glob):
            pattern = globs.compile_glob(reading)
            folders = [path for path in self._workspace.folders if pattern.fullmatch(path)]
            if request.whole and folders:
                return self._folders(request, sorted(folders))
            only_folders = glob.endswith("/")
            files = [] if only_folders else [path for path in self._workspace.files if pattern.fullmatch(path)]
            if files:
                return self._expanded(request, files)
            if folders:
                hint = f"{glob} matches folders only. Write {glob.rstrip('/')}/** for the files in them, or set"
                self._report("preflight/empty-glob", request, f"{hint} split to folder for a unit a folder.")
                return Found(request, ())
        hint = "Check its spelling; files that the repository ignores are not matched."
        self._report("preflight/empty-glob", request, f"No file matches {glob}. {hint}")
        return Found(request, ())

    def _folders(self, request: Request, folders: Iterable[str]) -> Found:
        entries = (Entry(Target(path), path, request.note, request.range, folder=True) for path in folders)
        return Found(request, tuple(entries), expanded=True)

    def _expanded(self, request: Request, files: Iterable[str]) -> Found:
        """A unit for each file; two names of one file are one."""
        entries: dict[str, Entry] = {}
        for path in files:
            located = self._workspace.resolve_link(path)
            if located.status in {Status.OUTSIDE, Status.UNLISTED}:
                self._report_absent(request, located)
            elif located.status is Status.FILE:
                entries[located.path] = Entry(Target(located.path), located.path, request.note, request.range)
        if request.parts is not None:
            return self._split(request, list(entries))
        return Found(request, tuple(entries.values()), expanded=True)

    def _report_absent(self, request: Request, located: Located) -> None:
        path = located.path
        match located.status:
            case Status.MISSING if path.startswith(".../"):
                why = f"{path} is cut off and fits no file, or several. Use 'git diff --name-only', which cuts nothing."
                self._report("preflight/missing", request, why)
            case Status.MISSING:
                self._report("preflight/missing", request, f"There is no file {path}. Check its spelling.", path)
            case Status.OUTSIDE:
                why = f"{path} is outside the workspace, or a link that leads out of it. Name files inside of it."
                self._report("preflight/outside", request, why, path)
            case _ if path in self.ignored:
                why = f"{path} is ignored by the repository, so no result could hold it. It was left out."
                self._report("preflight/ignored", request, why, path)
            case _:
                self._report_unlisted(request, path)

    def _report_unlisted(self, request: Request, path: str) -> None:
        why = self._workspace.describe_unlisted(path)
        if why is None:
            self._report("preflight/empty-glob", request, f"The folder {path} holds no file of the repository.", path)
        else:
            self._report("preflight/outside", request, f"{path} {why}. It was left out.", path)

    def _report(
        self,
        code: str,
        request: Request,
        message: str,
        path: str | None = None,
        severity: Severity = Severity.WARNING,
    ) -> None:
        where = self._source if request.range is not None else path
        self.findings.append(Finding(code, severity, message, where, request.range))


def _of_part(part: parts.Part, request: Request) -> Entry:
    return Entry(
        part.target,
        part.text or label(part.target),
        request.note,
        request.range,
        problems=request.problems,
        is_class=part.is_class,
    )


def _range(candidate: Candidate) -> Range | None:
    """Whole lines: the range ends where the line after the last one begins."""
    if candidate.line is None or candidate.last_line is None:
        return None
    return Range(Position(max(candidate.line - 1, 0), 0), Position(candidate.last_line, 0))


def label(target: Target) -> str:
    """As a person would write it, and as it is read again: ``src/a.ts``, ``src/a.ts#name``, ``src/a.ts:12-20``."""
    if target.symbol and (target.range is None or paths.is_symbol(target.symbol)):
        return f"{target.path}#{target.symbol}"
    if target.range is not None:
        return f"{target.path}:{variables.line_range(target.range)}"
    return target.path


def ancestors(path: str) -> Iterator[str]:
    """The folders that ``path`` lies in, from the nearest up to the top folder."""
    while path not in {"", "."}:
        path = posixpath.dirname(path)
        yield path or "."
