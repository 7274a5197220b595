"""Syntax trees whose nodes are looked at only where a merge needs them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ast_grep_py import SgNode


class Node:
    """A node of a parsed ``source``, of which it is ``start:end``."""

    def __init__(self, source: str, node: SgNode, parent: str = "", span: tuple[int, int] | None = None) -> None:
        self.source = source
        self.kind = node.kind()
        self.named = node.is_named()
        self.parent = parent
        self._node = node
        edit = node.replace("")
        self.start, self.end = span or (edit.start_pos, edit.end_pos)

    @functools.cached_property
    def text(self) -> str:
        return self.source[self.start : self.end]

    @functools.cached_property
    def children(self) -> tuple[Node, ...]:
        """Without those that are empty, or white space that counts as a token."""
        made = (Node(self.source, child, self.kind) for child in self._node.children())
        return tuple(one for one in made if one.text.strip())

    @property
    def inner(self) -> list[Node]:
        """The children that have a kind of their own, comments aside."""
        return [child for child in self.children if child.named and "comment" not in child.kind]

    def field(self, name: str) -> Node | None:
        found = self._node.field(name)
        return None if found is None else Node(self.source, found, self.kind)


def parse(text: str, language: str) -> Node:
    """The root, which is the whole text."""
    # Only here: it is 45 MB, which the process for parsing has anyway.
    from ast_grep_py import SgRoot  # noqa: PLC0415

    return Node(text, SgRoot(text, language).root(), span=(0, len(text)))


def leaves(node: SgNode) -> Iterator[SgNode]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        children = one.children()
        if children:
            waiting += reversed(children)
        else:
            yield one
