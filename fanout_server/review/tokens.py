"""A function as a list of tokens that says what it does, and not how its author called things or laid them out.

Comments, docstrings, types and decorators go; a literal becomes its kind, a local name its number. Names of attributes,
of what is called and of what lies outside of the function stay: they are what it is about.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ast_grep_py import SgNode

LOCAL = "\0"
"""What the token of a local name begins with; its number follows."""

_DROPPED = re.compile(
    r"comment|^(decorator|annotation|marker_annotation|type|type_annotation|type_parameters|type_arguments|modifiers"
    r"|attribute_item|predefined_type|primitive_type|visibility_modifier|accessibility_modifier)$|_type$"
)
_TEXT = re.compile(r"(^|_)(string|char|heredoc|template_string|rune)(_literal|_value)?$|string_literal$|^character")
_INNER = re.compile(r"interpolation|substitution|^expansion$")
_NUMBER = re.compile(
    r"^(integer|float|number|int|real|imaginary|decimal|hex)(_\w+)?$|(integer|float|number|int)_literal$"
)
_NAME = re.compile(r"identifier$|^(variable_name|name|word|constant|identifier_pattern|simple_identifier)$")
_MEMBER = re.compile(
    r"^(attribute|member_\w+|selector_expression|field_expression|field_access|navigation_\w+|scoped_\w+"
    r"|dot_index_expression|method_index_expression|property_access\w*)$"
)
_BINDS = re.compile(r"assign|declarat|for_|foreach|clause|let_|as_pattern|named_expr|except|catch|with_item|definition")
_TARGETS = ("left", "pattern", "name", "alias", "declarator", "variable", "parameter")
_CREATED = frozenset({"object_creation_expression", "struct_expression", "composite_literal", "new_expression"})
_SILENT = frozenset({";", ",", "async", "await", "export", "const", "let", "var", "final"})


@functools.cache
def _is(pattern: re.Pattern[str], kind: str) -> bool:
    """Of the few hundred kinds of nodes that there are, which are asked about a thousand times each."""
    return pattern.search(kind) is not None


@frozen
class Normal:
    """``tokens`` in order; ``free`` are the names that are not the function's own."""

    tokens: tuple[str, ...]
    free: tuple[str, ...]


def normal(body: SgNode, around: SgNode, name: str) -> Normal:
    """Of a function's ``body``; ``around`` is the whole of it, with its parameters."""
    local = _locals(around)
    local.discard(name)
    numbers: dict[str, str] = {}
    tokens: list[str] = []
    free: list[str] = []
    for text, is_name, is_member in _leaves(body):
        if not is_name:
            tokens.append(text)
        elif is_member:
            tokens.append("." + text)
            free.append(text)
        elif text in local:
            tokens.append(numbers.setdefault(text, f"{LOCAL}{len(numbers)}"))
        elif text == name:
            tokens.append(f"{LOCAL}itself")
        else:
            tokens.append(text)
            free.append(text)
    return Normal(tuple(tokens), tuple(free))


def _leaves(root: SgNode) -> Iterator[tuple[str, bool, bool]]:
    """Each token with whether it is a name, and whether it names a member of something."""
    waiting: list[tuple[SgNode, str, bool]] = [(root, "", False)]
    while waiting:
        node, parent, is_later = waiting.pop()
        kind = node.kind()
        is_created = kind == "type_identifier" and parent in _CREATED
        if (_is(_DROPPED, kind) and node.is_named()) or (kind == "type_identifier" and not is_created):
            continue
        if node.is_named() and _is(_TEXT, kind):
            yield "TEXT", False, False
            inner = [one for one in node.children() if _is(_INNER, one.kind())]
            waiting += [(one, kind, True) for one in reversed(inner)]
            continue
        if _is(_NUMBER, kind) and node.is_named():
            yield "NUMBER", False, False
            continue
        if _is(_NAME, kind) and (kind == "variable_name" or not node.children()):
            is_key = parent == "keyword_argument" and not is_later
            is_member = kind in {"property_identifier", "field_identifier"} or (_is(_MEMBER, parent) and is_later)
            yield node.text(), True, is_member or is_key
            continue
        children = node.children()
        if not children:
            text = node.text()
            if text and text not in _SILENT:
                yield text, False, False
            continue
        if kind == "expression_statement" and len(children) == 1 and children[0].kind() == "string":
            continue
        waiting += [(one, kind, number > 0) for number, one in reversed(list(enumerate(children)))]


def _locals(function: SgNode) -> set[str]:
    found: set[str] = set()
    outer: set[str] = set()
    waiting = [function]
    while waiting:
        node = waiting.pop()
        kind = node.kind()
        if not node.is_named() or _is(_DROPPED, kind):
            continue
        if kind in {"global_statement", "nonlocal_statement"}:
            outer |= {one.text() for one in node.named_children()}
            continue
        single = node.field("parameter")
        if single is not None:
            found |= set(_bound(single))
        if kind == "foreach_statement":
            # PHP's has no names for its parts: what is gone through, and what each one is called.
            for one in node.named_children()[1:2]:
                found |= set(_bound(one))
        if "parameter" in kind:
            found |= set(_bound(node))
        elif _is(_BINDS, kind) and node is not function:
            for target in _TARGETS:
                for one in node.field_children(target):
                    found |= set(_bound(one))
        waiting += node.children()
    return found - outer


def _bound(node: SgNode) -> Iterator[str]:
    """The names that a pattern gives a value to."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        kind = one.kind()
        if _is(_DROPPED, kind) or _is(_MEMBER, kind) or re.search(r"call|subscript|index", kind):
            continue
        if kind == "variable_name" or (_is(_NAME, kind) and not one.children()):
            if kind not in {"property_identifier", "field_identifier", "type_identifier"}:
                yield one.text()
            continue
        named = [target for key in ("name", "left", "pattern") for target in one.field_children(key)]
        waiting += named if named and ("parameter" in kind or "pattern" in kind) else one.named_children()
