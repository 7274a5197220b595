"""Filling ``{name}`` into one argument of a command. ``{{`` and ``}}`` stand for braces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fanout_server.model import FanoutError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PIECE = re.compile(r"\{\{|\}\}|\{(?P<name>[^\W\d][\w.-]*)\}|[{}]")


class TemplateError(FanoutError):
    """A template that cannot be filled. ``offset`` counts its characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class UnknownVariable(TemplateError):  # noqa: N818 - a kind of TemplateError, named by its cause
    def __init__(self, name: str, offset: int) -> None:
        super().__init__(f"there is no variable {{{name}}}; for braces as such write {{{{{name}}}}}", offset)
        self.name = name


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its variables replaced; what a value holds is not looked at again.

    Raises:
        UnknownVariable: a name that ``values`` does not have.
        TemplateError: a brace that is neither doubled nor around a name.
    """

    def piece(match: re.Match[str]) -> str:
        name = match["name"]
        if name is not None:
            if name not in values:
                raise UnknownVariable(name, match.start())
            return values[name]
        if len(match[0]) == 1:
            message = f"the brace at character {match.start()} of {text!r} stands alone; double it to mean a brace"
            raise TemplateError(message, match.start())
        return match[0][0]

    return _PIECE.sub(piece, text)


def variables(text: str) -> set[str]:
    """The names that ``fill`` would look up."""
    return {match["name"] for match in _PIECE.finditer(text) if match["name"] is not None}
