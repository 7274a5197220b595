"""The agent ``command``: any program that can do a unit's work in the folder it is started in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fanout_server.agents.base import AgentUnavailable, Invocation, Task, Verdict, encode
from fanout_server.agents.output import last_line
from fanout_server.agents.process import ARGUMENT_BYTES, Ended
from fanout_server.agents.template import UnknownVariable, fill, variables
from fanout_server.model import FanoutError, Options

# What shells and env(1) answer for a program that is no program; trying again changes nothing.
_NEVER_RAN = {126, 127}


class Command:
    """Runs ``options.command``, filled in for each unit, without a shell.

    The prompt is on standard input, unless the command takes it as ``{prompt}`` or ``{prompt_file}``. Success is exit
    status 0.
    """

    name = "command"

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

    def judge(self, ended: Ended) -> Verdict:
        if ended.reason == "exited" and ended.exit == 0:
            return Verdict(ok=True, message=ended.message)
        said = last_line(ended.tail)
        message = f"{ended.message}: {said}" if said else ended.message
        retryable = ended.reason == "stalled" or (ended.reason == "exited" and ended.exit not in _NEVER_RAN)
        return Verdict(ok=False, message=message, retryable=retryable)


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
