"""What the checks need to know of a source text, worked out of its syntax tree in the parser's own process."""

from __future__ import annotations

import ast
import bisect
import re
import warnings
from typing import TYPE_CHECKING, Any

from attrs import frozen

from fanout_server.review import tokens
from fanout_server.syntax import grammars, parsing, symbols
from fanout_server.syntax.worker import Worker

if TYPE_CHECKING:
    from ast_grep_py import SgNode

    from fanout_server.syntax.grammars import Grammar

LEAST_TOKENS = 25
_MOST_ERRORS = 200
_MOST_TOKENS = 2_000
_VALUES = frozenset({"arrow_function", "function_expression", "generator_function"})
_CLOSING = frozenset({")", "]", "}", '"', "'", "`", ";", ">", "end"})


@frozen
class Function:
    """One with a body worth comparing. ``owner`` is the class that it is in."""

    name: str
    owner: str
    line: int
    end: int
    tokens: tuple[str, ...]
    free: tuple[str, ...]


@frozen
class Symbol:
    """A function or class. ``head`` is all before its body: what it is called with."""

    name: str
    line: int
    end: int
    head: str
    is_top: bool


@frozen
class Hidden:
    """A comment, or a text in quotes: ``start:end`` of the source."""

    start: int
    end: int
    is_comment: bool


@frozen
class Facts:
    """``errors`` are the lines, from 0, at which the text makes no sense to its parser, each with what is wrong."""

    language: str
    errors: tuple[tuple[int, str], ...]
    symbols: tuple[Symbol, ...]
    functions: tuple[Function, ...]
    hidden: tuple[Hidden, ...]


def shown(text: str, facts: Facts, *, comments: bool, texts: bool) -> str:
    """The text with blanks for its comments, for what is in quotes, or for all but the comments. Lines stay."""
    parts: list[str] = []
    at = 0
    for hidden in facts.hidden:
        if hidden.start < at or (comments if hidden.is_comment else texts):
            continue
        parts += [text[at : hidden.start], re.sub(r"[^\n]", " ", text[hidden.start : hidden.end])]
        at = hidden.end
    return "".join([*parts, text[at:]])


def ready(process: Worker) -> None:
    """Has the process load what it needs. Raises Unreadable."""
    process.prepare(f"{__name__}:load")


def load() -> None:
    """What that process runs for it."""
    import ast_grep_py  # noqa: F401, PLC0415 - see ``answer``


def read(process: Worker, text: str, path: str, limit: float | None = None) -> Facts | None:
    """``None`` for a language that has no grammar here. Blocking. Raises Unreadable."""
    readings = grammars.readings(path, text)
    if not readings:
        return None
    return told(process.call(f"{__name__}:answer", text, readings, grammars.is_header(path), limit=limit))


def told(found: dict[str, Any]) -> Facts:
    """What ``answer`` says."""
    return Facts(
        found["language"],
        tuple((line, what) for line, what in found["errors"]),
        tuple(Symbol(*one) for one in found["symbols"]),
        tuple(
            Function(name, owner, line, end, tuple(words), tuple(free))
            for name, owner, line, end, words, free in found["functions"]
        ),
        tuple(Hidden(*one) for one in found["hidden"]),
    )


def answer(text: str, readings: list[str], is_header: bool) -> dict[str, Any]:  # noqa: FBT001 - as it comes from JSON
    """What that process runs: ``Facts`` as JSON."""
    from ast_grep_py import SgRoot  # noqa: PLC0415 - it is 45 MB, and only that process needs it

    parsable = "".join("?" if "\ud800" <= letter <= "\udfff" else letter for letter in text).replace("\ufeff", " ")
    root, language = SgRoot(parsable, readings[0]).root(), readings[0]
    for other in readings[1:]:
        if root.find(kind="ERROR") is None:
            break
        root, language = SgRoot(parsable, other).root(), other
    reader = _Reader(parsable, language)
    reader.walk(root)
    found = parsing.find_here(parsable, (language,), is_header=is_header)
    errors = reader.errors or (_python_errors(parsable) if language == "python" else [])
    return {
        "language": language,
        "errors": errors[:_MOST_ERRORS],
        "symbols": [reader.symbol(one, is_top=one in found) for one in symbols.every(found)],
        "functions": reader.functions,
        "hidden": reader.hidden,
    }


class _Reader:
    """One walk over a tree, without recursion: garbage is deep."""

    def __init__(self, text: str, language: str) -> None:
        self._text = text
        self._starts = [0, *(at + 1 for at, letter in enumerate(text) if letter == "\n")]
        self._language = language
        self._grammar: Grammar = grammars.of(language)
        self.errors: list[list[Any]] = []
        self.functions: list[list[Any]] = []
        self.hidden: list[list[Any]] = []

    def walk(self, root: SgNode) -> None:
        waiting: list[tuple[SgNode, SgNode | None, str, bool]] = [(root, None, "", False)]
        while waiting:
            node, parent, owner, inside = waiting.pop()
            kind = node.kind()
            children = node.children()
            if kind == "ERROR":
                self._error(node)
            elif not children and not node.is_named() and kind in _CLOSING and not node.text():
                self._error(node, f"'{kind}' is missing")
            if node.is_named() and self._hide(node, kind, is_error=kind == "ERROR"):
                continue
            if not inside and self._is_function(kind, parent):
                inside = True
                self._function(node, parent, owner)
            elif kind in self._grammar.classes:
                owner = _name(node) or owner
            waiting += [(one, node, owner, inside) for one in reversed(children)]

    def symbol(self, one: symbols.Symbol, *, is_top: bool) -> list[Any]:
        head = " ".join(self._text[one.start : one.body].split())
        return [one.name, self._line(one.start), self._line(max(one.start, one.end - 1)), head, is_top]

    def _is_function(self, kind: str, parent: SgNode | None) -> bool:
        if kind in _VALUES:
            return parent is not None and parent.field("name") is not None
        return kind in self._grammar.functions

    def _function(self, node: SgNode, parent: SgNode | None, owner: str) -> None:
        name = _name(node) or (_name(parent) if parent is not None else "")
        if self._language in {"c", "cpp"}:
            name = parsing.c_name(node)
        body = node.field("body") or next((one for one in node.children() if one.kind().endswith("_body")), None)
        if not name or body is None:
            return
        found = tokens.normal(body, node, name)
        if LEAST_TOKENS <= len(found.tokens) <= _MOST_TOKENS:
            start, end = parsing.span(node)
            line, last = self._line(start), self._line(max(start, end - 1))
            self.functions.append([name, owner, line, last, found.tokens, found.free])

    def _hide(self, node: SgNode, kind: str, *, is_error: bool) -> bool:
        is_comment = "comment" in kind
        if is_error or not (is_comment or ("string" in kind and "interpolat" not in kind) or kind == "char_literal"):
            return False
        self.hidden.append([*parsing.span(node), is_comment])
        return True

    def _error(self, node: SgNode, what: str = "") -> None:
        start, _ = parsing.span(node)
        line = self._line(start)
        text = what or " ".join(node.text()[:60].split()) or "something is missing"
        self.errors.append([line, text if what else f"near '{text}'"])

    def _line(self, offset: int) -> int:
        return bisect.bisect_right(self._starts, offset) - 1


def _name(node: SgNode) -> str:
    name = node.field("name")
    if name is None:
        name = next((one for one in node.named_children() if one.kind().endswith("identifier")), None)
    return "" if name is None else name.text()


def _python_errors(text: str) -> list[list[Any]]:
    """Wrong indentation, which tree-sitter takes as right. Other errors may be of a newer Python than this one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except IndentationError as error:
        return [[max(0, (error.lineno or 1) - 1), error.msg]]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return []
