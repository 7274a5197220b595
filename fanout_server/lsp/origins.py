"""Which lines of a file, as the editor shows it, came from which unit of an applied run."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.to_thread

from fanout_server import model
from fanout_server.agents import registry
from fanout_server.agents.base import AgentUnavailable
from fanout_server.lsp import answers, plans, uris
from fanout_server.lsp.session import Session
from fanout_server.lsp.wire import Natural, Position, Range
from fanout_server.run.sides import Origin


async def of(session: Session, uri: str) -> answers.Origins:
    """Raises BadPlace, FanoutError."""
    path = uris.to_path(uri)
    if path is None:
        return answers.Origins(())
    engine = await session.engine_at(Path(path).parent)
    inside = await anyio.to_thread.run_sync(plans.relative, engine.repository.root, path)
    if inside is None:
        return answers.Origins(())
    found = await engine.origins(inside, await plans.text_of(session, uri))
    return answers.Origins(await anyio.to_thread.run_sync(lambda: tuple(_answer(one) for one in found)))


def _answer(origin: Origin) -> answers.Origin:
    units = tuple(answers.OriginUnit(one.id, one.title, one.cost, one.estimated) for one in origin.units)
    lines = Range(Position(Natural(origin.start), Natural(0)), Position(Natural(origin.end), Natural(0)))
    return answers.Origin(origin.run.id, _agent(origin.run.plan.options), lines, units)


def _agent(options: model.Options) -> str:
    try:
        return registry.get(None, options).name
    except AgentUnavailable:
        # It was there when the run was.
        return ""
