"""From source text to its symbols, through ast-grep's parsers. What counts as one stands in ``symbols``."""

from __future__ import annotations

import functools
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from fanout_server.syntax import grammars, worker
from fanout_server.syntax.errors import Unreadable
from fanout_server.syntax.nesting import Item, Role, finished, nested
from fanout_server.syntax.symbols import Kind, Symbol
from fanout_server.syntax.worker import Worker

if TYPE_CHECKING:
    from ast_grep_py import SgNode

    from fanout_server.syntax.grammars import Grammar

# Python's lock is held for some milliseconds, or seconds where it is garbage.
_LONGEST_HERE = 32 * 1024
_LONGEST_NAME = 200
_SURROGATE = re.compile("[\ud800-\udfff]")


def find(text: str, path: str) -> tuple[Symbol, ...]:
    """Those at the top, in order, with their members. Empty for a language that has no grammar here.

    Code that is wrong is passed over. Blocking: larger texts are parsed in another process. Raises Unreadable.
    """
    readings = grammars.readings(path, text)
    if not readings:
        return ()
    work = next((cached for longest, cached in _CACHES if len(text) <= longest), _find)
    found = work(text, readings, is_header=grammars.is_header(path))
    if isinstance(found, Unreadable):
        raise found
    return found


def _find(text: str, readings: tuple[str, ...], *, is_header: bool) -> tuple[Symbol, ...] | Unreadable:
    """An error as a value, so that it is remembered too: what takes too long must not do so at each key stroke."""
    try:
        if len(text) <= _LONGEST_HERE:
            return find_here(text, readings, is_header=is_header)
        return find_in(worker.SHARED, text, readings, is_header=is_header)
    except Unreadable as error:
        return error


# Many small files for a plan document at each key stroke, some large ones for what is selected in them: up to 24 MB.
_CACHES = (
    (8 * 1024, functools.lru_cache(maxsize=1024)(_find)),
    (512 * 1024, functools.lru_cache(maxsize=16)(_find)),
    (4 * 1024 * 1024, functools.lru_cache(maxsize=2)(_find)),
)


def find_in(process: Worker, text: str, readings: tuple[str, ...], *, is_header: bool) -> tuple[Symbol, ...]:
    """As ``find_here``, in another process. Raises Unreadable."""
    found = process.call(f"{__name__}:answer", text, readings, is_header)
    return tuple(_symbol(one) for one in found)


def answer(text: str, readings: list[str], is_header: bool) -> list[Any]:  # noqa: FBT001 - as it comes from JSON
    """What that process runs."""
    return [_values(one) for one in find_here(text, tuple(readings), is_header=is_header)]


def _values(symbol: Symbol) -> list[Any]:
    members = [_values(member) for member in symbol.members]
    return [symbol.name, symbol.kind.value, symbol.start, symbol.end, symbol.body, members]


def _symbol(one: list[Any]) -> Symbol:
    name, kind, start, end, body, members = one
    return Symbol(name, Kind(kind), start, end, body, tuple(_symbol(member) for member in members))


def find_here(text: str, readings: tuple[str, ...], *, is_header: bool) -> tuple[Symbol, ...]:
    """In this process. ``readings`` are languages, the first that fits to be taken, else the last one.

    Raises Unreadable where the installed ast-grep has other grammars than this was written for.
    """
    # Only here: it is 45 MB that a session may never need.
    from ast_grep_py import SgRoot  # noqa: PLC0415

    # A text of a client may hold what no encoding can; and a mark that is shown as a character is no code.
    parsable = _SURROGATE.sub("?", text)
    if parsable.startswith("\ufeff"):
        parsable = " " + parsable[1:]
    for number, language in enumerate(readings, 1):
        root = SgRoot(parsable, language).root()
        if number == len(readings) or root.find(kind="ERROR") is None:
            items = _Reader(parsable, language, is_header=is_header).items(root)
            return finished(nested(parsable, items), Counter())
    return ()


class _Reader:
    """From nodes of one parsed text to items."""

    def __init__(self, text: str, language: str, *, is_header: bool) -> None:
        self._text = text
        self._language = language
        self._grammar = grammars.of(language)
        self._is_header = is_header
        self._leads: dict[int, int] = {}

    def items(self, root: SgNode) -> list[Item]:
        """In the order of the text, outer ones before those in them."""
        grammar = self._grammar
        try:
            found = root.find_all(any=_rules(grammar, is_header=self._is_header))
        except RuntimeError as error:
            raise Unreadable(f"cannot be split: ast-grep reads {self._language} in another way ({error})") from error
        nodes: list[tuple[str, SgNode]] = []
        for node in found:
            kind = node.kind()
            if kind in grammar.lead:
                start, end = span(node)
                # A comment may reach over its line's end.
                while end > start and self._text[end - 1] in "\r\n":
                    end -= 1
                self._leads[end] = start
            else:
                nodes.append((kind, node))
        items = (self._item(kind, node) for kind, node in nodes)
        return sorted((one for one in items if one is not None), key=lambda item: (item.start, -item.end))

    def _item(self, kind: str, node: SgNode) -> Item | None:
        value = _value(node)
        role = self._role(kind, value)
        body = _body(value or node)
        if body is None and kind in self._grammar.with_body:
            return None
        if kind == "declaration" and _is_member(node):
            return None
        name = _tidy(self._name(kind, node))
        if not name:
            return None
        outer = self._outer(node) if role is not Role.NAMED else node
        start, end = span(outer)
        if role is not Role.NAMED:
            start = self._led(start)
            end += self._text.startswith(";", end)
        return Item(name, role, start, end, end if body is None else body)

    def _role(self, kind: str, value: SgNode | None) -> Role:
        grammar = self._grammar
        if kind in grammar.classes or kind == "type_spec":
            return Role.CLASS
        if kind in grammar.functions:
            return Role.FUNCTION
        if kind in grammar.signatures:
            return Role.FUNCTION if self._is_header and kind == "function_signature" else Role.SIGNATURE
        what = value.kind() if value is not None else ""
        if what in {"object", "table_constructor"} or kind in {"mod_item", "internal_module"}:
            return Role.NAMED
        return Role.CLASS if what == "class" else Role.FUNCTION

    def _outer(self, node: SgNode) -> SgNode:
        """The node with all that is there for it alone."""
        while (parent := node.parent()) is not None and parent.kind() in self._grammar.around:
            kind = node.kind()
            if sum(one.kind() == kind for one in parent.named_children()) > 1:
                break
            node = parent
        return node

    def _led(self, start: int) -> int:
        """Where the comments and attributes right above begin, which stand alone on their lines, indented alike."""
        text = self._text
        line = text.rfind("\n", 0, start) + 1
        indent = text[line:start]
        while line > 0 and not indent.strip():
            end = line - 1
            while end > 0 and text[end - 1] in " \t\r":
                end -= 1
            lead = self._leads.get(end)
            if lead is None or text.startswith("#!", lead):
                break
            line = text.rfind("\n", 0, lead) + 1
            if text[line:lead] != indent:
                break
            start = lead
        return start

    def _name(self, kind: str, node: SgNode) -> str:
        language = self._language
        if kind == "export_statement":
            return "default"
        if language in {"c", "cpp"}:
            return c_name(node)
        if language == "go" and kind == "method_declaration":
            return _go_receiver(node) + _text(node.field("name"))
        if language == "rust" and kind == "impl_item":
            return _without_arguments(_text(node.field("type")))
        if kind == "destructor_declaration":
            return "~" + _text(node.field("name"))
        if kind == "operator_declaration":
            return "operator" + _text(node.field("operator"))
        for key in ("name", "key", "property", "left"):
            if (found := node.field(key)) is not None:
                return _text(found)
        return _name_below(kind, node)


# What has no name of its own is called by what it is.
_UNNAMED = {
    "secondary_constructor": "constructor",
    "deinit_declaration": "deinit",
    "constructor_definition": "constructor",
}


def _name_below(kind: str, node: SgNode) -> str:
    """Where the grammar has no field for the name: of the first child that is a name, or a signature that has one."""
    if kind in _UNNAMED:
        return _UNNAMED[kind]
    if kind == "fallback_receive_definition":
        return node.text().split("(", 1)[0].strip()
    for child in node.named_children():
        what = child.kind()
        if what in {"simple_identifier", "type_identifier", "identifier", "variable_list"}:
            return child.text()
        if what.endswith("_signature"):
            name = child.field("name")
            return name.text() if name is not None else _name_below(what, child)
    return ""


def _rules(grammar: Grammar, *, is_header: bool) -> list[Any]:
    kinds = (*grammar.functions, *grammar.classes, *grammar.signatures, *grammar.lead)
    prototypes = grammar.prototypes if is_header else ()
    return [*({"kind": kind} for kind in kinds), *grammar.bound, *grammar.named, *prototypes]


def _value(node: SgNode) -> SgNode | None:
    """What a name is given to, for nodes that give one."""
    for key in ("value", "right"):
        if (value := node.field(key)) is not None:
            return value
    if node.kind() == "assignment_statement":
        return node.named_children()[-1].child(0)
    return None


_BODIES = frozenset({"function_body", "class_body", "enum_class_body"})


def _body(node: SgNode) -> int | None:
    body = node.field("body")
    if body is None:
        body = next((child for child in node.children() if child.kind() in _BODIES), None)
    return None if body is None else span(body)[0]


def span(node: SgNode) -> tuple[int, int]:
    """Offsets. ``range()`` counts the columns too, all that stands before on a line: seconds where that is long."""
    edit = node.replace("")
    return edit.start_pos, edit.end_pos


def _text(node: SgNode | None) -> str:
    return "" if node is None else node.text()


def c_name(node: SgNode) -> str:
    if node.field("name") is not None:
        return _without_arguments(_text(node.field("name")))
    if node.kind() not in {"function_definition", "declaration"}:
        parent = node.parent()
        return _text(parent.field("declarator")) if parent is not None and parent.kind() == "type_definition" else ""
    at = node
    passed: set[str] = set()
    while (inner := _declared(at)) is not None:
        at = inner
        passed.add(at.kind())
    if not passed & {"function_declarator", "operator_cast"}:
        # ``MACRO(x) {}`` reads like a variable in parentheses.
        return _text(node.field("type"))
    name = at.text()
    if at.kind() == "operator_cast":
        name = name.partition("(")[0]
    before, operator, after = name.partition("operator")
    return _without_arguments(before) + operator + after


def _declared(node: SgNode) -> SgNode | None:
    if node.kind() == "operator_cast":
        return None
    inner = node.field("declarator")
    if inner is None and node.kind() in {"reference_declarator", "parenthesized_declarator"}:
        return next(iter(node.named_children()), None)
    return inner


def _is_member(node: SgNode) -> bool:
    parent = node.parent()
    return parent is not None and parent.kind() == "field_declaration_list"


def _go_receiver(node: SgNode) -> str:
    """``(s *Server[T])`` -> ``Server.``"""
    found = re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)?\)\s*$", _text(node.field("receiver")))
    return f"{found[1]}." if found else ""


def _without_arguments(name: str) -> str:
    """Types without what is in their angle brackets."""
    while name != (shorter := re.sub(r"<[^<>]*>", "", name)):
        name = shorter
    return name


def _tidy(name: str) -> str:
    """On one line, without quotes; nothing that a program could take for an option, as strings may be names too."""
    if len(name) > _LONGEST_NAME:
        return ""
    name = "".join(letter if letter.isprintable() else " " for letter in name)
    name = " ".join(name.split()).strip(" `'\"#[]").lstrip("-")
    name = re.sub(r"^(module\.exports|exports|this)\.", "", name)
    return name.replace(".prototype.", ".").replace("::", ".").replace(":", ".")
