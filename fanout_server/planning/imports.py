"""Which of some files import which others of them, by what a parser reads in them. Blocking.

Only the files that are asked about are read, and those that stand for a folder (``__init__.py``, ``index.ts``) where
one of them imports something through it: never the whole repository. A way through any other file is not followed.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from fanout_server.planning import import_names, import_paths
from fanout_server.planning.import_files import FileIndex
from fanout_server.planning.import_names import Declared, Facts
from fanout_server.planning.texts import Texts
from fanout_server.syntax import grammars, worker
from fanout_server.syntax.errors import Unreadable

MOST_FILES = 2000
_MOST_INDEXES = 500
_LONGEST = 512 * 1024
_BATCH_FILES = 40
_BATCH_LETTERS = 1 << 20
_BATCH_SECONDS = 5.0
_ALL_SECONDS = 20.0
_DEEPEST = 5
_REMEMBERED = 8192
_WORD = re.compile(r"\w+")

Parse = Callable[[list[list[str]]], list[dict[str, Any] | None]]


@frozen
class Graph:
    """``edges`` has the files that each file imports, of those that were asked about. ``unread`` could not be looked
    at, ``left`` is how many were too many.
    """

    edges: Mapping[str, frozenset[str]] = field(factory=dict)
    unread: tuple[str, ...] = ()
    left: int = 0


class Imports:
    """Remembers what each file imports, by its content."""

    def __init__(self, parse: Parse | None = None) -> None:
        self._parse = parse or _in_worker
        self._known: dict[tuple[str, int], Facts | None] = {}
        self._turn = threading.Lock()
        self._until = 0.0
        self._resolved: _Resolved | None = None

    def graph(self, paths: Iterable[str], index: FileIndex, texts: Texts) -> Graph:
        """Of the files at ``paths`` that are in a language with imports."""
        wanted = [path for path in dict.fromkeys(paths) if grammars.readings(path)]
        asked = wanted[:MOST_FILES]
        with self._turn:
            self._until = time.monotonic() + _ALL_SECONDS
            unread: list[str] = []
            facts = dict(self._facts(asked, texts, unread))
            if self._resolved is None or self._resolved.index is not index:
                self._resolved = _Resolved(index)
            through = self._indexes(facts, self._resolved, texts)
            declared = Declared.by(facts, index)
            edges = {
                path: frozenset(goal for goal in _goals(path, facts, through, self._resolved, declared) if goal != path)
                for path in facts
            }
        return Graph(edges, tuple(unread), len(wanted) - len(asked))

    def _facts(self, paths: Sequence[str], texts: Texts, unread: list[str]) -> Iterator[tuple[str, Facts]]:
        keys: dict[str, tuple[str, int]] = {}
        news: list[list[str]] = []
        size = 0
        for path in paths:
            try:
                text = texts.read(path)
            except Unreadable:
                unread.append(path)
                continue
            if len(text) > _LONGEST:
                unread.append(path)
                continue
            keys[path] = (path, hash(text))
            if keys[path] not in self._known:
                news.append([path, text])
                size += len(text)
            if len(news) >= _BATCH_FILES or size >= _BATCH_LETTERS:
                self._learn(news, keys)
                news, size = [], 0
        self._learn(news, keys)
        for path, key in keys.items():
            if key not in self._known:
                unread.append(path)
                continue
            found = self._known[key]
            if found is not None:
                yield path, found

    def _learn(self, news: list[list[str]], keys: Mapping[str, tuple[str, int]]) -> None:
        if not news or time.monotonic() > self._until:
            return
        if len(self._known) > _REMEMBERED:
            self._known = {key: self._known[key] for key in keys.values() if key in self._known}
        try:
            told = self._parse(news)
        except Unreadable:
            # One of them is garbage to the parser: it alone is to be left out.
            if len(news) > 1:
                middle = len(news) // 2
                self._learn(news[:middle], keys)
                self._learn(news[middle:], keys)
            return
        for (path, text), said in zip(news, told, strict=True):
            self._known[keys[path]] = None if said is None else _facts_of(said, text)

    def _indexes(self, facts: Mapping[str, Facts], resolved: _Resolved, texts: Texts) -> dict[str, Facts]:
        """Of the files that stand for a folder and lie on the way from one of the files to another."""
        through: dict[str, Facts] = {}
        new: Mapping[str, Facts] = facts
        for _ in range(_DEEPEST):
            wanted = {
                goal
                for path, one in new.items()
                for goal, names in resolved.meant(path, one)
                if names and import_paths.is_index(goal) and goal not in through and goal not in facts
            }
            left = _MOST_INDEXES - len(through)
            new = dict(self._facts(sorted(wanted)[:left], texts, []))
            if not new:
                break
            through |= new
        return through


def _in_worker(files: list[list[str]]) -> list[dict[str, Any] | None]:
    found: list[dict[str, Any] | None] = worker.SHARED.call(
        "fanout_server.syntax.imports:answer", files, limit=_BATCH_SECONDS
    )
    return found


def _facts_of(said: Mapping[str, Any], text: str) -> Facts:
    language = said["language"]
    by_name = language in import_names.LANGUAGES
    return Facts(
        language,
        tuple((module, tuple(names)) for module, names in said["imports"]),
        frozenset(said["declares"]),
        tuple(said["spaces"]),
        frozenset(_WORD.findall(text)) if by_name else frozenset(),
    )


@define
class _Resolved:
    """What the imports of files mean among the files of ``index``, as long as they say the same."""

    index: FileIndex
    _known: dict[str, tuple[Facts, tuple[import_paths.Meant, ...]]] = field(factory=dict)

    def meant(self, path: str, facts: Facts) -> tuple[import_paths.Meant, ...]:
        known = self._known.get(path)
        if known is None or known[0] is not facts:
            known = self._known[path] = (facts, tuple(_meant(path, facts, self.index)))
        return known[1]


def _meant(path: str, facts: Facts, index: FileIndex) -> Iterator[import_paths.Meant]:
    if facts.language == "php":
        for module, names in facts.imports:
            if module.startswith("file:"):
                yield from import_paths.PHP_FILES(index, path, module, names)
        return
    resolve = import_paths.of(facts.language)
    if resolve is not None:
        for module, names in facts.imports:
            yield from resolve(index, path, module, names)


def _goals(
    path: str, facts: Mapping[str, Facts], through: Mapping[str, Facts], resolved: _Resolved, declared: Declared
) -> Iterator[str]:
    """The files that the one at ``path`` imports, also through those that stand for a folder."""
    one = facts[path]
    if one.language in import_names.LANGUAGES:
        yield from declared.meant(path, one, resolved.index)
    seen: set[tuple[str, str]] = set()
    waiting = list(resolved.meant(path, one))
    while waiting:
        goal, names = waiting.pop()
        if goal in facts:
            yield goal
        elif goal in through:
            for name in names:
                if (goal, name) not in seen:
                    seen.add((goal, name))
                    waiting += _taken(goal, name, through[goal], resolved.index)


def _taken(goal: str, name: str, facts: Facts, index: FileIndex) -> Iterator[import_paths.Meant]:
    """Where what is taken as ``name`` from a file that stands for a folder comes from."""
    said = [(module, names) for module, names in facts.imports if name == "*" or name in names]
    if not said:
        said = [(module, names) for module, names in facts.imports if "*" in names]
    resolve = import_paths.of(facts.language)
    if resolve is not None:
        for module, names in said:
            taken = [name] if name in names or (name != "*" and "*" in names) else names
            yield from resolve(index, goal, module, taken)
