"""The agent ``command``: any program that can do a unit's work in the folder it is started in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fanout_server.agents.base import Abilities, AgentUnavailable, Invocation, Reader, Task, encode
from fanout_server.agents.command_output import OutputReader
from fanout_server.agents.endings import ByStatus
from fanout_server.agents.process import ARGUMENT_BYTES
from fanout_server.agents.template import UnknownVariable, fill, variables
from fanout_server.model import CommandOutput, FanoutError, Options


class Command:
    """Runs ``options.command``, filled in for each unit, without a shell.

    The prompt is on standard input, unless the command takes it as ``{prompt}`` or ``{prompt_file}``. Success is exit
    status 0; ``output`` says what else there is to be read.
    """

    name = "command"
    version_argv: tuple[str, ...] = ()

    def __init__(self, output: CommandOutput | None = None) -> None:
        told = output or CommandOutput()
        self.abilities = Abilities(
            resume=bool(told.resume),
            cost=told.cost is not None,
            tokens=told.tokens is not None,
            # Who says what a service's limits look like has one.
            models=told.again is not None,
            edits="possible",
        )

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
        output = task.options.output
        resume = output.resume if output is not None and task.session else ()
        template = (*task.options.command, *resume, *task.options.args)
        values = dict(task.unit.variables)
        values |= {"prompt": task.prompt, "prompt_file": str(task.prompt_file), "cwd": str(task.cwd)}
        if resume:
            values["session"] = task.session
        if task.options.model is not None:
            values["model"] = task.options.model
        argv = [_fill(number, text, values) for number, text in enumerate(template)]
        if os.sep in argv[0]:
            argv[0] = str(task.cwd / argv[0])
        takes_prompt = any({"prompt", "prompt_file"} & variables(text) for text in template)
        return Invocation(tuple(argv), stdin=None if takes_prompt else task.prompt_file)

    def reader(self, task: Task) -> Reader:
        output = task.options.output
        return ByStatus() if output is None else OutputReader(output)


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
