"""TOML with the line of each key: the standard library's reader tells what is in a text, but not where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Keys = tuple[str | int, ...]
"""The way to a value: keys, and the numbers of the elements of arrays of tables."""

# Nothing that we read lies deeper; whoever wrote the text may have gone down thousands of steps.
_DEEPEST = 6

# Of a text that is known to be TOML. What stands in strings and comments ends no statement.
_PART = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'"
    r"|\#[^\n]*"
    r"|[\[{]|[\]}]|\n|[^\"'\#\[\]{}\n]+",
    re.DOTALL,
)


class BadToml(Exception):
    """``line`` counts from 1, ``None`` where nobody can say."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def _loads(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  most have no settings files, and a start need not wait for it

    return tomllib.loads(text)


def parse(text: str) -> dict[str, Any]:
    """Raises BadToml."""
    try:
        return _loads(text)
    except RecursionError as error:
        raise BadToml("It is nested too deeply.", None) from error
    except ValueError as error:
        # Also for a number with more digits than Python reads.
        message, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        at_end = text.count("\n") + 1 if place.startswith("end") else None
        raise BadToml(f"{message}.", int(line[1]) if line else at_end) from error


def lines_of(text: str) -> Mapping[Keys, int]:
    """The line, from 1, on which each key of a text that ``parse`` takes is first written."""
    found: dict[Keys, int] = {}
    counts: dict[Keys, int] = {}
    table: Keys = ()
    for line, statement in _statements(text):
        if statement.startswith("["):
            table = _table(statement, counts)
            keys = [table]
        else:
            keys = [(*table, *way) for way in _ways(_loads(statement))]
        for way in keys:
            for length in range(1, len(way) + 1):
                found.setdefault(way[:length], line)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Headers and pairs, each with the line on which it begins."""
    line, begun, depth = 1, 1, 0
    parts: list[str] = []
    for match in _PART.finditer(text + "\n"):
        part = match[0]
        if part == "\n" and depth == 0:
            statement = "".join(parts).strip()
            if statement:
                yield begun, statement
            parts = []
            begun = line + 1
        elif not part.startswith("#"):
            depth += (part in "[{") - (part in "]}")
            parts.append(part)
        line += part.count("\n")


def _table(header: str, counts: dict[Keys, int]) -> Keys:
    """The way to the table that begins here; of an array of tables to its newest element."""
    way: Keys = ()
    content: Any = _loads(header)
    while isinstance(content, dict) and content and len(way) < _DEEPEST:
        ((key, content),) = content.items()
        way = (*way, key)
        if isinstance(content, list):
            counts[way] = counts.get(way, -1) + 1
        if way in counts:
            way = (*way, counts[way])
        content = content[0] if isinstance(content, list) else content
    return way


def _ways(content: Any, depth: int = _DEEPEST) -> Iterator[Keys]:
    if isinstance(content, dict) and content and depth:
        for key, inner in content.items():
            for way in _ways(inner, depth - 1):
                yield (key, *way)
    else:
        yield ()
