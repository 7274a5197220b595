"""The ladder for an instruction that a command came without: LSP has no input box, so what the editor can do is asked.

1. The command's argument: an editor plugin asks by itself, or by a form (``forms``).
2. ``fanout/inputBox``, where the client opted in.
3. The presets, by a message with buttons, where the client says that it has those.
4. A plan document to write the instruction in.

An editor that fails on one rung is asked on the next. Who declines is not asked again.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen
from lsprotocol import types

from fanout_server import model
from fanout_server.lsp.presets import Preset
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session

INPUT_BOX = "fanout/inputBox"
WRITE = "Write an instruction..."
_ASK_SECONDS = 3600.0
_MOST_BUTTONS = 8
_NAMED = 3


@frozen
class Given:
    """``options`` are those of the preset that was chosen."""

    instruction: str
    options: Mapping[str, object] = field(factory=dict)


class Otherwise(enum.Enum):
    """There is no instruction: the user wants none, or is to write it in a plan document."""

    DECLINED = enum.auto()
    WRITE = enum.auto()


class Asking:
    def __init__(self, session: Session, limit: float = _ASK_SECONDS) -> None:
        self._session = session
        self._limit = limit

    async def instruction(self, question: str, presets: Sequence[Preset]) -> Given | Otherwise:
        """``limit`` seconds at the most for each rung; who does not answer in that time has declined."""
        client = self._session.client
        try:
            if client.input_box:
                typed = await self._input_box(question)
                if typed is not None:
                    return typed
            if client.asks and presets:
                return await self._choose(question, presets)
        except TimeoutError:
            return Otherwise.DECLINED
        return Otherwise.WRITE

    async def _input_box(self, question: str) -> Given | Otherwise | None:
        """``None`` where the editor did not ask: it refused, or answered as to a method that it does not know."""
        params = {"prompt": question, "placeHolder": "What is to be done"}
        try:
            answer = await self._session.ask(INPUT_BOX, params, self._limit)
        except ClientRefused:
            return None
        if not isinstance(answer, dict) or not ("value" in answer or "cancelled" in answer):
            return None
        value = answer.get("value")
        is_typed = isinstance(value, str) and bool(value.strip()) and not answer.get("cancelled")
        return Given(str(value)) if is_typed else Otherwise.DECLINED

    async def _choose(self, question: str, presets: Sequence[Preset]) -> Given | Otherwise:
        offered = {preset.title: preset for preset in reversed(presets[:_MOST_BUTTONS])}
        titles = dict.fromkeys((*(preset.title for preset in presets[:_MOST_BUTTONS]), WRITE))
        actions = [types.MessageActionItem(title=title) for title in titles]
        params = types.ShowMessageRequestParams(type=types.MessageType.Info, message=question, actions=actions)
        try:
            answer: Any = await self._session.ask(types.WINDOW_SHOW_MESSAGE_REQUEST, params, self._limit)
        except ClientRefused:
            return Otherwise.WRITE
        chosen = offered.get(answer.title) if answer is not None else None
        if chosen is not None:
            return Given(chosen.instruction, chosen.options)
        return Otherwise.WRITE if answer is not None and answer.title == WRITE else Otherwise.DECLINED


def question(plan: model.Plan) -> str:
    """What is asked for the units of a plan."""
    titles = [unit.title for unit in plan.units]
    if len(titles) == 1:
        return f"What is to be done with {titles[0]}?"
    named = ", ".join(titles[:_NAMED])
    rest = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
    return f"What is to be done with each of these {len(titles)}: {named}{rest}?"
