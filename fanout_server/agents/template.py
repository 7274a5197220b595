"""Filling ``{name}`` into one argument of a command.

The same rule as for instructions, so that a shell's or awk's own braces need no care: only a lower-case identifier in
braces is a variable, ``{{name}}`` stands for the text ``{name}``, and every other brace is itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from fanout_server.model import FanoutError

_PIECE = re.compile(r"\{\{(?P<literal>[a-z_][a-z0-9_]*)\}\}|\{(?P<name>[a-z_][a-z0-9_]*)\}", re.ASCII)


class UnknownVariable(FanoutError):
    """A variable that has no value. ``offset`` counts the template's characters from 0."""

    def __init__(self, name: str, offset: int) -> None:
        super().__init__(f"there is no variable {{{name}}}; for the text itself write {{{{{name}}}}}")
        self.name = name
        self.offset = offset


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its variables replaced; what a value holds is not looked at again.

    Raises:
        UnknownVariable: a name that ``values`` does not have.
    """

    def piece(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return f"{{{match['literal']}}}"
        if name not in values:
            raise UnknownVariable(name, match.start())
        return values[name]

    return _PIECE.sub(piece, text)


def variables(text: str) -> set[str]:
    """The names that ``fill`` would look up."""
    return {match["name"] for match in _PIECE.finditer(text) if match["name"] is not None}
