"""A run's diff, logs, prompts and report as documents that the editor asks us for: ``fanout:/RUN/UNIT/diff``; and its
files as they were and as it made them: ``fanout:/PATH?run=RUN&unit=UNIT&side=after``, so that both sides have one path.

A name stays valid as long as the run is known, in whichever server. What still grows is told of, while it is looked at.
"""

from __future__ import annotations

import contextlib
import urllib.parse

import anyio
from attrs import define, field, frozen
from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server import finding_docs, model, run_events
from fanout_server.lsp.protocol import ClientRefused
from fanout_server.lsp.session import Session
from fanout_server.model import FanoutError
from fanout_server.run.engine import Engine
from fanout_server.run.sides import AFTER, BEFORE

SCHEME = "fanout"
_WHATS = frozenset({"diff", "log", "report", "sarif", "prompt"})
_SIDES = frozenset({BEFORE, AFTER})
# No run has such an id.
_CODES = "codes"
_EVERY_SECONDS = 0.3
# What a program prints into a log makes no event by itself.
_LOOK_SECONDS = 1.0
_ASKED_SECONDS = 10.0
_REFRESH_SECONDS = 10.0
_MOST_FOLLOWED = 50
_LONGEST_TEXT = 4_000_000


@frozen
class Place:
    """``what`` of a run, or of one unit of it."""

    run: str
    unit: str | None
    what: str

    @property
    def uri(self) -> str:
        parts = [self.run, self.what] if self.unit is None else [self.run, self.unit, self.what]
        return f"{SCHEME}:/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)


def code_uri(code: str) -> str:
    """Of the page that says what a finding's code means."""
    return f"{SCHEME}:/{_CODES}/{urllib.parse.quote(code, safe='/')}"


def place_of(uri: str) -> Place | None:
    """What a ``fanout:`` uri names; ``None`` for any other."""
    parts = _parts(uri)
    if not 2 <= len(parts) <= 3 or parts[0] == _CODES or parts[-1] not in _WHATS or "" in parts:  # noqa: PLR2004
        return None
    return Place(parts[0], parts[1] if parts[2:] else None, parts[-1])


def _parts(uri: str) -> list[str]:
    with contextlib.suppress(ValueError):
        split = urllib.parse.urlsplit(uri)
        if split.scheme == SCHEME and not split.netloc and split.path.startswith("/"):
            return [urllib.parse.unquote(part) for part in split.path[1:].split("/")]
    return []


def _shortened(text: str, place: Place) -> str:
    """No editor is at ease with a document of any length, nor is the loop that sends it."""
    if len(text) <= _LONGEST_TEXT:
        return text
    end = text.rfind("\n", 0, _LONGEST_TEXT) + 1
    unit = "" if place.unit is None else f" --unit {place.unit}"
    return (
        f"{text[:end]}[The rest is too long for here: 'fanout show {place.run}{unit} --what {place.what}' has all.]\n"
    )


@frozen
class Side:
    """The file at ``path`` in the checkout ``which``: before or after the run, or one unit of it."""

    run: str
    unit: str | None
    which: str
    path: str


def side_of(uri: str) -> Side | None:
    """What a ``fanout:`` uri of a file names; editors encode a query as they like."""
    path = "/".join(_parts(uri))
    _, _, query = uri.partition("?")
    told = dict(urllib.parse.parse_qsl(urllib.parse.unquote(query)))
    run, which = told.get("run"), told.get("side")
    if not path or run is None or which not in _SIDES:
        return None
    return Side(run, told.get("unit"), which, path)


@define(eq=False)
class _Followed:
    """A document that the editor shows. ``mark`` is of what it was last given."""

    place: Place
    engine: Engine
    mark: object
    asked: anyio.Event = field(factory=anyio.Event)
    scope: anyio.CancelScope = field(factory=anyio.CancelScope)


class Contents:
    """The documents of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._followed: dict[str, _Followed] = {}

    async def content(self, params: types.TextDocumentContentParams) -> types.TextDocumentContentResult:
        """What is not there (any more) is said in the document: editors bring back what was open days ago.

        Raises JsonRpcInvalidParams for a uri that is none of ours.
        """
        parts = _parts(params.uri)
        if parts[:1] == [_CODES] and parts[1:]:
            return types.TextDocumentContentResult(finding_docs.page("/".join(parts[1:])))
        side = side_of(params.uri)
        if side is not None:
            return types.TextDocumentContentResult(await self._side(side))
        place = place_of(params.uri)
        if place is None:
            raise JsonRpcInvalidParams(
                f"{params.uri} is no document of fanout. They are fanout:/RUN/WHAT and fanout:/RUN/UNIT/WHAT, with"
                f" {', '.join(sorted(_WHATS))}, as WHAT, and fanout:/PATH?run=RUN&side=SIDE."
            )
        return types.TextDocumentContentResult(await self._text(params.uri, place))

    async def _text(self, uri: str, place: Place) -> str:
        try:
            engine = await self._session.engine_of_run(place.run)
            # First: what comes between the two is then told of again.
            mark = await engine.mark(place.run, place.unit, place.what)
        except FanoutError as error:
            return f"{error}\n"
        self._follow(uri, place, engine, mark)
        try:
            return _shortened(await engine.show(place.run, place.unit, place.what), place)
        except FanoutError as error:
            return f"{error}\n"

    async def _side(self, side: Side) -> str:
        try:
            engine = await self._session.engine_of_run(side.run)
            return await engine.side(side.run, side.unit, side.which, side.path)
        except FanoutError as error:
            return f"{error}\n"

    def _follow(self, uri: str, place: Place, engine: Engine, mark: object) -> None:
        known = self._followed.get(uri)
        if known is not None:
            known.mark = mark
            known.asked.set()
            return
        while len(self._followed) >= _MOST_FOLLOWED:
            self._followed.pop(next(iter(self._followed))).scope.cancel()
        followed = self._followed[uri] = _Followed(place, engine, mark)
        self._session.spawn(self._watch, uri, followed)

    async def _watch(self, uri: str, followed: _Followed) -> None:
        """Until the editor shows it no more: then it does not ask when it is told to."""
        place, engine = followed.place, followed.engine
        changed = anyio.Event()

        def listen(event: run_events.Event) -> None:
            if event.run == place.run and place.unit in {None, getattr(event, "unit", place.unit)}:
                changed.set()

        stop = engine.subscribe(listen)
        try:
            with followed.scope, contextlib.suppress(FanoutError):
                while True:
                    with anyio.move_on_after(await self._patience(followed)):
                        await changed.wait()
                    changed = anyio.Event()
                    if await engine.mark(place.run, place.unit, place.what) == followed.mark:
                        continue
                    followed.asked = anyio.Event()
                    if not await self._refresh(uri, followed):
                        return
                    await anyio.sleep(_EVERY_SECONDS)
        finally:
            stop()
            if self._followed.get(uri) is followed:
                del self._followed[uri]

    async def _patience(self, followed: _Followed) -> float:
        """How many seconds to wait for an event before looking anyway."""
        if followed.place.what != "log":
            return float("inf")
        view = await followed.engine.view(followed.place.run)
        return _LOOK_SECONDS if view.state is model.RunState.RUNNING else float("inf")

    async def _refresh(self, uri: str, followed: _Followed) -> bool:
        """Whether the editor asked for the text again."""
        params = types.TextDocumentContentRefreshParams(uri=uri)
        try:
            await self._session.ask(types.WORKSPACE_TEXT_DOCUMENT_CONTENT_REFRESH, params, _REFRESH_SECONDS)
        except (TimeoutError, ClientRefused):
            return False
        with anyio.move_on_after(_ASKED_SECONDS):
            await followed.asked.wait()
        return followed.asked.is_set()
