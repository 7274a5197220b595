"""Select and go: code actions on a selection in any document, one for each way to split it and each preset.

Editors ask for code actions whenever the cursor moves, so the ways are looked up beside the loop, one look at a time,
and what takes too long is left out unless the user asked for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import attrs
from attrs import frozen
from lsprotocol import types

from fanout_server import codec, model
from fanout_server.lsp import plans, present, wire
from fanout_server.lsp.documents import Document
from fanout_server.lsp.jobs import Job, Pending
from fanout_server.lsp.plan_files import Listed
from fanout_server.lsp.plan_language import ACTION_KIND, is_plan
from fanout_server.lsp.positions import Encoding
from fanout_server.lsp.presets import Preset
from fanout_server.lsp.session import Session
from fanout_server.lsp.watching import Watching
from fanout_server.planning import selection as selecting
from fanout_server.planning.selection import Way
from fanout_server.repo.repository import Repository

_log = logging.getLogger(__name__)

_AUTOMATIC_SECONDS, _INVOKED_SECONDS = 0.09, 10.0
_LONGEST_AUTOMATIC = 100_000
_LIST_SECONDS = 2.0
_MOST_RUNS = 3
# Any text has lines, so one of them is no selection of units; a name of something that is there is.
_FEWEST = {"item": 2, "line": 2}
# A way that comes to as many units as the finer one that stands here says the same in other words.
_SAME_AS = {"line": "item", "folder": "path"}

Action = types.CodeAction | types.Command


@frozen
class _Found:
    root: Path
    ways: tuple[Way, ...]


@frozen
class _Wanted:
    """What is asked for, as of the moment when it was."""

    document: Document
    span: types.Range
    problems: tuple[wire.Problem, ...]
    encoding: Encoding
    folders: tuple[str, ...]
    documents: tuple[Document, ...]
    is_automatic: bool


class Selecting:
    """A provider of code actions."""

    def __init__(self, session: Session, watching: Watching) -> None:
        self._session = session
        self._watching = watching
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._asked = 0
        # By the folder that was asked about. No engine is opened for this: that would write into the repository.
        self._repositories: dict[Path, Repository] = {}
        self._listed: dict[Path, Listed] = {}

    async def actions(self, params: types.CodeActionParams) -> list[Action]:
        context = params.context
        document = self._session.documents.get(params.text_document.uri)
        # A plan document's own code actions say what can be done with its units.
        if document is None or is_plan(document) or not _wanted(context.only):
            return []
        is_automatic = context.trigger_kind is types.CodeActionTriggerKind.Automatic
        # A light bulb that burns as long as a run goes on would be in the way.
        cancels = [] if is_automatic else list(self._cancels())
        try:
            found = await self._look(document, params.range, context.diagnostics, is_automatic=is_automatic)
        except model.FanoutError as error:
            return [*cancels, *([] if is_automatic else self._impossible(error))]
        if found is None:
            return cancels
        await self._session.configuration.look(found.root)
        presets = self._session.configuration.presets(found.root)
        shown = [codec.to_dict(one) for one in _problems(context.diagnostics)]
        offered = [self._action(*one) for one in _offers(found.ways, presets, _selected(document, params), shown)]
        return [*offered, *cancels]

    async def _look(
        self, document: Document, span: types.Range, shown: Sequence[types.Diagnostic], *, is_automatic: bool
    ) -> _Found | None:
        """Raises FanoutError: the document is in no repository."""
        if span.start == span.end and not shown:
            return None
        self._asked += 1
        mine = self._asked
        wanted = _Wanted(
            document,
            span,
            _problems(shown),
            self._session.protocol.encoding,
            self._session.folders(),
            self._session.documents.all(),
            is_automatic,
        )

        def look() -> _Found | None:
            # While it waited for its turn the cursor moved on.
            is_late = is_automatic and mine != self._asked
            return None if is_late else self._find(wanted)

        async def work() -> _Found | None:
            return await anyio.to_thread.run_sync(look, limiter=self._one_at_a_time)

        seconds = _AUTOMATIC_SECONDS if is_automatic else _INVOKED_SECONDS
        found = await Job(work, _too_late).start(self._session.tasks).within(seconds)
        return None if isinstance(found, Pending) else found

    def _find(self, wanted: _Wanted) -> _Found | None:
        """Blocking. Raises FanoutError."""
        document, folders = wanted.document, wanted.folders
        if document.path is None and len(folders) != 1:
            # It says not which repository is meant; a command with this selection would ask for that.
            return None
        chosen = plans.part(document.text, wanted.span, wanted.encoding, None)
        text = chosen.text or ""
        if wanted.is_automatic and len(text) > _LONGEST_AUTOMATIC:
            return None
        if not text.strip() and not wanted.problems:
            return None
        files = self._files(Path(folders[0]) if document.path is None else Path(document.path).parent)
        root = files.root
        source = None if document.path is None else plans.relative(root, document.path)
        problems = plans.problems_of(document.text, wanted.problems, wanted.encoding, source)
        chosen = attrs.evolve(chosen, text=text if text.strip() else None, source=source, problems=problems)
        opened = present.OpenTexts(wanted.documents, root)
        return _Found(root, tuple(_worth_it(selecting.ways(chosen, files, root, root, opened))))

    def _files(self, folder: Path) -> Listed:
        """Of the repository that the folder lies in, listed a few seconds ago at most. Blocking, raises FanoutError."""
        repository = self._repositories.get(folder)
        if repository is None or not repository.git_dir.is_dir():
            repository = self._repositories[folder] = Repository.discover(folder)
        listed = self._listed.get(repository.root)
        if listed is None or time.monotonic() - listed.at > _LIST_SECONDS:
            listed = self._listed[repository.root] = Listed(repository)
        return listed

    def _cancels(self) -> Iterator[Action]:
        for run, title in list(self._watching.going().items())[-_MOST_RUNS:]:
            yield self._action(f"Cancel run: {title}", "fanout.cancel", {"runId": run})

    def _impossible(self, error: model.FanoutError) -> list[Action]:
        if not self._session.client.disabled_actions:
            return []
        disabled = types.CodeActionDisabled(str(error))
        return [types.CodeAction("Fan out over the selection...", kind=ACTION_KIND, disabled=disabled)]

    def _action(self, title: str, command: str, argument: Mapping[str, Any]) -> Action:
        call = types.Command(title, command, arguments=[dict(argument)])
        if not self._session.client.action_literals:
            return call
        return types.CodeAction(title, kind=ACTION_KIND, command=call)


def _offers(
    ways: Sequence[Way], presets: Sequence[Preset], place: Mapping[str, Any], shown: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Title, command and argument of each action, the best way first."""
    for number, way in enumerate(ways):
        over, split = f"Fan out over {way.label}", {"split": way.kind}
        where = {**place, "diagnostics": shown} if way.kind == "diagnostic" else place
        yield f"{over} with an instruction...", "fanout.run", {"selection": where, "options": split}
        for preset in presets:
            argument = {"selection": where, "instruction": preset.instruction, "options": {**preset.options, **split}}
            yield f"{over}: {preset.title}", "fanout.run", argument
        if number == 0:
            yield f"{over}: make a plan document", "fanout.plan", {"selection": where, "options": split}


def _selected(document: Document, params: types.CodeActionParams) -> dict[str, Any]:
    """The ``selection`` of the commands' argument."""
    return {"uri": document.uri, "range": codec.to_dict(_range(params.range))}


def _problems(shown: Iterable[types.Diagnostic]) -> tuple[wire.Problem, ...]:
    """What the editor shows, without what is of no use to an agent."""
    return tuple(
        wire.Problem(
            _range(one.range),
            one.message,
            wire.Natural(one.severity.value if one.severity else 1),
            "" if one.code is None else str(one.code),
            one.source or "",
        )
        for one in shown
    )


def _range(span: types.Range) -> wire.Range:
    return wire.Range(_position(span.start), _position(span.end))


def _position(place: types.Position) -> wire.Position:
    return wire.Position(wire.Natural(place.line), wire.Natural(place.character))


def _worth_it(ways: Iterable[Way]) -> Iterator[Way]:
    every = tuple(ways)
    counts = {way.kind: way.count for way in every}
    for way in every:
        other = _SAME_AS.get(way.kind)
        if way.count >= _FEWEST.get(way.kind, 1) and (other is None or counts.get(other) != way.count):
            yield way


def _wanted(only: Sequence[str] | None) -> bool:
    """Whether the client asks for our kind, or for one that ours is a part of."""
    kinds = None if only is None else [getattr(kind, "value", kind) for kind in only]
    return kinds is None or any(f"{ACTION_KIND}.".startswith(f"{kind}.") or not kind for kind in kinds)


def _too_late(error: Exception) -> None:
    _log.info("code actions that nobody waited for: %s", error)
