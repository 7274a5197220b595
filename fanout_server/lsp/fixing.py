"""Fixes that the user chose: whether the editor has made them is looked at before their findings go."""

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
        if fix.edit is not None:
            self._made[key] = fix.made
        while len(self._made) > _MOST_KEPT:
            del self._made[next(iter(self._made))]
        return fix

    async def settle(self, engine: Engine, run: str, finding: tuple[str, Finding], choice: Choice) -> bool:
        """Whether the user's files hold the fix now. One that the editor never got is made here. Raises FanoutError."""
        name, found = finding
        edits = self._made.get((run, name, choice))
        if edits is None:
            return await self._applying.make_fix(engine, run, found, choice)
        # Not made once more: something may have been typed into it by now.
        return await self._applying.is_made(engine, edits)
