"""What a plan document comes to as it stands: its units and findings, worked out beside the loop, once a version."""

from __future__ import annotations

import bisect
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path

import anyio
import anyio.to_thread
import attrs

from fanout_server import model, settings
from fanout_server.lsp import draft_files, present
from fanout_server.lsp.documents import Document
from fanout_server.lsp.plan_document import PlanDocuments, PlanText
from fanout_server.lsp.plan_files import FileLists, Listed
from fanout_server.lsp.session import Session
from fanout_server.model import Finding, Severity
from fanout_server.planning import plan as planning
from fanout_server.planning.estimate import Estimate
from fanout_server.planning.plan import Draft
from fanout_server.planning.preflight import Preflight
from fanout_server.run.engine import Engine

_log = logging.getLogger(__name__)

_UNKNOWN_AFTER_SECONDS = 30.0


@attrs.define(eq=False)
class Outlook:
    """Made in a thread. ``engine`` is ``None`` outside of a repository; then there is only what the text alone says.

    ``entries_of`` has the numbers of the entries that each item stands for, by the item's index; ``items_of`` the index
    of the first item with a text, so that it can be found in a later version.
    """

    text: PlanText
    draft: Draft
    engine: Engine | None = None
    estimate: Estimate | None = None
    preflight: Preflight | None = None
    entries_of: Mapping[int, tuple[int, ...]] = attrs.field(init=False)
    items_of: Mapping[str, int] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.entries_of = _entries_of(self.text, self.draft)
        self.items_of = {item.text: index for index, item in reversed(list(enumerate(self.text.items)))}

    def expected(self) -> tuple[Finding, ...]:
        """What preflight says, as far as it is known, each finding at the item of its first unit."""
        plan = self.draft.plan
        if self.preflight is None or plan is None:
            return ()
        places = {unit.id: entry.range for unit, entry in zip(plan.units, self.draft.entries, strict=True)}
        return tuple(
            attrs.evolve(one, path=None, range=places.get(one.units[0]) if one.units else None)
            for one in self.preflight.findings
        )

    @property
    def root(self) -> Path | None:
        return None if self.engine is None else self.engine.repository.root


def _entries_of(text: PlanText, draft: Draft) -> Mapping[int, tuple[int, ...]]:
    starts = [(item.range.start.line, item.range.start.character) for item in text.items]
    found: dict[int, list[int]] = {}
    for number, entry in enumerate(draft.entries):
        if entry.range is not None:
            start = entry.range.start
            found.setdefault(bisect.bisect_right(starts, (start.line, start.character)) - 1, []).append(number)
    return {item: tuple(numbers) for item, numbers in found.items() if item >= 0}


@attrs.define(eq=False)
class _Making:
    document: Document
    done: anyio.Event = attrs.Factory(anyio.Event)
    outlook: Outlook | None = None


class Outlooks:
    """The outlooks of a session's plan documents."""

    def __init__(self, session: Session, documents: PlanDocuments) -> None:
        self._session = session
        self._documents = documents
        self.files = FileLists(documents.limiter)
        self._made: dict[str, _Making] = {}
        self._last: dict[str, Outlook] = {}
        self._engines: dict[str, Engine] = {}
        # Of a long document typed into, no more than one version is worked out at a time.
        self._turn = anyio.Lock()

    async def of(self, uri: str) -> Outlook | None:
        """Of the document as it is now; ``None`` where it is not open or no plan. Its wait has an end."""
        while True:
            document = self._documents.open(uri)
            if document is None:
                return None
            making = self._made.get(document.uri)
            if making is None or making.document is not document:
                making = self._made[document.uri] = _Making(document)
                self._session.spawn(self._make, making)
            with anyio.move_on_after(_UNKNOWN_AFTER_SECONDS):
                await making.done.wait()
            if making.outlook is not None or self._documents.open(uri) is document:
                return making.outlook

    def known(self, uri: str) -> Outlook | None:
        """The outlook of the document as it is now, if it is there already."""
        document = self._documents.open(uri)
        making = None if document is None else self._made.get(document.uri)
        return making.outlook if making is not None and making.document is document else None

    def last(self, uri: str) -> Outlook | None:
        """The newest outlook that there is, of the document as it is now or as it was before the last keys."""
        document = self._documents.open(uri)
        return None if document is None else self._last.get(document.uri)

    def forget(self, uri: str) -> None:
        self._made.pop(uri, None)
        self._last.pop(uri, None)
        self._engines.pop(uri, None)

    def outdate(self) -> None:
        """Files came or went: whoever asks next gets an answer of its own."""
        self.files.outdate()
        self._made.clear()

    async def estimate(self, outlook: Outlook) -> Estimate | None:
        """What a run would cost; ``None`` where it could not run, or nobody knows."""
        if outlook.estimate is None and outlook.engine is not None and outlook.draft.plan is not None:
            try:
                kept = {} if outlook.preflight is None else outlook.preflight.kept
                outlook.estimate = await outlook.engine.estimate(outlook.draft.plan, kept=len(kept))
            except model.FanoutError as error:
                _log.warning("no estimate: %s", error)
        return outlook.estimate

    async def preflight(self, outlook: Outlook, within: float = math.inf) -> Preflight | None:
        """``None`` where the plan could not run, or it takes longer than ``within`` seconds."""
        engine, plan = outlook.engine, outlook.draft.plan
        if outlook.preflight is None and engine is not None and plan is not None:
            opened = present.OpenTexts(self._session.documents.all(), engine.repository.root)
            outlook.preflight = await engine.preflight(plan, opened, self.files.known(engine.repository), within)
            if outlook.preflight is not None and outlook.preflight.kept:
                # It was made for all units, if it was made already.
                outlook.estimate = None
        return outlook.preflight

    async def engine_of(self, document: Document) -> Engine:
        """Raises FanoutError where the document lies in no repository."""
        known = self._engines.get(document.uri)
        if known is not None and known in self._session.engines.opened():
            return known
        found = await self._find_engine(document)
        self._engines[document.uri] = found
        return found

    async def _find_engine(self, document: Document) -> Engine:
        if document.path is not None:
            checkout = await anyio.to_thread.run_sync(draft_files.checkout_of, document.path)
            return await self._session.engine_at(checkout or Path(document.path).parent)
        # Not saved yet: it is about the repository that is open, if there is one and no other.
        engines = await self._session.open_folders()
        if not engines:
            raise model.FanoutError(
                "This plan is not saved yet, and no folder of the workspace is in a git repository."
            )
        if len(engines) > 1:
            raise model.FanoutError("More than one repository is open. Save this plan in the one that is meant.")
        return engines[0]

    async def _make(self, making: _Making) -> None:
        uri = making.document.uri
        try:
            async with self._turn:
                if self._documents.open(uri) is making.document:
                    making.outlook = await self._outlook(making.document)
                    if making.outlook is not None:
                        self._last[uri] = making.outlook
        except Exception:  # noqa: BLE001  logged, with its traceback
            # With every key that is pressed there would be another message.
            _log.exception("the plan document %s", uri)
        finally:
            making.done.set()

    async def _outlook(self, document: Document) -> Outlook | None:
        text = await self._documents.read(document.uri)
        if text is None or text.document is not document:
            return None
        try:
            engine = await self.engine_of(document)
            listed = await self.files.fresh(engine.repository)
            await self._session.configuration.look(listed.root)
        except model.FanoutError as error:
            return Outlook(text, _without_files(text, str(error)))
        return await anyio.to_thread.run_sync(self._drafted, text, listed, engine, limiter=self._documents.limiter)

    def _drafted(self, text: PlanText, listed: Listed, engine: Engine) -> Outlook:
        return Outlook(text, self._draft(text, listed), engine)

    def _draft(self, text: PlanText, listed: Listed) -> Draft:
        path = text.document.path
        cwd, source = listed.root, None
        if path is not None:
            cwd = Path(os.path.realpath(os.path.dirname(path)))  # noqa: PTH120 - pathlib has no such realpath
            real = cwd / os.path.basename(path)  # noqa: PTH119 - as above
            if real.is_relative_to(listed.root):
                source = real.relative_to(listed.root).as_posix()
            else:
                # A draft lies elsewhere, and its items begin at the top folder.
                cwd = listed.root
        general = settings.below(self._session.configuration.options(listed.root), text.parsed.options)
        return planning.draft_document(text.parsed, listed.workspace(cwd), general, source)


def _without_files(text: PlanText, why: str) -> Draft:
    end = text.lines.position(len(text.lines.line(0)))
    nowhere = Finding("plan/no-repository", Severity.WARNING, why, range=model.Range(model.Position(0, 0), end))
    return Draft((), (nowhere, *text.parsed.problems), None)
