"""What can be done with a plan document and its last run now: as code lenses, and as code actions for other editors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen
from lsprotocol import types

from fanout_server.lsp import plan_words as words
from fanout_server.lsp.plan_language import ACTION_KIND
from fanout_server.lsp.plan_outlook import Outlook
from fanout_server.lsp.plan_runs import LastRun
from fanout_server.lsp.plan_watch import PlanWatch
from fanout_server.lsp.session import Session
from fanout_server.model import RunState, RunView, UnitState
from fanout_server.planning.estimate import Estimate
from fanout_server.run.state import units_line

_OPEN = frozenset({RunState.READY, RunState.CANCELLED, RunState.REVERTED})
_TRIED = frozenset({RunState.READY, RunState.APPLIED, RunState.CANCELLED, RunState.FAILED})


@frozen
class Offer:
    """One command, with what it says in the editor."""

    title: str
    command: str
    argument: dict[str, Any]

    def to_command(self) -> types.Command:
        return types.Command(title=self.title, command=self.command, arguments=[self.argument])


def offers(uri: str, outlook: Outlook, estimate: Estimate | None, last: LastRun | None) -> tuple[Offer, ...]:
    """In the order in which they matter. A plan that cannot be run as it is has nothing to run or preview."""
    found = [] if last is None else list(_of_run(last))
    plan = outlook.draft.plan
    if plan is not None:
        if last is None or not last.active:
            cost = f" ~ {estimate}" if estimate is not None and estimate.high > 0 else ""
            found.append(Offer(f"Run {words.count(len(plan.units), 'unit')}{cost}", "fanout.run", {"plan": uri}))
        found.append(Offer("Preview", "fanout.preview", {"plan": uri, "show": True}))
    return tuple(found)


def _of_run(last: LastRun) -> Iterator[Offer]:
    view, run = last.view, {"runId": last.id}
    if view is None:
        yield Offer("Cancel", "fanout.cancel", run)
        return
    states = {unit.state for unit in view.units} & {UnitState.FAILED, UnitState.CANCELLED}
    again = sum(unit.state in states for unit in view.units)
    match view.state:
        case RunState.RUNNING:
            yield Offer(f"Cancel ({units_line(view.units)})", "fanout.cancel", run)
        case RunState.WAITING:
            yield Offer("Go on with the rest", "fanout.accept", run)
            yield Offer("Cancel", "fanout.cancel", run)
        case RunState.INTERRUPTED:
            yield Offer("Resume", "fanout.resume", run)
        case RunState.APPLIED:
            yield Offer("Take back", "fanout.revert", run)
        case _:
            pass
    if view.state in _OPEN and view.owners:
        yield Offer(_apply_title(view), "fanout.apply", run)
        yield Offer("Show diff", "fanout.show", {**run, "what": "diff"})
    if view.state in _TRIED and again:
        yield Offer(f"Retry {again} {' or '.join(sorted(states, reverse=True))}", "fanout.retry", run)
    if view.state in _OPEN | {RunState.FAILED, RunState.INTERRUPTED, RunState.WAITING}:
        yield Offer("Discard", "fanout.discard", run)


def _apply_title(view: RunView) -> str:
    return f"Apply {words.count(len(view.owners), 'file')}"


class PlanOffers:
    """Lenses on the first line, and the same as actions anywhere in the document."""

    def __init__(self, session: Session, plans: PlanWatch) -> None:
        self._session = session
        self._plans = plans

    async def _offers(self, uri: str) -> tuple[Offer, ...]:
        outlook = await self._plans.outlooks.of(uri)
        if outlook is None:
            return ()
        estimate = await self._plans.outlooks.estimate(outlook)
        return offers(outlook.text.document.uri, outlook, estimate, self._plans.runs.of(uri))

    async def lenses(self, params: types.CodeLensParams) -> list[types.CodeLens] | None:
        uri = params.text_document.uri
        if self._plans.documents.open(uri) is None:
            return None
        first = types.Range(types.Position(0, 0), types.Position(0, 0))
        return [types.CodeLens(range=first, command=one.to_command()) for one in await self._offers(uri)]

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        """A provider of code actions."""
        uri = params.text_document.uri
        if self._plans.documents.open(uri) is None:
            return []
        literal = self._session.capability("text_document.code_action.code_action_literal_support")
        found: list[types.CodeAction | types.Command] = []
        for one in await self._offers(uri):
            title = f"fanout: {one.title}"
            command = types.Command(title=title, command=one.command, arguments=[one.argument])
            found.append(types.CodeAction(title=title, kind=ACTION_KIND, command=command) if literal else command)
        return found
