"""Which agents there are."""

from __future__ import annotations

from fanout_server.agents.acp.agent import PREFIX, Acp
from fanout_server.agents.base import Agent, AgentUnavailable
from fanout_server.agents.claude import Claude
from fanout_server.agents.codex import Codex
from fanout_server.agents.command import Command
from fanout_server.agents.copilot import Copilot
from fanout_server.agents.gemini import Gemini
from fanout_server.agents.installed import is_here
from fanout_server.agents.opencode import OpenCode
from fanout_server.agents.rewrite import Rewrite
from fanout_server.model import Options

# In the order in which they are looked for where no agent is named.
_PROGRAMS: tuple[Agent, ...] = (Claude(), Codex(), Gemini(), OpenCode(), Copilot())

_AGENTS: dict[str, Agent] = {
    "command": Command(),
    "rewrite": Rewrite(),
    **{program.name: program for program in _PROGRAMS},
}


def names() -> tuple[str, ...]:
    """The names that ``get`` takes."""
    return tuple(_AGENTS)


def get(name: str | None, options: Options) -> Agent:
    """The agent ``name``, or the one that ``options`` ask for: by name, or by having its rules or its command.

    Raises:
        AgentUnavailable: there is no such agent, or none was asked for.
    """
    wanted = name or options.agent or _implied(options)
    if wanted == Command.name:
        return Command(options.output)
    if wanted in _AGENTS:
        return _AGENTS[wanted]
    if wanted.startswith(PREFIX):
        return Acp(wanted)
    here = ", ".join(f"`{one}`" for one in names())
    raise AgentUnavailable(f"there is no agent `{wanted}`: there are {here}")


def _implied(options: Options) -> str:
    if options.command and options.rewrite:
        raise AgentUnavailable("both `command` and `rewrite` are set: say with `agent` which of them does the work")
    if options.command:
        return "command"
    if options.rewrite:
        return "rewrite"
    for program in _PROGRAMS:
        if is_here(program.version_argv[0], options):
            return program.name
    raise AgentUnavailable(
        f"no agent is set and none of {', '.join(program.name for program in _PROGRAMS)} is on PATH: install one, or"
        " give a `command` to run, or `rewrite` rules"
    )
