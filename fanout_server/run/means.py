"""What the units of a run have in common, made before the first: a way to the service, a budget, what they are told."""

from __future__ import annotations

import functools
import os
import time

import anyio.to_thread
from attrs import evolve

from fanout_server import run_events
from fanout_server.agents import environment
from fanout_server.agents.base import Agent, Verdict
from fanout_server.model import Options, Plan, RunView
from fanout_server.repo import changes, commits
from fanout_server.repo.repository import Repository
from fanout_server.run import history, prompting, rate
from fanout_server.run.health import is_hopeless
from fanout_server.run.journal import Journal
from fanout_server.run.money import Ledger
from fanout_server.run.prompting import Briefing
from fanout_server.run.services import RunFolders, Services
from fanout_server.run.using import UnitUse

# No unit has such an id.
_PROBE = ".probe"


def limiter(services: Services, options: Options, agent: Agent) -> rate.Limiter:
    """Of the account that the agent works on."""
    env = environment.build(os.environ, env=options.env, env_pass=options.env_pass, mark="")
    return services.shared.limiters(rate.account(agent.name, env))


async def ledger(journal: Journal, view: RunView) -> Ledger:
    """With what the run has cost so far. Raises JournalError."""
    options = view.plan.options
    likely = 0.0
    if options.budget is not None or options.unit_budget is not None:
        _, likely = (await history.estimate_plan(journal, view.plan)).unit
    made = Ledger(options.budget, options.unit_budget, likely)
    for unit in view.units:
        made.charge(unit.id, unit.cost or 0.0)
    made.charge_beside((view.probed or 0.0) + (view.reviewed or 0.0))
    return made


async def expect(ledger: Ledger, journal: Journal, view: RunView) -> None:
    """What a unit costs is known better with each that ends. Raises JournalError."""
    if view.plan.options.budget is not None:
        ended = tuple(unit.cost for unit in view.units if unit.state.ended and unit.cost is not None)
        ledger.expected = (await history.estimate_plan(journal, view.plan, ended, view.id)).unit[1]


async def probe(
    services: Services, folders: RunFolders, run: str, agent: Agent, options: Options, ledger: Ledger
) -> tuple[Verdict | None, run_events.AgentProbed | None]:
    """Why no unit would get anywhere, ``None`` where one may: a bad sign-in is found once, not by each on its own.
    And what it took to ask, which counts towards the budget; ``None`` where the agent was not asked.
    """
    logs = folders.attempt_logs(_PROBE, 1)
    await anyio.to_thread.run_sync(functools.partial(logs.mkdir, parents=True, exist_ok=True))
    home, log = folders.worktrees / _PROBE, logs / "agent.log"
    limit = ledger.limit_for_attempt(_PROBE)
    verdict = await services.shared.probes.ask(agent, options, f"{run}/{_PROBE}/1", home, log, limit)
    if verdict is None:
        return None, None
    use = UnitUse(agent.name, options.prices)
    ledger.charge_beside(use.take(verdict.cost, verdict.tokens, options.model) or 0.0)
    told = use.total
    event = run_events.AgentProbed(run, time.time(), told.cost, told.tokens, told.estimated)
    return (verdict if is_hopeless(verdict) else None), event


def briefing(repository: Repository, agent: Agent, plan: Plan, base: str, view: RunView | None) -> Briefing:
    """What the agents could not know by themselves. Raises GitFailed."""
    known = prompting.briefing_of(agent, plan)
    if not known.wanted:
        return known
    unsaved = changes.since_parent(repository, base)
    example = ""
    if view is not None and view.accepted is not None and not known.reviews:
        results = [unit.result for unit in view.units[: plan.options.pilot] if unit.result]
        diffs = [
            changes.unified(repository, commits.parent(repository, result) or base, result).decode("utf-8", "replace")
            for result in results
        ]
        example = prompting.example_of(diffs, view.accepted)
    return evolve(known, unsaved=unsaved, example=example)
