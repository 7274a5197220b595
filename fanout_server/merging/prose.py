"""Lists in prose: what both sides add to one list is all in it, first ours and then theirs.

Never for code or data: there the place and the order of lines mean something.
"""

from __future__ import annotations

import re

from fanout_server.merging import lines
from fanout_server.merging.lines import Clash

_ENDINGS = (".md", ".markdown", ".mdx", ".rst", ".adoc", ".txt")
_NAMES = frozenset({"authors", "changelog", "changes", "contributors", "credits", "history", "news", "readme", "todo"})
_ITEM = re.compile(r"\s{0,8}([-*+•]|\d+[.)]|#\.)\s+\S|\s{0,3}\|.*\|\s*$")
_INDENTED = re.compile(r"\s+\S")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
# Lists of settings that happen to end in .txt.
_DATA = re.compile(r"(require|constraint|depend|cmakelists|robots|licen[cs]e)")


def is_prose(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    if _DATA.search(name):
        return False
    return name.endswith(_ENDINGS) or name in _NAMES


def merge(base: str, ours: str, theirs: str) -> str | None:
    """``None`` where something else than items of lists was added, or anything changed by both."""
    merged: list[str] = []
    for piece in lines.pieces(base, ours, theirs):
        if isinstance(piece, str):
            merged.append(piece)
            continue
        both = _both(piece)
        if both is None or _is_fenced("".join(merged)):
            return None
        merged.append(both)
    return "".join(merged)


def _both(clash: Clash) -> str | None:
    """Where both only added after the same lines: what both began alike, then each side's items."""
    old, mine, other = (lines.split(text) for text in (clash.base, clash.ours, clash.theirs))
    if mine[: len(old)] != old or other[: len(old)] != old:
        if not old or mine[-len(old) :] != old or other[-len(old) :] != old:
            return None
        added = _added(mine[: -len(old)], other[: -len(old)])
        return None if added is None else added + clash.base
    added = _added(mine[len(old) :], other[len(old) :])
    if added is None:
        return None
    head = clash.base
    return (head + "\n" if head and not head.endswith("\n") else head) + added


def _added(mine: list[str], other: list[str]) -> str | None:
    head: list[str] = []
    # A heading that both made for their items is one heading.
    while mine and other and mine[0] == other[0] and (_HEADING.match(mine[0]) or not mine[0].strip()):
        head.append(mine.pop(0))
        other.pop(0)
    tail: list[str] = []
    while mine and other and mine[-1] == other[-1] and not mine[-1].strip():
        tail.insert(0, mine.pop())
        other.pop()
    if not (_is_list(mine) and _is_list(other)):
        return None
    if {line.strip() for line in mine if line.strip()} & {line.strip() for line in other}:
        return None
    if not mine[-1].endswith("\n"):
        mine[-1] += "\n"
    return "".join((*head, *mine, *other, *tail))


def _is_list(added: list[str]) -> bool:
    """Items, with what is indented below them; blank lines only between."""
    if not added or not _ITEM.match(added[0]) or not added[-1].strip():
        return False
    return all(not line.strip() or _ITEM.match(line) or _INDENTED.match(line) for line in added)


def _is_fenced(before: str) -> bool:
    """Whether what comes next is in a block of code."""
    return sum(1 for line in lines.split(before) if _FENCE.match(line)) % 2 == 1
