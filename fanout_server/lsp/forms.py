"""``command/resolve``: the form of a command that needs an instruction, for editors that show forms.

This is the proposal for interactive commands that gopls and its editor plugin speak. Before the editor runs a command
it sends it here. The answer holds questions (``formFields``) until the command is complete. The answers come back with
the whole command, so nothing is remembered in between. What was answered is put into the command's own argument: an
editor that runs the command as it got it back needs to know no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio.to_thread
import attrs
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server.lsp import asking, messages, plans, wire
from fanout_server.lsp.presets import Preset
from fanout_server.lsp.session import Session
from fanout_server.planning.plan import PlanError

RESOLVE = "command/resolve"
_COMMAND = "fanout.run"
_FIELD = "instruction"
_TEXT, _CHOICE = "string", "enum"


class Forms:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def resolve(self, params: Any) -> dict[str, Any]:
        """The command with questions, or ready to be run. Raises JsonRpcInvalidParams, and as ``Asked.plan``."""
        command, arguments, answers = _read(params)
        whole = {"command": command, "arguments": list(arguments)}
        inputs = self._session.client.form_inputs
        if command != _COMMAND or not inputs & {_TEXT, _CHOICE}:
            return whole
        read = wire.read_arguments(command, arguments, wire.PlanArguments)
        asked = await plans.read(self._session, command, read)
        if not asked.needs_instruction:
            return whole
        await self._session.configuration.look(asked.engine.repository.root)
        presets = self._session.configuration.presets(asked.engine.repository.root)
        kind = {"kind": _TEXT} if _TEXT in inputs else _choice(presets)
        if _FIELD not in answers:
            plan = await anyio.to_thread.run_sync(lambda: asked.plan(need_instruction=False))
            return {**whole, "formFields": [_question(asking.question(plan), kind)]}
        chosen = _chosen(answers[_FIELD], presets, is_text=_TEXT in inputs)
        error = "Say what is to be done." if chosen is None else await self._problem(asked, chosen)
        if chosen is None or error:
            return {
                **whole,
                "formFields": [{**_question("What is to be done?", kind), "error": error}],
                "formAnswers": [{"id": _FIELD, "value": answers[_FIELD]}],
            }
        given = {**arguments[0], "instruction": chosen.instruction}
        if chosen.options:
            given["options"] = {**chosen.options, **(read.options or {})}
        return {**whole, "arguments": [given]}

    async def _problem(self, asked: plans.Asked, chosen: asking.Given) -> str:
        """What is wrong with the instruction, such as a variable that there is not; empty where nothing is."""
        wanted = attrs.evolve(asked, instruction=chosen.instruction)
        try:
            await anyio.to_thread.run_sync(wanted.plan)
        except PlanError as error:
            return str(error)
        return ""


def _question(text: str, kind: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": _FIELD, "description": text, "type": dict(kind), "required": True}


def _choice(presets: Sequence[Preset]) -> dict[str, Any]:
    entries = [{"value": preset.title, "description": preset.title} for preset in presets]
    return {"kind": _CHOICE, "name": "presets", "entries": entries}


def _chosen(value: object, presets: Sequence[Preset], *, is_text: bool) -> asking.Given | None:
    if not isinstance(value, str) or not value.strip():
        return None
    if is_text:
        return asking.Given(value)
    found = next((preset for preset in presets if preset.title == value), None)
    return None if found is None else asking.Given(found.instruction, found.options)


def _read(params: Any) -> tuple[str, Sequence[Any], Mapping[str, object]]:
    """The command, its arguments and the answers by their ids. Raises JsonRpcInvalidParams."""
    if not isinstance(params, dict) or not isinstance(params.get("command"), str):
        raise JsonRpcInvalidParams(f"{RESOLVE} takes a command, its arguments and the answers to its form.")
    arguments, answers = params.get("arguments") or [], params.get("formAnswers") or []
    for key, value in (("arguments", arguments), ("formAnswers", answers)):
        if not isinstance(value, list):
            raise JsonRpcInvalidParams(f"'{key}' of {RESOLVE} should be a list, but is {messages.name_of(value)}.")
    if not all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in answers):
        raise JsonRpcInvalidParams(f"Each of the 'formAnswers' of {RESOLVE} is an object with an 'id' and a 'value'.")
    return params["command"], arguments, {one["id"]: one.get("value") for one in answers}
