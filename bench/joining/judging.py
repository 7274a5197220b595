"""Whether a merged file is right, by other means than those that merged it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ast_grep_py import SgRoot

from bench.joining.cases import Shared

_LANGUAGES = {"py": "python", "ts": "typescript", "json": "json", "go": "go"}


def parses(path: str, text: str) -> bool:
    ending = path.rpartition(".")[2]
    try:
        if ending == "py":
            compile(text, path, "exec", dont_inherit=True)
        elif ending == "json":
            json.loads(text, object_pairs_hook=_unique)
    except ValueError:
        return False
    except SyntaxError:
        return False
    language = _LANGUAGES.get(ending)
    return language is None or SgRoot(text, language).root().find(kind="ERROR") is None


def is_right(shared: Shared, text: str, units: Sequence[int]) -> bool:
    """It parses, and has what the base had and each unit added, each once."""
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    added = [line for unit in units for line in shared.has(unit)]
    if not shared.mergeable or not parses(shared.path, text):
        return False
    once = all(lines.count(line.strip().rstrip(",")) == added.count(line) for line in added if _tells(line))
    first = [line.strip().rstrip(",") for line in shared.base.splitlines()]
    return once and all(lines.count(line) >= first.count(line) for line in first)


def _tells(line: str) -> bool:
    """Not a closing bracket, which is there for others too."""
    return any(letter.isdigit() for letter in line)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("the same key twice")
    return dict(pairs)
