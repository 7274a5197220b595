"""What must hold of a merged text, whatever made it."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from fanout_server.merging.nodes import leaves

_WORD = re.compile(r"\w+|[^\w\s,;]")
_MARKER = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)", re.MULTILINE)


def keeps_all(base: str, ours: str, theirs: str, merged: str) -> bool:
    """Whether each word is there as often as both changes together make it: none is lost, and none doubled.

    What both sides added may be one and the same.
    """
    old, mine, other, new = (Counter(_WORD.findall(text)) for text in (base, ours, theirs, merged))
    for word in {*old, *mine, *other, *new}:
        plus, more = mine[word] - old[word], other[word] - old[word]
        least, most = old[word] + plus + more, old[word] + plus + more
        if plus > 0 and more > 0:
            least = old[word] + max(plus, more)
        elif plus < 0 and more < 0:
            most = old[word] + min(plus, more)
        if not least <= new[word] <= most:
            return False
    return True


def is_sound(sides: Sequence[str], merged: str, language: str | None) -> bool:
    """Whether the merged text is no worse than the ``sides``: no new place that cannot be parsed, no new marker."""
    markers = [len(_MARKER.findall(text)) for text in sides]
    if len(_MARKER.findall(merged)) > max(markers):
        return False
    reads = _READERS.get(language or "")
    if reads is not None and all(_can(reads, text) for text in sides) and not _can(reads, merged):
        return False
    if language is None:
        return True
    known: Counter[tuple[str, str]] = Counter()
    for text in sides:
        known |= _troubles(text, language)
    return not _troubles(merged, language) - known


def _troubles(text: str, language: str) -> Counter[tuple[str, str]]:
    """The errors of a text, and the tokens that its parser had to make up."""
    from ast_grep_py import SgRoot  # noqa: PLC0415 - as in nodes

    root = SgRoot(text, language).root()
    found: Counter[tuple[str, str]] = Counter()
    found.update(("error", one.text()) for one in root.find_all(kind="ERROR"))
    found.update(("missing", one.kind()) for one in leaves(root) if not one.text())
    return found


def _can(reads: Callable[[str], Any], text: str) -> bool:
    try:
        reads(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, yaml.YAMLError):
        return False
    return True


def _json(text: str) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("the same key twice")
        return dict(pairs)

    json.loads(text, object_pairs_hook=unique)


def _yaml(text: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        del event


_READERS: Mapping[str, Callable[[str], Any]] = {"python": ast.parse, "json": _json, "yaml": _yaml}
