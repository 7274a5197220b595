"""The last run of each plan document, as it was a moment ago: what hovers, hints and lenses show needs no waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping

import anyio
import anyio.to_thread
import attrs

from fanout_server import model, run_events
from fanout_server.lsp import uris
from fanout_server.lsp.plan_document import key_of
from fanout_server.lsp.session import Session
from fanout_server.model import RunState, RunView, Unit, UnitView
from fanout_server.planning.targets import Entry
from fanout_server.run.engine import Engine
from fanout_server.run.views import UnknownRun

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 0.25
_TICK_SECONDS = 1.0
# How long nobody looks after a look, in times of what it took.
_REST = 4


@attrs.frozen(eq=False)
class LastRun:
    """``view`` is ``None`` until the run's base is taken. ``index`` says where the units are of what was named."""

    engine: Engine
    id: str
    view: RunView | None = None
    index: Mapping[Hashable, tuple[int, ...]] = {}

    @property
    def active(self) -> bool:
        return self.view is None or self.view.state is RunState.RUNNING

    def unit_of(self, entry: Entry) -> tuple[Unit, UnitView] | None:
        """The unit that did what the entry names. The document may have been edited since, so it goes by the target."""
        if self.view is None:
            return None
        units = self.view.plan.units
        found = self.index.get(entry.item if entry.target is None else entry.target, ())
        if not found:
            return None
        number = next((one for one in found if units[one].note == entry.note), found[0])
        return units[number], self.view.units[number]


def index_of(plan: model.Plan) -> Mapping[Hashable, tuple[int, ...]]:
    """For each target, or the text of an item that has none, the numbers of its units."""
    found: dict[Hashable, tuple[int, ...]] = {}
    for number, unit in enumerate(plan.units):
        subject = unit.targets[0] if unit.targets else unit.variables.get("item", unit.title)
        found[subject] = (*found.get(subject, ()), number)
    return found


class PlanRuns:
    """``changed`` hears the uri of a document whose run has news, at most four times a second.

    ``goes_on`` tells of a run that the journal does not know whether it is about to begin.
    """

    def __init__(self, session: Session, goes_on: Callable[[str], bool], changed: Callable[[str], None]) -> None:
        self._session = session
        self._goes_on = goes_on
        self._changed = changed
        self._last: dict[str, LastRun] = {}
        self._uris: dict[str, str] = {}
        self._heard: set[Engine] = set()
        self._news: set[str] = set()
        self._wake = anyio.Event()
        self._following = False

    def of(self, uri: str) -> LastRun | None:
        return self._last.get(key_of(uri))

    def began(self, engine: Engine, run: str, uri: str) -> None:
        """A run of this document was launched."""
        self._keep(uri, LastRun(engine, run))

    async def find(self, engine: Engine, uri: str, source: str) -> RunView | None:
        """Looks for the last run of a document that was opened: of an earlier session, or begun somewhere else.

        ``None`` where there is none that is newer than what is known. Raises FanoutError.
        """
        view = await engine.documents.last_run(source)
        if view is None:
            return None
        index = await anyio.to_thread.run_sync(index_of, view.plan)
        known = self.of(uri)
        if known is not None and (known.view is None or known.view.started >= view.started):
            return None
        self._keep(uri, LastRun(engine, view.id, view, index))
        return view

    def moved(self, before: str, now: str) -> None:
        """Documents have another path: that of one, or of the folder that they lie in."""
        for place, last in tuple(self._last.items()):
            if place == before or place.startswith(f"{before}/"):
                del self._last[place]
                path = now + place[len(before) :]
                self._last[path] = last
                self._uris[last.id] = uris.from_path(path)

    def _keep(self, uri: str, last: LastRun) -> None:
        before = self.of(uri)
        if before is not None:
            self._uris.pop(before.id, None)
        self._last[key_of(uri)] = last
        self._uris[last.id] = uri
        engine = last.engine
        if engine not in self._heard:
            self._heard.add(engine)
            engine.subscribe(self._hear)
        self._tell(last.id)
        if not self._following:
            self._following = True
            self._session.spawn(self._follow)

    def _hear(self, event: run_events.Event) -> None:
        if event.run in self._uris:
            self._tell(event.run)

    def _tell(self, run: str) -> None:
        self._news.add(run)
        self._wake.set()

    async def _follow(self) -> None:
        while True:
            # Times go on while nothing else happens.
            with anyio.move_on_after(_TICK_SECONDS):
                await self._wake.wait()
            if not self._wake.is_set():
                self._news.update(one.id for one in self._last.values() if one.active)
                if not self._news:
                    await self._wake.wait()
            self._wake = anyio.Event()
            news, self._news = self._news, set()
            begun = anyio.current_time()
            for run in news:
                await self._look(run)
            # What another process does is read from the journal.
            await anyio.sleep(max(_EVERY_SECONDS, _REST * (anyio.current_time() - begun)))

    async def _look(self, run: str) -> None:
        uri = self._uris.get(run)
        last = None if uri is None else self._last.get(key_of(uri))
        if uri is None or last is None or last.id != run:
            return
        try:
            view = await last.engine.view(run)
        except UnknownRun:
            if not self._goes_on(run):
                # It could not begin; whoever launched it heard why.
                del self._last[key_of(uri)], self._uris[run]
                self._changed(uri)
            return
        except model.FanoutError as error:
            _log.info("run %s: %s", run, error)
            return
        index = last.index or await anyio.to_thread.run_sync(index_of, view.plan)
        if self._last.get(key_of(uri)) is last:
            self._last[key_of(uri)] = attrs.evolve(last, view=view, index=index)
            self._changed(uri)
