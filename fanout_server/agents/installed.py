"""Whether an agent's program is on the PATH that the agent will have."""

from __future__ import annotations

import os
import shutil

from fanout_server.agents.base import AgentUnavailable
from fanout_server.model import Options


def is_here(program: str, options: Options) -> bool:
    path = options.env.get("PATH", os.environ.get("PATH", os.defpath))
    return shutil.which(program, path=path) is not None


def require(agent: str, program: str, options: Options) -> None:
    """Raises ``AgentUnavailable`` where the program of ``agent`` was not found."""
    if not is_here(program, options):
        raise AgentUnavailable(
            f"the agent `{agent}` needs the program {program!r}, which was not found on PATH:"
            " install it and sign in, or set `agent` to another"
        )
