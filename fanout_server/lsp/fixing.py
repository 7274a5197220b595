"""Fixes that were worked out for the editor: whether it made them is looked at before their findings go."""

from __future__ import annotations

from fanout_server.apply.edits import FileEdit
from fanout_server.apply.resolving import Choice
from fanout_server.lsp.applying import Applying, Fix
from fanout_server.model import Finding
from fanout_server.run.engine import Engine

_MOST_KEPT = 200


class Fixing:
    """The fixes of one session, the last ones of which are remembered."""

    def __init__(self, applying: Applying) -> None:
        self._applying = applying
        self._made: dict[tuple[str, str, Choice], tuple[FileEdit, ...]] = {}

    async def fix(self, engine: Engine, run: str, finding: tuple[str, Finding], choice: Choice) -> Fix:
        """``finding`` with its id before it. Raises FanoutError where it cannot be fixed so."""
        name, found = finding
        fix = await self._applying.fix(engine, run, found, choice)
        key = (run, name, choice)
        self._made.pop(key, None)
        self._made[key] = fix.made
        while len(self._made) > _MOST_KEPT:
            del self._made[next(iter(self._made))]
        return fix

    async def is_made(self, engine: Engine, run: str, name: str, choice: Choice) -> bool:
        """Whether the user's files hold the fix that was last worked out for the finding of this id."""
        edits = self._made.get((run, name, choice))
        return edits is not None and await self._applying.is_made(engine, edits)
