"""Code actions about what runs made: quick fixes for their findings, and what to do with their changes of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import anyio.to_thread
from lsprotocol import types

from fanout_server.apply import automatic, conflicts
from fanout_server.apply.resolving import Choice
from fanout_server.lsp import uris
from fanout_server.lsp.plan_language import ACTION_KIND
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Known, Watching
from fanout_server.model import FanoutError, Finding, RunState
from fanout_server.run import fixing, repairs, sending_back
from fanout_server.run.state import RESUMABLE, is_of_review

_WHO = "fanout/fixes"
_APPLYABLE = frozenset({RunState.READY, RunState.REVERTED, RunState.CANCELLED, RunState.FAILED, RunState.APPLIED})
_TITLES: Mapping[Choice, str] = {
    Choice.MINE: "Keep what I have",
    Choice.THEIRS: "Take the other side instead of mine",
    Choice.BOTH: "Keep both, mine first",
}
_UNDOING: Mapping[Choice, str] = {
    Choice.MINE: "Leave out what unit {unit} did to this file",
    Choice.THEIRS: "Keep of this file only what unit {unit} made of it",
}
_REPAIRS: Mapping[str, str] = {
    conflicts.CODE: "Ask an agent to bring both together",
    "review/duplicate-helper": "Extract into one helper, through an agent",
    "review/reimplements-existing": "Use the existing one, through an agent",
}
_MOST_UNITS = 5
# With a note a unit goes on from what it has; the finding itself goes along.
_MEND = "With your change the project's check fails. Mend what makes it fail, keeping to the task."
_MOST_FINDINGS = 50
_MOST_SENT = 200
_MOST_RUNS = 3


class Fixes:
    """The code actions of one session that are about results."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._session = session
        self._watching = watching

    async def actions(self, params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        """Those of the findings on these lines, then those of the runs that changed the document."""
        found: list[types.CodeAction] = []
        uri = params.text_document.uri
        for diagnostic in self._watching.diagnostics.at(uri, params.range)[:_MOST_FINDINGS]:
            data = diagnostic.data if isinstance(diagnostic.data, dict) else {}
            known = self._watching.known.get(str(data.get("runId")))
            finding = known.findings.get(str(data.get("id"))) if known is not None else None
            if known is not None and finding is not None:
                found += await self._fixes(uri, diagnostic, known, str(data["id"]), finding)
        offered = [await self._offers(uri, known) for known in reversed(tuple(self._watching.known.values()))]
        # The newest runs first; a user who lets many wait finds the others in the status.
        found += [one for offers in [some for some in offered if some][:_MOST_RUNS] for one in offers]
        if self._session.client.action_literals:
            return [*found]
        commands = [(one.title, one.command) for one in found if one.command is not None]
        return [types.Command(title=title, command=one.command, arguments=one.arguments) for title, one in commands]

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """The action with its edit; somebody else's as it is. Raises FanoutError where it is out of date."""
        data = action.data
        if not isinstance(data, dict) or data.get("who") != _WHO:
            return action
        known = self._watching.known.get(str(data.get("runId")))
        finding = known.findings.get(str(data.get("id"))) if known is not None else None
        if known is None or finding is None:
            raise FanoutError("What this fix was for is settled by now, so nothing was changed.")
        if self._version(str(data.get("uri"))) != data.get("version"):
            raise FanoutError(
                "You typed in the file since this fix was offered. Nothing was changed; ask for it again."
            )
        return await self._with_edit(action, known, finding)

    async def _with_edit(self, action: types.CodeAction, known: Known, finding: Finding) -> types.CodeAction:
        data: Any = action.data
        named = (str(data["id"]), finding)
        try:
            choice = Choice(str(data.get("choice")))
        except ValueError as error:
            raise FanoutError(f"There is no choice {data.get('choice')!r}. Ask for the fixes again.") from error
        fix = await self._watching.fixing.fix(known.engine, known.view.id, named, choice)
        # An edit of nothing is an error to some editors.
        action.edit = fix.edit if fix.made else None
        return action

    async def _fixes(
        self, uri: str, diagnostic: types.Diagnostic, known: Known, name: str, finding: Finding
    ) -> list[types.CodeAction]:
        run = known.view.id
        found: list[types.CodeAction] = []
        if fixing.choices(known.view, finding):
            found += await self._choices(uri, diagnostic, known, name, finding)
        for title, command, argument in (*_commands(known, finding, uri), *_by_agents(known, name, finding)):
            found.append(_action(title, command, argument, diagnostic))
        if len(finding.units) == 1:
            show = {"runId": run, "unit": finding.units[0], "what": "diff"}
            if any(unit.id == finding.units[0] and unit.result for unit in known.view.units):
                found.append(_action(f"Show the diff of unit {finding.units[0]}", "fanout.show", show, diagnostic))
        dismiss = {"runId": run, "findings": [name]}
        if finding.code != conflicts.CODE:
            found.append(_action("Dismiss this finding", "fanout.dismiss", dismiss, diagnostic))
        return found

    async def _choices(
        self, uri: str, diagnostic: types.Diagnostic, known: Known, name: str, finding: Finding
    ) -> list[types.CodeAction]:
        """Their edits are worked out when one is chosen, or at once for an editor that could not ask then."""
        found: list[types.CodeAction] = []
        run = known.view.id
        for choice in fixing.choices(known.view, finding):
            title = _title(finding, choice)
            done = {"runId": run, "findings": [name], "fix": str(choice)}
            action = _action(title, "fanout.dismiss", done, diagnostic)
            action.data = {
                "who": _WHO,
                "runId": run,
                "id": name,
                "choice": str(choice),
                "uri": uri,
                "version": self._version(uri),
            }
            if self._session.client.action_literals and not self._session.client.resolves_edits:
                try:
                    action = await self._with_edit(action, known, finding)
                except FanoutError:
                    # This one is not to be had; which are is the answer.
                    continue
                action.data = None
            found.append(action)
        return found

    async def _offers(self, uri: str, known: Known) -> list[types.CodeAction]:
        view = known.view
        if view.merged is None or view.state not in _APPLYABLE:
            return []
        try:
            (path,) = await anyio.to_thread.run_sync(uris.in_checkout, known.engine.repository.root, [uri])
        except FanoutError:
            return []
        if path not in view.owners:
            return []
        return [_offer(*offer) for offer in _offered(known, uri, path)]

    def _version(self, uri: str) -> int | None:
        document = self._session.documents.get(uri)
        return None if document is None else document.version


def _title(finding: Finding, choice: Choice) -> str:
    if choice is Choice.REPLACE:
        return "Replace it as suggested"
    if choice is Choice.DROP:
        return f"Drop unit {finding.units[0]}'s part of this file"
    if choice is Choice.DROP_UNIT:
        return f"Drop unit {finding.units[0]} from all files"
    if finding.code == conflicts.CODE:
        return _TITLES[choice]
    if finding.code == automatic.CODE:
        return _UNDOING[choice].format(unit=finding.units[0])
    return "Take what was left out"


def _commands(known: Known, finding: Finding, uri: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What can be done about a finding, as title, command and argument."""
    run = known.view.id
    if finding.code.startswith("apply/"):
        yield "Apply the change of this file again", "fanout.apply", {"runId": run, "files": [uri], "mode": "now"}
    if finding.code == "check/culprit":
        for unit in finding.units[:_MOST_UNITS]:
            if known.view.state in RESUMABLE:
                back = {"runId": run, "units": [unit], "note": _MEND}
                yield f"Send unit {unit} back with what the check said", "fanout.retry", back
        taken = {"runId": run, "units": list(finding.units), "mode": "now"}
        yield f"Take {', '.join(finding.units[:_MOST_UNITS])} in nevertheless", "fanout.apply", taken
    if finding.code.startswith("check/"):
        yield f"Show the logs of run {run}", "fanout.show", {"runId": run, "what": "log"}
    if finding.code in {"unit/failed", "unit/no-change"} and finding.units:
        unit = finding.units[0]
        if known.view.state in RESUMABLE:
            yield f"Do unit {unit} again", "fanout.retry", {"runId": run, "units": [unit]}
        yield f"Show the log of unit {unit}", "fanout.show", {"runId": run, "unit": unit, "what": "log"}
    if is_of_review(finding) and known.view.state in RESUMABLE:
        for unit in finding.units[:_MOST_UNITS]:
            # Its agent is told what was found.
            yield f"Do unit {unit} again", "fanout.retry", {"runId": run, "units": [unit]}


def _by_agents(known: Known, name: str, finding: Finding) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """A unit of its own; or the agents of its units, for this finding alone and with all others."""
    run = known.view.id
    if repairs.can_be_repaired(known.view, finding):
        yield _REPAIRS[finding.code], "fanout.repair", {"runId": run, "finding": name}
    if known.view.state not in RESUMABLE or not sending_back.can_be_sent(known.view, finding):
        return
    if finding.code != "check/culprit":
        for unit in finding.units[:_MOST_UNITS]:
            back = {"runId": run, "units": [unit], "findings": [name]}
            yield f"Send this back to unit {unit}'s agent", "fanout.retry", back
    every = [one for one, other in known.findings.items() if sending_back.can_be_sent(known.view, other)]
    if len(every) > 1:
        some = every[:_MOST_SENT]
        many = f"all {len(every)}" if len(some) == len(every) else f"the first {len(some)}"
        title = f"Send {many} findings of run {run} back to their units' agents"
        yield title, "fanout.retry", {"runId": run, "findings": some}


def _offered(known: Known, uri: str, path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What can be done with a run's change of a file, as title, command and argument."""
    view, run = known.view, known.view.id
    whole = view.state is not RunState.APPLIED
    if whole or path in view.rest:
        yield f"Apply run {run} to this file", "fanout.apply", {"runId": run, "files": [uri], "mode": "now"}
    if whole:
        makers = {unit for units in view.owners.values() for unit in units}
        for unit in view.owners[path][:_MOST_UNITS]:
            title = next((one.title for one in view.units if one.id == unit), unit)
            yield f"Apply unit {unit} ({title})", "fanout.apply", {"runId": run, "units": [unit], "mode": "now"}
            # Units whose parts were left out of the change set stay out of it.
            others = [one.id for one in view.units if one.id != unit and one.id in makers]
            if others:
                without = {"runId": run, "units": others, "mode": "now"}
                yield f"Apply run {run} without unit {unit} ({title})", "fanout.apply", without
        yield f"Apply all of run {run} ({len(view.owners)} files)", "fanout.apply", {"runId": run, "mode": "now"}
    elif view.rest:
        yield f"Apply the rest of run {run} ({len(view.rest)} files)", "fanout.apply", {"runId": run, "mode": "now"}
    yield f"Show the diff of run {run}", "fanout.show", {"runId": run, "what": "diff"}
    if view.applied:
        yield f"Take back run {run}", "fanout.revert", {"runId": run}
    elif whole:
        yield f"Discard run {run}", "fanout.discard", {"runId": run}


def _action(title: str, command: str, argument: dict[str, Any], diagnostic: types.Diagnostic) -> types.CodeAction:
    return types.CodeAction(
        title=f"fanout: {title}",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic],
        command=types.Command(title=title, command=command, arguments=[argument]),
    )


def _offer(title: str, command: str, argument: dict[str, Any]) -> types.CodeAction:
    return types.CodeAction(
        title=f"fanout: {title}",
        kind=ACTION_KIND,
        command=types.Command(title=title, command=command, arguments=[argument]),
    )
