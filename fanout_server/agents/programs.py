"""Coding agents by their command lines alone: the prompt on standard input, the exit status as the answer.

Seen with claude 2.1.330 and codex 0.169.0 (November 2026). What they print for programs (cost, sessions, denied edits)
is not read here.
"""

from __future__ import annotations

import os
import shutil

from attrs import frozen

from fanout_server.agents.base import Abilities, AgentUnavailable, Invocation, Task
from fanout_server.agents.endings import ByStatus
from fanout_server.model import Options

_UNKNOWN = Abilities()


@frozen
class KnownProgram:
    """``argv`` makes it read its prompt from standard input and edit files in its folder without asking.

    ``model`` and ``allow`` are the options that carry ours, empty where it has none; ``tail`` ends the command line.
    """

    name: str
    argv: tuple[str, ...]
    model: str = ""
    allow: str = ""
    tail: tuple[str, ...] = ()
    abilities: Abilities = _UNKNOWN

    @property
    def version_argv(self) -> tuple[str, ...]:
        return (self.argv[0], "--version")

    def check(self, options: Options) -> None:
        if not self.is_here(options):
            raise AgentUnavailable(
                f"the agent `{self.name}` needs the program {self.argv[0]!r}, which was not found on PATH:"
                " install it and sign in, or set `agent` to another"
            )
        if options.allow and not self.allow:
            raise AgentUnavailable(f"the agent `{self.name}` has no list of what it may do: leave `allow` out")

    def is_here(self, options: Options) -> bool:
        path = options.env.get("PATH", os.environ.get("PATH", os.defpath))
        return shutil.which(self.argv[0], path=path) is not None

    def program(self, task: Task) -> Invocation:
        options = task.options
        argv = [*self.argv]
        if options.model is not None:
            argv += [self.model, options.model]
        if options.allow:
            argv += [self.allow, ",".join(options.allow)]
        return Invocation((*argv, *options.args, *self.tail), stdin=task.prompt_file)

    def reader(self, task: Task) -> ByStatus:
        del task
        return ByStatus()


CLAUDE = KnownProgram(
    "claude", ("claude", "-p", "--permission-mode", "acceptEdits"), model="--model", allow="--allowedTools"
)

# Its sandbox lets it write to the system's temporary folders unless told otherwise.
CODEX = KnownProgram(
    "codex",
    (
        *("codex", "exec", "-s", "workspace-write"),
        *("-c", "sandbox_workspace_write.exclude_slash_tmp=true"),
        *("-c", "sandbox_workspace_write.exclude_tmpdir_env_var=true"),
    ),
    model="-m",
    tail=("-",),
)
