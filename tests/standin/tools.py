"""What the model's moves are in terms of the tools that a program offers it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from attrs import frozen

from fanout_server.agents.json_lines import Json, parse
from tests.standin.script import Answer, Move, Read, Run, Say, Write

Arguments = Mapping[str, Json]

_READ: Mapping[str, Callable[[str], Arguments]] = {
    "Read": lambda path: {"file_path": path},
    "read": lambda path: {"filePath": path},
    "view": lambda path: {"path": path},
    "read_file": lambda path: {"file_path": path},
}

_WRITE: Mapping[str, Callable[[str, str], Arguments]] = {
    "Write": lambda path, text: {"file_path": path, "content": text},
    "write": lambda path, text: {"filePath": path, "content": text},
    "create": lambda path, text: {"path": path, "file_text": text},
    "write_file": lambda path, text: {"file_path": path, "content": text},
}

_RUN: Mapping[str, Callable[[str], Arguments]] = {
    "Bash": lambda command: {"command": command, "description": "Run it"},
    "bash": lambda command: {"command": command, "description": "Run it"},
    "run_shell_command": lambda command: {"command": command, "description": "Run it"},
    "exec_command": lambda command: {"cmd": command},
    "shell_command": lambda command: {"command": command},
    "shell": lambda command: {"command": ["bash", "-lc", command]},
}

_FORM = "StructuredOutput"


@frozen
class Call:
    tool: str
    arguments: Arguments

    @property
    def json(self) -> str:
        return json.dumps(self.arguments)


Act = Call | Say


def act(move: Move, offered: AbstractSet[str]) -> Act:
    """Where there is no tool to read or to write, a shell does it. Without any tool nothing but words is left."""
    match move:
        case Say():
            return move
        case Answer(text):
            return Call(_FORM, parse(text.encode()) or {}) if _FORM in offered else Say(text)
        case Read(path):
            return _call(_READ, offered, path) or _shell(f"cat {shlex.quote(path)}", offered)
        case Write(path, text):
            return _call(_WRITE, offered, path, text) or _shell(_printed(path, text), offered)
        case Run(command):
            return _shell(command, offered)


def _shell(command: str, offered: AbstractSet[str]) -> Act:
    return _call(_RUN, offered, command) or Say(f"I have no tool for that: {', '.join(sorted(offered))}")


def _call(table: Mapping[str, Callable[..., Arguments]], offered: AbstractSet[str], *args: str) -> Call | None:
    return next((Call(name, make(*args)) for name, make in table.items() if name in offered), None)


def _printed(path: str, text: str) -> str:
    return f"printf %s {shlex.quote(text)} > {shlex.quote(path)}"
