"""The agent ``command``: any program that can do a unit's work in the folder it is started in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fanout_server.agents.base import Abilities, AgentUnavailable, Invocation, Task, encode
from fanout_server.agents.endings import ByStatus
from fanout_server.agents.process import ARGUMENT_BYTES
from fanout_server.agents.template import UnknownVariable, fill, variables
from fanout_server.model import FanoutError, Options


class Command:
    """Runs ``options.command``, filled in for each unit, without a shell.

    The prompt is on standard input, unless the command takes it as ``{prompt}`` or ``{prompt_file}``. Success is exit
    status 0.
    """

    name = "command"
    abilities = Abilities(models=False, edits="possible")

    def check(self, options: Options) -> None:
        if not options.command or not options.command[0].strip():
            raise AgentUnavailable("the agent `command` has no command: set `command` to the program and its arguments")
        program = options.command[0]
        absolute = Path(program).is_absolute()
        # Names with variables or a folder in them are known only in a unit's worktree.
        if variables(program) or (os.sep in program and not absolute):
            return
        path = options.env.get("PATH", os.environ.get("PATH", os.defpath))
        if shutil.which(program, path=path) is None:
            where = "does not exist or is not executable" if absolute else "was not found on PATH"
            raise AgentUnavailable(f"the program {program!r} of `command` {where}: install it, or give its full path")

    def program(self, task: Task) -> Invocation:
        template = (*task.options.command, *task.options.args)
        values = dict(task.unit.variables)
        values |= {"prompt": task.prompt, "prompt_file": str(task.prompt_file), "cwd": str(task.cwd)}
        if task.options.model is not None:
            values["model"] = task.options.model
        argv = [_fill(number, text, values) for number, text in enumerate(template)]
        if os.sep in argv[0]:
            argv[0] = str(task.cwd / argv[0])
        takes_prompt = any({"prompt", "prompt_file"} & variables(text) for text in template)
        return Invocation(tuple(argv), stdin=None if takes_prompt else task.prompt_file)

    def reader(self, task: Task) -> ByStatus:
        del task
        return ByStatus()


def _fill(number: int, text: str, values: dict[str, str]) -> str:
    place = f"argument {number} of `command`"
    try:
        filled = fill(text, values)
    except UnknownVariable as error:
        if error.name == "model":
            raise FanoutError(
                f"{place} asks for {{model}}, but no `model` is set: set it, or take {{model}} out"
            ) from None
        known = ", ".join(f"{{{name}}}" for name in sorted(values))
        raise FanoutError(f"{place}, {text!r}: {error}; this unit has {known}") from None
    if "\0" in filled:
        raise FanoutError(
            f"{place} holds a NUL character, which no program can be given: pass the prompt on standard input"
        )
    if len(encode(filled, place)) > ARGUMENT_BYTES:
        raise FanoutError(
            f"{place} is longer than {ARGUMENT_BYTES:,} bytes, which no program can be given: use {{prompt_file}} "
            "instead of {prompt}, or leave both out and read the prompt from standard input"
        )
    return filled
