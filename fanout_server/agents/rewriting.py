"""Rewriting one text by one ast-grep rule. Pure: no files.

Standard library and ast-grep only, as this runs in a process that must start fast. Offsets count code points, which is
what ast-grep's Python binding counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ast_grep_py import SgNode, SgRoot

# A `to` that names a variable twice doubles the text with every level of nesting.
GROWTH_LIMIT = 64 * 1024 * 1024

_LINE_END = re.compile(r"\r\n|\r|\n")
_IN_PATTERN = re.compile(r"(\${1,3})([A-Z_][A-Z0-9_]*)(?![A-Za-z0-9_])")
_IN_TO = re.compile(r"(\\?)(\${1,3})([A-Z_][A-Z0-9_]*)")


class RuleError(Exception):
    """A rule that cannot work. The text says why."""


class Rule(NamedTuple):
    """``language`` is ast-grep's own name, ``None`` for whatever a file's ending tells."""

    pattern: str
    to: str
    language: str | None = None


class Span(NamedTuple):
    """From ``start`` up to ``end``, in code points."""

    start: int
    end: int


class Capture(NamedTuple):
    name: str
    many: bool


class Rewritten(NamedTuple):
    """``spans`` are those that limited the rewrite, where they are now. ``matches`` is how many were replaced."""

    text: str
    matches: int
    spans: list[Span] | None


class Match:
    """One place where a pattern fits; ``inner`` are the matches right below it."""

    def __init__(self, span: Span, node: SgNode) -> None:
        self.span = span
        self.node = node
        self.inner: list[Match] = []
        self.replacement = ""
        self.count = 1


def rewrite(text: str, rule: Rule, language: str, spans: list[Span] | None = None) -> Rewritten:
    """Replaces every match of the rule, once; what the replacement itself would match is left as it is.

    A match inside what an outer match captured is rewritten too, in the outer one's replacement. With ``spans``, only
    matches that lie inside one of them count.

    Raises:
        RuleError: the pattern is no pattern in this language, ``to`` does not fit it, or the result would be enormous.
    """
    pieces = parse_to(rule)
    matches = find(text, rule.pattern, language, spans)
    top = _nest(matches)
    room = GROWTH_LIMIT + len(text)
    # Inner ones come after their outer one, so backwards each finds its inner ones done.
    for match in reversed(matches):
        _replace(text, match, pieces)
        room -= len(match.replacement)
        if room < 0:
            raise RuleError(
                f"the rule {rule.pattern!r} grows nested matches beyond all measure: use each variable once in `to`"
            )
    result = _splice(text, Span(0, len(text)), top)
    return Rewritten(result, sum(match.count for match in top), _moved(spans, top))


def parse_to(rule: Rule) -> list[str | Capture]:
    """The replacement as plain parts and captures. Raises ``RuleError`` for captures that the pattern does not make."""
    captured = {name: dollars == "$$$" for dollars, name in _IN_PATTERN.findall(rule.pattern) if name[0] != "_"}
    pieces: list[str | Capture] = []
    at = 0
    for found in _IN_TO.finditer(rule.to):
        escape, dollars, name = found.groups()
        pieces.append(rule.to[at : found.start()])
        at = found.end()
        if escape:
            pieces.append(dollars + name)
            continue
        many = dollars == "$$$"
        if name not in captured or captured[name] != many:
            there = ", ".join(("$$$" if several else "$") + one for one, several in captured.items()) or "nothing"
            raise RuleError(
                f"`to` uses {dollars}{name}, but the pattern {rule.pattern!r} captures {there}; "
                f"to mean the text itself write \\{dollars}{name}"
            )
        pieces.append(Capture(name, many))
    pieces.append(rule.to[at:])
    return pieces


def find(text: str, pattern: str, language: str, spans: list[Span] | None) -> list[Match]:
    """The matches, each range once, outer ones before inner ones. Raises ``RuleError``."""
    root = SgRoot(text, language).root()
    try:
        nodes = root.find_all(pattern=pattern)
    except RuntimeError as error:
        # A chain of causes, the last one the most exact; after it a backtrace, where the environment asks for those.
        causes = str(error).partition("Stack backtrace:")[0].rstrip()
        reason = causes.rpartition("\n")[2].strip().lstrip("0123456789: ")
        raise RuleError(f"the pattern {pattern!r} cannot be used for {language}: {reason}") from None
    found: dict[Span, Match] = {}
    for node in nodes:
        span = _span(node)
        if spans is None or any(limit.start <= span.start and span.end <= limit.end for limit in spans):
            found.setdefault(span, Match(span, node))
    return sorted(found.values(), key=lambda match: (match.span.start, -match.span.end))


def is_broken(code: str, language: str) -> bool:
    """Whether there are parts that ast-grep cannot read as this language."""
    return SgRoot(code, language).root().find(kind="ERROR") is not None


def is_broken_pattern(pattern: str, language: str) -> bool:
    """As ``is_broken``, with names in the place of the variables. Some patterns that look broken do fit."""
    return is_broken(_IN_PATTERN.sub(lambda found: "x" + found[2], pattern).replace("$$$", "xs"), language)


def offset(lines: list[int], size: int, line: int, character: int) -> int:
    """Where a position is in a text with these ``line_starts`` and of this size; beyond an end means at that end."""
    if line >= len(lines):
        return size
    following = lines[line + 1] if line + 1 < len(lines) else size
    return min(lines[line] + character, following)


def line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in _LINE_END.finditer(text))]


def _nest(matches: list[Match]) -> list[Match]:
    top: list[Match] = []
    around: list[Match] = []
    for match in matches:
        while around and around[-1].span.end < match.span.end:
            around.pop()
        (around[-1].inner if around else top).append(match)
        around.append(match)
    return top


def _replace(text: str, match: Match, pieces: Iterable[str | Capture]) -> None:
    parts = []
    kept: set[int] = set()
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(piece)
            continue
        span = _captured(match.node, piece)
        if span is not None:
            parts.append(_splice(text, span, match.inner))
            kept.update(number for number, inner in enumerate(match.inner) if _within(inner.span, span))
    match.replacement = "".join(parts)
    match.count = 1 + sum(match.inner[number].count for number in kept)


def _captured(node: SgNode, capture: Capture) -> Span | None:
    """Where the captured code lies; ``None`` where a ``$$$`` caught nothing."""
    if not capture.many:
        one = node.get_match(capture.name)
        return None if one is None else _span(one)
    several = node.get_multiple_matches(capture.name)
    return Span(_span(several[0]).start, _span(several[-1]).end) if several else None


def _splice(text: str, span: Span, matches: list[Match]) -> str:
    parts = []
    at = span.start
    for match in matches:
        if _within(match.span, span):
            parts += [text[at : match.span.start], match.replacement]
            at = match.span.end
    return "".join([*parts, text[at : span.end]])


def _moved(spans: list[Span] | None, edits: list[Match]) -> list[Span] | None:
    """The spans after the edits. Each edit lies inside one of them, so those that overlap share its growth."""
    if spans is None:
        return None
    moved = []
    for span in spans:
        before = sum(_growth(edit) for edit in edits if edit.span.end <= span.start)
        up_to = sum(_growth(edit) for edit in edits if edit.span.start < span.end)
        moved.append(Span(span.start + before, max(span.start + before, span.end + up_to)))
    return moved


def _growth(match: Match) -> int:
    return len(match.replacement) - (match.span.end - match.span.start)


def _within(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _span(node: SgNode) -> Span:
    place = node.range()
    return Span(place.start.index, place.end.index)
