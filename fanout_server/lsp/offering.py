"""What a user can choose from before a run: the agents that work here, as ``fanout doctor`` sees them, and presets."""

from __future__ import annotations

import anyio
import anyio.to_thread
from attrs import frozen

from fanout_server import model, settings
from fanout_server.agents import registry
from fanout_server.agents.base import Agent, AgentUnavailable
from fanout_server.lsp import answers, plans
from fanout_server.lsp.session import Session
from fanout_server.run import health
from fanout_server.run.health import Health

# Programs come and go while an editor is open, but not from one menu to the next.
_FRESH_SECONDS = 60.0


@frozen
class _Look:
    """``health`` is there once it is over."""

    began: float
    over: anyio.Event
    health: list[Health]


class Offering:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._looks: dict[tuple[str, tuple[tuple[str, str], ...]], _Look] = {}

    async def offers(self, uri: str | None, soon: float) -> answers.Offers:
        """What is known within ``soon`` seconds of the agents, asking no service. Raises FanoutError."""
        root = await plans.root_of(self._session, uri)
        await self._session.configuration.look(root)
        options = settings.parse_options(dict(self._session.configuration.options(root)))
        chosen = await anyio.to_thread.run_sync(_chosen, options)
        named = dict.fromkeys((*registry.names(), *([chosen] if chosen else [])))
        looks = {name: self._look(registry.get(name, options), options) for name in named}
        with anyio.move_on_after(soon):
            for look in looks.values():
                await look.over.wait()
        agents = [_offered(registry.get(name, options), look, chosen) for name, look in looks.items()]
        presets = tuple(
            answers.OfferedPreset(one.title, one.instruction, dict(one.options))
            for one in self._session.configuration.presets(root)
        )
        complete = all(look.over.is_set() for look in looks.values())
        return answers.Offers(tuple(agent for agent in agents if agent is not None), presets, complete)

    def _look(self, agent: Agent, options: model.Options) -> _Look:
        """The one that goes on, or was made lately."""
        key = (agent.name, tuple(sorted(options.env.items())))
        look = self._looks.get(key)
        # What rules and commands are set is asked anew: settings change, and it takes no program.
        if look is None or not agent.abilities.models or look.began + _FRESH_SECONDS < anyio.current_time():
            look = self._looks[key] = _Look(anyio.current_time(), anyio.Event(), [])
            self._session.spawn(self._see, agent, options, look)
        return look

    async def _see(self, agent: Agent, options: model.Options, look: _Look) -> None:
        try:
            look.health.append(await health.look(agent, options, settings.state_root(), probe=False))
        finally:
            look.over.set()


def _chosen(options: model.Options) -> str | None:
    """The agent that a run without a word about it would have. Blocking."""
    try:
        return registry.get(None, options).name
    except AgentUnavailable:
        return None


def _offered(agent: Agent, look: _Look, chosen: str | None) -> answers.OfferedAgent | None:
    """``None`` where nothing is known of it yet."""
    if not look.health:
        return None
    (seen,) = look.health
    return answers.OfferedAgent(
        agent.name,
        usable=not seen.problem,
        chosen=agent.name == chosen,
        models=agent.abilities.models,
        version=seen.version,
        problem=seen.problem,
    )
