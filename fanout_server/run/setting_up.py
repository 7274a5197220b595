"""``setup`` once for all units, where it is the same for all and worktrees can share what it leaves."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import anyio
import anyio.to_thread

from fanout_server.agents import environment
from fanout_server.agents.output import last_line
from fanout_server.agents.process import Ended, Program, run_program
from fanout_server.model import FanoutError, Options, Unit
from fanout_server.repo import setups
from fanout_server.repo.sourcing import Source
from fanout_server.run.services import RunFolders, Services

# No unit has such an id.
_UNIT = ".setup"


class SetupFailed(FanoutError):
    """``setup`` failed for all units at once; the text says how it ended."""


def is_shared(source: Source, units: Sequence[Unit]) -> bool:
    """Whether one setup will do for these units."""
    return source.shares_setup and bool(units) and bool(units[0].setup) and len({unit.setup for unit in units}) == 1


async def share(
    services: Services, run: str, source: Source, folders: RunFolders, options: Options, argv: tuple[str, ...]
) -> None:
    """Runs ``setup``, unless an earlier run has left what it makes. Raises SetupFailed, GitFailed, OSError."""
    key = None
    if options.setup_key:
        decisive = (json.dumps(argv).encode(), json.dumps(sorted(options.env.items())).encode())
        repo, globs = services.repository, options.setup_key
        key = await anyio.to_thread.run_sync(setups.key_of, repo, source.base, globs, decisive)
        if await anyio.to_thread.run_sync(source.reuse, key):
            return
    mark = f"{run}/{_UNIT}/1"
    logs = folders.attempt_logs(_UNIT, 1)
    path = folders.worktree(_UNIT, 1)
    logs.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    worktree = await anyio.to_thread.run_sync(source.create, path, f"fanout {mark}")
    adopted = False
    try:
        env = environment.build(os.environ, env=options.env, env_pass=options.env_pass, mark=mark)
        ended = await run_program(
            Program(argv, worktree.path, env, None, mark, space=worktree.space),
            timeout=options.timeout,
            stall=options.stall,
            on_output=lambda _: None,
            log=logs / "setup.log",
        )
        if ended.reason != "exited" or ended.exit != 0:
            raise SetupFailed(f"setup failed: {told(ended)}. Its output is in {logs}/setup.log.")
        await anyio.to_thread.run_sync(source.adopt, worktree, key)
        adopted = True
    finally:
        if not adopted:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(source.give_back, worktree)


def told(ended: Ended) -> str:
    """How a setup or verify command ended, with the last line that it printed."""
    if ended.reason != "exited":
        return ended.message
    how = f"ended by signal {ended.signal}" if ended.signal else f"exit status {ended.exit}"
    said = last_line(ended.tail)
    return f"{how}: {said}" if said else how
