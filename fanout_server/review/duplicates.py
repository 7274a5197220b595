"""Helpers that several units wrote, each for itself, and helpers that the base had already."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from fanout_server.model import Finding, Position, Range, Related, Severity
from fanout_server.review import similar
from fanout_server.review.facts import Function
from fanout_server.review.material import Material
from fanout_server.review.merged import decode, is_generated, named
from fanout_server.syntax import grammars

DUPLICATE = "review/duplicate-helper"
EXISTING = "review/reimplements-existing"

_TESTS = re.compile(
    r"(^|/)(tests?|__tests__|spec|specs|testing)/|(^|/)test_|_test\.\w+$|\.(test|spec)\.\w+$|(^|/)conftest\.py$"
)
_SKIPPED = frozenset(
    {"__init__", "constructor", "setUp", "tearDown", "setup", "teardown", "__repr__", "__eq__", "__hash__"}
)
_MOST_FUNCTIONS = 3_000
_MOST_BASE_FILES = 300
_MOST_BASE_READ = 2_000
# For the base.
_MOST_SECONDS = 10.0
_MOST_RELATED = 10


@frozen
class _Place:
    path: str
    function: Function
    language: str
    units: tuple[str, ...]


def find(material: Material) -> Iterator[Finding]:
    """Groups across units, each once; then what the base has. Raises OutOfTime."""
    added = list(_added(material))[:_MOST_FUNCTIONS]
    grouped: set[int] = set()
    for group in _groups(material, added):
        grouped |= set(group)
        yield _duplicate(material, [added[number] for number in group])
    yield from _existing(material, added)


def _added(material: Material) -> Iterator[_Place]:
    """Functions that are new as wholes: those whose names the file had before are no new helpers."""
    for one in material.files:
        if _TESTS.search(one.path):
            continue
        after = material.after(one)
        before = material.before(one)
        if after is None:
            continue
        known = {(function.owner, function.name) for function in before.functions} if before is not None else set()
        for function in after.functions:
            lines = range(function.line, function.end + 1)
            mine = [number for number in lines if number in one.added]
            is_new = (function.owner, function.name) not in known and 2 * len(mine) > len(lines)
            if is_new and function.name not in _SKIPPED and not function.name.lower().startswith("test"):
                units = tuple(dict.fromkeys(unit for number in mine for unit in one.added[number]))
                first = one.added.get(function.line) or units
                yield _Place(one.path, function, after.language, first)


def _groups(material: Material, added: Sequence[_Place]) -> Iterator[list[int]]:
    """Indexes of functions that are alike, of two units at least."""

    def wanted(first: int, second: int) -> bool:
        one, other = added[first], added[second]
        return one.language == other.language and not _is_polymorph(one.function, other.function)

    leaders = list(range(len(added)))

    def leader(number: int) -> int:
        while leaders[number] != number:
            leaders[number] = leaders[leaders[number]]
            number = leaders[number]
        return number

    for pair in similar.pairs([one.function for one in added], wanted, material.check_time):
        leaders[leader(pair.second)] = leader(pair.first)
    groups: dict[int, list[int]] = {}
    for number in range(len(added)):
        groups.setdefault(leader(number), []).append(number)
    for group in groups.values():
        first = set(added[group[0]].units)
        if any(not first & set(added[number].units) for number in group[1:]):
            yield group


def _is_polymorph(one: Function, other: Function) -> bool:
    """Methods of one name in several classes are meant to be alike."""
    return bool(one.owner and other.owner) and one.name == other.name


def _duplicate(material: Material, places: Sequence[_Place]) -> Finding:
    first = places[0]
    units = tuple(dict.fromkeys(unit for place in places for unit in place.units))
    names = list(dict.fromkeys(f"'{place.function.name}'" for place in places[1:]))
    message = (
        f"'{first.function.name}' of {named(first.units, material.titles)} does the same as {', '.join(names[:5])} of"
        f" {named([unit for unit in units if unit not in first.units][:5], material.titles)}"
        f" ({len(places)} places). Keep one of them, and use it in all."
    )
    related = tuple(
        Related(place.path, f"'{place.function.name}' of {named(place.units, material.titles)}", _head(place.function))
        for place in places[1 : _MOST_RELATED + 1]
    )
    return Finding(DUPLICATE, Severity.WARNING, message, first.path, _head(first.function), units, related)


def _existing(material: Material, added: Sequence[_Place]) -> Iterator[Finding]:
    """The base's functions are compared as if they were one more unit's; those that are gone are none."""
    if not added:
        return
    known = list(_of_base(material, added))
    functions = [one.function for one in (*added, *known)]
    count = len(added)

    def wanted(first: int, second: int) -> bool:
        if not (first < count <= second):
            return False
        one, other = added[first], known[second - count]
        return one.language == other.language and not _is_polymorph(one.function, other.function)

    told: set[int] = set()
    for pair in similar.pairs(functions, wanted, material.check_time):
        if pair.first in told:
            continue
        told.add(pair.first)
        one, other = added[pair.first], known[pair.second - count]
        message = (
            f"'{one.function.name}' of {named(one.units, material.titles)} does the same as '{other.function.name}' in"
            f" '{other.path}', which was there before. Use that one."
        )
        related = (Related(other.path, f"'{other.function.name}', there before", _head(other.function)),)
        yield Finding(EXISTING, Severity.INFORMATION, message, one.path, _head(one.function), one.units, related)


def _of_base(material: Material, added: Sequence[_Place]) -> Iterator[_Place]:
    """Near files first, and only those that name something of what the new functions do."""
    end = material.left() - _MOST_SECONDS
    changed = {one.path: one for one in material.files}
    for one in material.files:
        after, before = material.after(one), material.before(one)
        if after is not None and before is not None and not _TESTS.search(one.path):
            old = {(function.owner, function.name) for function in before.functions}
            for function in after.functions:
                if (function.owner, function.name) in old:
                    yield _Place(one.path, function, after.language, ())
    languages = {place.language for place in added}
    paths = [
        path
        for path in material.base.paths()
        if path not in changed
        and languages.intersection(grammars.readings(path))
        and not _TESTS.search(path)
        and not is_generated(path)
    ]
    folders = {place.path.rpartition("/")[0] for place in added}
    far = functools.cache(lambda folder: distance(folder, folders))
    paths.sort(key=lambda path: (far(path.rpartition("/")[0]), path))
    paths = paths[:_MOST_BASE_READ]
    words = [(place.language, {name for name in place.function.free if len(name) > 2}) for place in added]  # noqa: PLR2004
    parsed = 0
    for at in range(0, len(paths), 100):
        if parsed == _MOST_BASE_FILES:
            return
        some = paths[at : at + 100]
        read = ((path, decode(data)) for path, data in zip(some, material.base.read(some), strict=True))
        texts = [(path, text) for path, text in read if text is not None and _may_hold(text, words)]
        texts = texts[: _MOST_BASE_FILES - parsed]
        if material.left() < end:
            return
        parsed += len(texts)
        material.prepare(texts)
        for path, text in texts:
            found = material.facts(path, text)
            if found is not None:
                yield from (_Place(path, function, found.language, ()) for function in found.functions)


def _may_hold(text: str, words: Sequence[tuple[str, set[str]]]) -> bool:
    """Whether half of what one of the functions names stands there, as it must in a function that is alike."""
    standing = set(re.findall(r"\w{3,}", text))
    return any(2 * len(names & standing) >= len(names) for _, names in words)


def distance(folder: str, folders: set[str]) -> int:
    """How many folders up and down from the nearest."""
    parts = folder.split("/") if folder else []
    best = len(parts) + 50
    for near in sorted(folders)[:20]:
        other = near.split("/") if near else []
        same = next(
            (at for at, (a, b) in enumerate(zip(parts, other, strict=False)) if a != b), min(len(parts), len(other))
        )
        best = min(best, len(parts) + len(other) - 2 * same)
    return best


def _head(function: Function) -> Range:
    return Range(Position(function.line, 0), Position(function.line + 1, 0))
