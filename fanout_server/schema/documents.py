"""The documents in ``docs/schema``: commands, events, options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

from fanout_server import codec, run_events
from fanout_server.lsp import wire
from fanout_server.lsp.commands import COMMANDS
from fanout_server.schema import options
from fanout_server.schema.classes import Definitions, Schema

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_COMMANDS = (
    "For each command of workspace/executeCommand: `arguments` is the only element of its arguments, `answer` its"
    " result. Clients leave alone what they do not know in an answer: later versions may tell more."
)
_EVENTS = (
    "One event of a run: the params of a `fanout/event` notification, and a line of what `fanout run --json` prints."
    " A field that has a default is left out where it holds that."
)
_OPTIONS = "The front matter of a plan document, and the `options` of a command."


def texts() -> dict[str, str]:
    """Each document's file name and text."""
    made = {"commands.json": commands(), "events.json": events(), "options.json": given_options()}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in made.items()}


def commands() -> Schema:
    known: dict[Any, Schema] = {
        wire.Natural: {"type": "integer", "minimum": 0},
        Mapping[str, Any]: {"$ref": "options.json"},
    }
    definitions = Definitions(known)
    arguments = {name: definitions.read(command.arguments) for name, command in COMMANDS.items()}
    answers = {name: definitions.written(command.answer) for name, command in COMMANDS.items()}
    properties = {
        name: {
            "type": "object",
            "properties": {"arguments": arguments[name], "answer": answers[name]},
            "required": ["arguments", "answer"],
        }
        for name in COMMANDS
    }
    head = {"type": "object", "properties": properties, "required": list(COMMANDS)}
    return _document("FanoutCommands", _COMMANDS, head, definitions)


def events() -> Schema:
    definitions = Definitions()
    kinds: tuple[type[run_events.Event], ...] = get_args(run_events.AnyEvent)
    references = []
    for kind in kinds:
        references.append(definitions.written(kind))
        schema = definitions.schemas[kind.__name__]
        schema["properties"] = {"type": {"const": codec.event_type(kind)}, **schema["properties"]}
        schema["required"] = ["type", *schema["required"]]
    return _document("FanoutEvent", _EVENTS, {"oneOf": references}, definitions)


def given_options() -> Schema:
    return _document("FanoutOptions", _OPTIONS, options.schema(), Definitions())


def _document(title: str, description: str, head: Schema, definitions: Definitions) -> Schema:
    defs = {"$defs": dict(sorted(definitions.schemas.items()))} if definitions.schemas else {}
    return {"$schema": _DRAFT, "title": title, "description": description, **head, **defs}
