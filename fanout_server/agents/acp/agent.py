"""The agents ``acp:NAME``: any program that speaks the Agent Client Protocol.

Seen with gemini 0.61.0, opencode 1.18.33 and copilot 1.0.102, claude-agent-acp and codex-acp (November 2026).
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from fanout_server.agents.acp.session import Session
from fanout_server.agents.acp.updates import clean
from fanout_server.agents.base import Abilities, AgentUnavailable, Invocation, Task
from fanout_server.agents.installed import is_here
from fanout_server.model import FanoutError, Options

PREFIX = "acp:"
# Some tell cost or tokens and some do not, so they are not counted on.
_ABILITIES = Abilities(resume=True, cumulative=True)

_KNOWN: Mapping[str, tuple[str, ...]] = {
    "gemini": ("gemini", "--acp"),
    "opencode": ("opencode", "acp"),
    "copilot": ("copilot", "--acp"),
    "claude": ("claude-agent-acp",),
    "codex": ("codex-acp",),
}
# The others would take it for the beginning of a conversation.
_VERSIONED = frozenset({"gemini", "opencode", "copilot"})
_ENV: Mapping[str, Mapping[str, str]] = {
    # Else it starts itself a second time, with more memory.
    "gemini": {"GEMINI_CLI_NO_RELAUNCH": "true"},
    "opencode": {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"},
}


# It begins in one that only reads. In this one it writes in its worktree, in a sandbox of its own.
_MODES: Mapping[str, str] = {"codex": "auto"}


@frozen
class Acp:
    """``name`` is all of it, as in the option ``agent``. The option ``command`` names the program, if it is set."""

    name: str
    abilities: Abilities = _ABILITIES

    @property
    def version_argv(self) -> tuple[str, ...]:
        name = self.name.removeprefix(PREFIX)
        return (_KNOWN[name][0], "--version") if name in _VERSIONED else ()

    def check(self, options: Options) -> None:
        program = self._argv(options)[0]
        if not is_here(program, options):
            raise AgentUnavailable(
                f"the agent `{self.name}` needs the program {program!r}, which was not found on PATH: install it and"
                " sign in, set `command` to the program and its arguments, or set `agent` to another"
            )

    def program(self, task: Task) -> Invocation:
        if clean(str(task.cwd)) != str(task.cwd):
            raise FanoutError(
                f"{str(task.cwd)!r} is no text, and `{self.name}` takes paths as text: move the state folder"
            )
        argv = (*self._argv(task.options), *task.options.args)
        return Invocation(argv, env=_ENV.get(self.name.removeprefix(PREFIX), {}))

    def reader(self, task: Task) -> Session:
        return Session(self.name, task, _MODES.get(self.name.removeprefix(PREFIX), ""))

    def _argv(self, options: Options) -> tuple[str, ...]:
        if options.command:
            return options.command
        known = _KNOWN.get(self.name.removeprefix(PREFIX))
        if known is None:
            names = ", ".join(f"`{PREFIX}{name}`" for name in _KNOWN)
            raise AgentUnavailable(
                f"the program of the agent `{self.name}` is not known: set `command` to the program and the arguments"
                f" that make it speak ACP. Known are {names}"
            )
        return known
