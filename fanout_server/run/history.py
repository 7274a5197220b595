"""What earlier runs of a repository cost, for the estimate of the next."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.to_thread

from fanout_server.agents import registry
from fanout_server.agents.base import Abilities, Agent, AgentUnavailable
from fanout_server.model import Options, Plan
from fanout_server.planning.estimate import Estimate, Past, Work, estimate
from fanout_server.repo.repository import Repository
from fanout_server.run.journal import Journal

# Old prices and old models tell little, and an answer must come at once.
_RUNS = 30
_UNITS_OF_A_RUN = 100
JOURNAL = "journal.db"


async def estimate_plan(
    journal: Journal | None, plan: Plan, finished: Sequence[float] = (), run: str | None = None, kept: int = 0
) -> Estimate:
    """While ``run`` goes on, ``finished`` is what those of its units have cost that have ended; ``kept`` are not done.

    Raises JournalError.
    """
    options = plan.options
    agent = await anyio.to_thread.run_sync(_agent, options)
    past = Past() if journal is None else await past_of(journal, agent.name if agent else None, options, run)
    work = Work(
        units=len(plan.units) - kept,
        agent=agent.name if agent else options.agent,
        models=agent is None or _may_cost(agent.abilities),
        reviewed=options.review == "agent",
    )
    return await anyio.to_thread.run_sync(estimate, work, past, finished)


async def estimate_in(repository: Repository, plan: Plan, kept: int = 0) -> Estimate:
    """Where no engine is open; ``kept`` units are not done. Makes no journal. Raises JournalError."""
    path = repository.state_dir / JOURNAL
    if not await anyio.Path(path).exists():
        return await estimate_plan(None, plan, kept=kept)
    journal = await Journal.open(path)
    try:
        return await estimate_plan(journal, plan, kept=kept)
    finally:
        await journal.aclose()


async def past_of(journal: Journal, agent: str | None, options: Options, besides: str | None = None) -> Past:
    """Of runs by ``agent`` with the same model and the same kind of units, the newest first, without ``besides``.

    A run that was left to choose its agent is taken to have chosen as it would today.
    """
    if agent is None:
        return Past()
    chosen = await anyio.to_thread.run_sync(_agent, Options())
    default = chosen.name if chosen else None
    runs = await journal.costs(_RUNS, _UNITS_OF_A_RUN)
    return Past(
        tuple(
            one.costs
            for one in runs
            if one.run != besides
            and (one.agent or default) == agent
            and (one.model, one.mode) == (options.model, options.mode)
        )
    )


def _may_cost(can: Abilities) -> bool:
    """A command that tells what it used has a cost, whether or not a service's limits are known."""
    return can.models or can.cost or can.tokens


def _agent(options: Options) -> Agent | None:
    try:
        return registry.get(options.agent, options)
    except AgentUnavailable:
        # The run will say so; what it would cost can be told all the same.
        return None
