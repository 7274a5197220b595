"""The front matter of a plan document: YAML options with the place of every key and value.

Only plain YAML is read: no tags, anchors or aliases, so nothing in it can run or grow. Words are read as in YAML 1.2
(``no`` and ``1:30`` are texts, ``010`` is no octal number).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import yaml
from attrs import frozen

from fanout_server import settings
from fanout_server.model import FanoutError, Finding, Range, Severity
from fanout_server.planning import positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanout_server.planning.positions import LineIndex

_LONGEST = 64 * 1024
_DEEPEST = 20
_BAD_HEADER = "plan/front-matter"


@frozen
class Entry:
    """One option as written. ``value`` is what YAML says; ``start:end`` is the place of the value in the document."""

    key: str
    value: object
    key_range: Range
    value_range: Range
    start: int
    end: int


@frozen
class FrontMatter:
    """``end`` is where the body begins. ``options`` are the parsed values of the entries that are right."""

    entries: tuple[Entry, ...]
    options: Mapping[str, object]
    problems: tuple[Finding, ...]
    end: int


class BadValue(FanoutError):
    """A text is no value in plain YAML; ``start:end`` is where."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end


def read_value(text: str) -> object:
    """One value as in the front matter, for ``--set KEY=VALUE``. Raises BadValue."""
    node = _compose(text)
    return None if node is None else _construct(node)


def read(text: str, index: LineIndex) -> FrontMatter:
    """Of the whole document. Nothing raises: what is wrong becomes a problem at its place."""
    start = 1 if text.startswith("\ufeff") else 0
    found = borders(text)
    if found is None:
        return FrontMatter((), {}, (), start)
    opening, closing, end = found
    if closing is None:
        message = "The front matter has no end. Close it with a line '---' before the instruction."
        return FrontMatter((), {}, (_error(_BAD_HEADER, message, index.range(start, start + 3)),), opening)
    try:
        node = _compose(text[opening:closing])
        pairs = [] if node is None else _pairs(node)
    except BadValue as error:
        place = index.range(opening + error.start, opening + error.end)
        return FrontMatter((), {}, (_error(_BAD_HEADER, f"The front matter cannot be read: {error}", place),), end)
    return _read_pairs(pairs, text, opening, end, index)


def borders(text: str) -> tuple[int, int | None, int] | None:
    """Where the YAML begins, where it ends (``None`` where it never does) and where the body begins.

    ``None`` without front matter.
    """
    start = 1 if text.startswith("\ufeff") else 0
    opening: int | None = None
    for line in positions.lines(text, start):
        border = line.text.rstrip() == "---"
        if opening is None:
            if not border:
                return None
            opening = _after_break(text, line.end)
        elif border:
            return opening, line.start, _after_break(text, line.end)
    return None if opening is None else (opening, None, len(text))


def _after_break(text: str, end: int) -> int:
    return end + (2 if text[end : end + 2] == "\r\n" else 1 if end < len(text) else 0)


class _Loader(yaml.SafeLoader):
    """Reads the words of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base class has it


def _teach(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), list(first))


_teach("null", "~|null|Null|NULL|", "~nN\0")
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^$"), [""])
_teach("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_teach("int", "[-+]?(?:0|[1-9][0-9]{0,17})", "-+0123456789")
_teach("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", "-+0123456789.")


def _compose(text: str) -> yaml.Node | None:
    if len(text) > _LONGEST:
        raise BadValue(f"It is longer than {_LONGEST // 1024} KB.", 0, 3)
    try:
        _check_events(text)
        return yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = min(mark.index if mark else 0, max(len(text) - 1, 0))
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        advice = "Put a glob in quotes" if "alias" in problem else "Check brackets, quotes and indentation"
        raise BadValue(f"{problem}. {advice}.", at, min(at + 1, len(text))) from error
    except yaml.reader.ReaderError as error:
        at = int(error.position)
        raise BadValue(f"the character {text[at]!r} cannot stand here.", at, at + 1) from error


def _check_events(text: str) -> None:
    """Refuses what has no use here before anything is built from it."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        start, end = _span(event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise BadValue(f"It is nested more than {_DEEPEST} levels deep.", start, end)
        if getattr(event, "anchor", None) is not None:
            raise BadValue("Anchors (&name) and aliases (*name) are not used here. Put a glob in quotes.", start, end)
        if getattr(event, "tag", None) is not None:
            raise BadValue("Tags (!name) are not used here. Put a text that begins with ! in quotes.", start, end)


def _span(event: yaml.Event) -> tuple[int, int]:
    first, last = event.start_mark, event.end_mark
    return (first.index if first else 0), (last.index if last else 0)


def _construct(node: yaml.Node) -> object:
    _check_keys(node)
    value: object = _Loader("").construct_object(node, deep=True)
    return value


def _check_keys(node: yaml.Node) -> None:
    for mapping in _mappings(node):
        seen: set[str] = set()
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode):
                raise BadValue("A key must be a single word.", key.start_mark.index, key.end_mark.index)
            if key.value in seen:
                raise BadValue(f"The key {key.value!r} is there twice.", key.start_mark.index, key.end_mark.index)
            seen.add(key.value)


def _mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)


_Pair = tuple[yaml.ScalarNode, yaml.Node, object]


def _pairs(node: yaml.Node) -> list[_Pair]:
    if not isinstance(node, yaml.MappingNode):
        message = "It must be options, one a line, like 'jobs: 4'."
        raise BadValue(message, node.start_mark.index, node.end_mark.index)
    pairs = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise BadValue("A key must be a single word.", key.start_mark.index, key.end_mark.index)
        pairs.append((key, value, _construct(value)))
    return pairs


def _read_pairs(pairs: list[_Pair], text: str, opening: int, end: int, index: LineIndex) -> FrontMatter:
    entries: list[Entry] = []
    options: dict[str, object] = {}
    problems: list[Finding] = []
    seen: set[str] = set()
    for key_node, value_node, value in pairs:
        key: str = key_node.value
        key_range = index.range(opening + key_node.start_mark.index, opening + key_node.end_mark.index)
        start, stop = opening + value_node.start_mark.index, opening + value_node.end_mark.index
        stop = start + len(text[start:stop].rstrip())
        # A value that is missing has no place of its own.
        value_range = index.range(start, stop) if stop > start else key_range
        entries.append(Entry(key, value, key_range, value_range, start, stop))
        if key in seen:
            problems.append(_error("plan/duplicate-option", f"Option {key!r} is set twice. Remove one.", key_range))
            continue
        seen.add(key)
        try:
            options[key] = settings.parse_option(key, value)
        except settings.BadOption as error:
            known = key in settings.OPTION_KEYS
            code = "plan/bad-option" if known else "plan/unknown-option"
            problems.append(_error(code, str(error), value_range if known else key_range))
    return FrontMatter(tuple(entries), options, tuple(problems), end)


def _error(code: str, message: str, place: Range) -> Finding:
    return Finding(code, Severity.ERROR, message, range=place)
