"""The logs of a unit: a folder for each attempt, with what was told to the agent and what its programs printed."""

from __future__ import annotations

from pathlib import Path

from fanout_server.agents.output import LOG_BYTES

# Where the logs of ``check`` lie, which is about no single unit. No unit has such an id.
CHECK = ".check"

_ORDER = {"setup.log": 0, "agent.log": 1, "verify.log": 2, "check.log": 3}


def log_files(logs: Path, unit: str) -> tuple[Path, ...]:
    """All logs of a unit, oldest attempt first; in an attempt: setup, agent, verify. Those of ``CHECK`` as well."""
    found = [path for path in (logs / unit).glob("*/*.log") if path.name in _ORDER]
    return tuple(sorted(found, key=lambda path: (int(path.parent.name), _ORDER[path.name])))


def prompt_files(logs: Path, unit: str) -> tuple[Path, ...]:
    """What the unit's agents were told, oldest attempt first."""
    return tuple(sorted((logs / unit).glob("*/prompt.md"), key=lambda path: int(path.parent.name)))


def room(logs: Path, unit: str) -> int:
    """How many bytes the next log may hold: all of a unit's have one limit. Of a log without room only the end is kept.

    Raises OSError.
    """
    return max(0, LOG_BYTES - sum(path.stat().st_size for path in log_files(logs, unit)))
