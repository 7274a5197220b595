"""The key under which a unit's result is kept: a hash of what made it. Blocking."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from fanout_server import codec
from fanout_server.agents.base import Agent
from fanout_server.model import Options, Unit
from fanout_server.repo.contents import Contents
from fanout_server.repo.trees import FOLDER, NOTHING
from fanout_server.run import prompting
from fanout_server.run.prompting import Briefing

_FORMAT = 1
# These decide when and how many units are worked on, what becomes of results, and what is said of them; or the unit
# itself has them. An option that is not named here counts.
WITHOUT_EFFECT = frozenset(
    {
        *("agent", "split", "jobs", "owns", "setup", "setup_key", "verify", "check", "attempts", "timeout", "stall"),
        *("untracked_limit", "budget", "unit_budget", "prices", "pilot", "order", "review", "conflicts", "apply"),
        *("worktrees", "cache", "cache_limit"),
    }
)
# Of an agent's own environment: what chooses its model.
_CHOOSING = "*_MODEL"
_WILD = frozenset("*?[")


def of_unit(unit: Unit, briefing: Briefing, options: Options, agent: Agent, contents: Contents) -> str:
    """Of a unit that starts from ``contents``. Its id, title and place in the plan do not count. Raises GitFailed."""
    return f"{asked(unit, briefing, options, agent)}-{held(unit, options, contents)}"


def asked(unit: Unit, briefing: Briefing, options: Options, agent: Agent) -> str:
    """The part of a key that does not depend on files: what is asked, and of whom.

    What is in no commit yet counts by what it holds, not by being told of.
    """
    told = prompting.prompt_of(unit, attrs.evolve(briefing, unsaved=()))
    made_of: dict[str, Any] = {
        "format": _FORMAT,
        "prompt": told,
        "targets": codec.to_dict(unit.targets),
        "changes": codec.to_dict(unit.changes),
        "variables": dict(sorted(unit.variables.items())),
        "owns": unit.owns,
        "setup": unit.setup,
        "verify": unit.verify,
        "agent": agent.name,
        "programs": [_program(word, options) for word in _programs(agent, options)],
        "chosen": {name: value for name, value in os.environ.items() if fnmatch.fnmatchcase(name, _CHOOSING)},
        "options": {
            field.name: codec.to_dict(getattr(options, field.name))
            for field in attrs.fields(Options)
            if field.name not in WITHOUT_EFFECT
        },
    }
    return _hash(made_of)


def held(unit: Unit, options: Options, contents: Contents) -> str:
    """The other part: what its targets and the files of ``setup_key`` hold. Everything where it has no target, or where
    a program verifies its work.
    """
    return _hash(sorted(_held(unit, options, contents)))


def _hash(value: object) -> str:
    # Escaped, so that odd bytes of paths have a form, too.
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("ascii")).hexdigest()


def _held(unit: Unit, options: Options, contents: Contents) -> Iterator[tuple[str, str]]:
    paths = {target.path for target in unit.targets} | set(unit.changes.paths if unit.changes is not None else ())
    if unit.setup:
        paths |= set(options.setup_key)
    if unit.verify or not paths or any(_WILD & set(path) for path in options.setup_key if unit.setup):
        paths = {""}
    for path in paths:
        yield path, contents.digest("" if path == "." else path)
    # A program of the repository's own.
    for word in options.command:
        if not word.startswith("/") and ".." not in word.split("/") and word not in {"", "."}:
            mode = contents.at(word)[0]
            if mode not in {NOTHING[0], FOLDER}:
                yield word, contents.digest(word)


def _programs(agent: Agent, options: Options) -> tuple[str, ...]:
    """Words that may be programs, or files that they are made of."""
    return (*agent.version_argv[:1], *options.command)


def _program(word: str, options: Options) -> list[object]:
    """Which one it is, and whether it is still the same: a new version of an agent is another one."""
    place = word if word.startswith(os.sep) else None
    if place is None and os.sep not in word and word:
        place = shutil.which(word, path=options.env.get("PATH", os.environ.get("PATH", os.defpath)))
    if place is None:
        return [word]
    real = Path(os.path.realpath(place))
    try:
        seen = real.stat()
    except (OSError, ValueError):
        return [word]
    return [word, str(real), seen.st_size, seen.st_mtime_ns] if real.is_file() else [word]
