"""The journal: every event of every run of one repository, in SQLite, written before anybody hears of it.

One database in the git common folder serves all processes that work on the repository. It is in WAL mode with
``synchronous=NORMAL``: what was committed survives the death of the process, and a power cut leaves the database whole
but may take the last events with it. Results are refs before their event is written, so a lost event means that a unit
is done again, never that work is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread
from attrs import frozen

from fanout_server import codec, model, run_events

_VERSION = 1
_BUSY_SECONDS = 20.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, run TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_run ON events (run, seq);
CREATE TABLE IF NOT EXISTS activity (run TEXT NOT NULL, unit TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run, unit))
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS places (id INTEGER PRIMARY KEY, run TEXT UNIQUE NOT NULL, root BLOB NOT NULL, source BLOB);
CREATE INDEX IF NOT EXISTS places_source ON places (root, source);
CREATE TABLE IF NOT EXISTS cancellations (id INTEGER PRIMARY KEY, run TEXT NOT NULL, units TEXT);
"""

# Picked out by the database: a plan may hold thousands of units, and only its options are asked for.
_UNIT_COSTS = """
SELECT cost FROM (
    SELECT json_extract(body, '$.cost') AS cost FROM events
    WHERE run = ? AND body LIKE ? AND json_extract(body, '$.state') != 'cancelled' ORDER BY seq
) WHERE typeof(cost) IN ('real', 'integer') AND cost BETWEEN 0 AND 1e9 LIMIT ?
"""
_ASKED_FOR = "SELECT json_extract(body, '$.plan.options') FROM events WHERE seq = ? AND body LIKE ?"
_MODE = model.Options().mode

T = TypeVar("T")


class JournalError(model.FanoutError):
    """The journal cannot be read or written: the text names the file and the reason."""


@frozen
class Cancellation:
    """A wish of another process: end these units of a run, or all of it (``None``)."""

    run: str
    units: tuple[str, ...] | None


@frozen
class RunCosts:
    """``agent`` is ``None`` where the run was left to choose one. ``costs`` are in dollars, one for each unit."""

    run: str
    agent: str | None
    model: str | None
    mode: str
    costs: tuple[float, ...]


class Journal:
    """All calls but ``open`` may be awaited from any task; one thread at a time touches the database."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._one_at_a_time = anyio.CapacityLimiter(1)
        # Up to where it is known what others wrote, and what this journal has written since.
        self._heard: int | None = None
        self._own: set[int] = set()
        self._version = 0

    @classmethod
    async def open(cls, path: Path) -> Journal:
        """Raises JournalError where the file is no journal, is from a newer version, or cannot be opened."""
        return await anyio.to_thread.run_sync(cls._open, path)

    @classmethod
    def _open(cls, path: Path) -> Journal:
        try:
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise JournalError(f"Cannot open the journal {path}: {error}.") from error
        try:
            _check_version(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version={_VERSION}")
        except sqlite3.Error as error:
            connection.close()
            raise JournalError(
                f"Cannot use the journal {path}: {error}. If it is damaged, move it aside; results stay in git under"
                " refs/fanout/."
            ) from error
        except BaseException:
            connection.close()
            raise
        return cls(path, connection)

    async def aclose(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._connection.close, limiter=self._one_at_a_time)

    async def append(self, *events: run_events.Event) -> None:
        """Returns when the events are committed, in one transaction."""
        await self._call(lambda: self._append(events))

    async def events(self, run: str) -> tuple[run_events.Event, ...]:
        """Of one run, in the order of their writing; of its activity only the last of each unit."""
        return await self._call(lambda: self._events(run))

    async def tail(
        self, run: str, after: int, doing: Mapping[str, str]
    ) -> tuple[int, tuple[run_events.Event, ...], Mapping[str, str]]:
        """As ``events``, of those behind the mark ``after``; the mark to go on from, and what units do, as it was read.

        ``doing`` is that of the last time: what is still the same is not told again.
        """
        return await self._call(lambda: self._tail(run, after, doing))

    async def news(self) -> tuple[run_events.Event, ...]:
        """What other processes have written since the last call, but for activity; of the first call on."""
        return await self._call(self._news)

    async def marks(self) -> tuple[tuple[str, int], ...]:
        """The ids of all runs, newest first, each with a number that grows with every event but activity."""
        return await self._call(self._marks)

    async def mark(self, run: str) -> int | None:
        """As ``marks``, of one run; ``None`` where nothing is known of it."""
        return await self._call(lambda: self._mark(run))

    async def costs(self, newest: int, most: int) -> tuple[RunCosts, ...]:
        """What units of the ``newest`` runs have cost that were not cancelled, at most ``most`` of each run.

        Runs where no cost was told are left out.
        """
        return await self._call(lambda: self._costs(newest, most))

    async def documents(self, root: str) -> tuple[tuple[str, str], ...]:
        """The runs of plan documents in the checkout at ``root``, each with its plan's ``source``, newest first."""
        return await self._call(lambda: self._documents(root))

    async def last_run_of(self, root: str, source: str) -> str | None:
        """The newest run of a plan document in the checkout at ``root``."""
        return await self._call(lambda: self._last_run_of(root, source))

    async def newest_run(self, root: str) -> str | None:
        """The newest run of the checkout at ``root``; ``None`` where it was made by a fanout that did not tell."""
        return await self._call(lambda: self._newest_run(root))

    async def forget(self, run: str) -> None:
        """Removes all that is known of a run."""
        await self._call(lambda: self._forget(run))

    async def ask_to_cancel(self, run: str, units: Collection[str] | None) -> None:
        """Leaves a wish for the process that has the run."""
        body = None if units is None else json.dumps(list(units))
        await self._call(
            lambda: self._connection.execute("INSERT INTO cancellations (run, units) VALUES (?, ?)", (run, body))
        )

    async def take_cancellations(self, runs: Collection[str]) -> tuple[Cancellation, ...]:
        """The wishes for these runs, each handed out once."""
        return await self._call(lambda: self._take_cancellations(runs))

    async def _call(self, function: Callable[[], T]) -> T:
        try:
            return await anyio.to_thread.run_sync(function, limiter=self._one_at_a_time)
        except sqlite3.Error as error:
            raise JournalError(
                f"Cannot use the journal {self.path}: {error}. Free some disk space or mend the file."
            ) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _append(self, events: tuple[run_events.Event, ...]) -> None:
        with self._transaction() as connection:
            for event in events:
                body = codec.event_to_json(event)
                if isinstance(event, run_events.AttemptActivity):
                    connection.execute("REPLACE INTO activity VALUES (?, ?, ?)", (event.run, event.unit, body))
                else:
                    row = connection.execute("INSERT INTO events (run, body) VALUES (?, ?)", (event.run, body))
                    if self._heard is not None and row.lastrowid is not None:
                        self._own.add(row.lastrowid)
                    self._place(event)

    def _place(self, event: run_events.Event) -> None:
        """So that a run is found by its plan document without a look into all runs. Odd bytes of a path are no text."""
        match event:
            case run_events.RunStarted():
                source = None if event.plan.source is None else os.fsencode(event.plan.source)
                place = (event.run, os.fsencode(event.root), source)
                self._connection.execute("REPLACE INTO places (run, root, source) VALUES (?, ?, ?)", place)
            case run_events.PlanMoved():
                moved = (os.fsencode(event.source), event.run)
                self._connection.execute("UPDATE places SET source = ? WHERE run = ?", moved)

    def _events(self, run: str) -> tuple[run_events.Event, ...]:
        rows = self._connection.execute("SELECT body FROM events WHERE run = ? ORDER BY seq", (run,)).fetchall()
        rows += self._connection.execute("SELECT body FROM activity WHERE run = ?", (run,)).fetchall()
        return tuple(codec.event_from_json(body) for (body,) in rows)

    def _tail(
        self, run: str, after: int, doing: Mapping[str, str]
    ) -> tuple[int, tuple[run_events.Event, ...], Mapping[str, str]]:
        rows = self._connection.execute(
            "SELECT seq, body FROM events WHERE run = ? AND seq > ? ORDER BY seq", (run, after)
        ).fetchall()
        now = dict(self._connection.execute("SELECT unit, body FROM activity WHERE run = ?", (run,)).fetchall())
        bodies = [body for _, body in rows] + [body for unit, body in now.items() if doing.get(unit) != body]
        return rows[-1][0] if rows else after, tuple(map(codec.event_from_json, bodies)), now

    def _news(self) -> tuple[run_events.Event, ...]:
        # It is another as soon as somebody else has written anything, and costs nothing to ask for.
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version == self._version and self._heard is not None:
            self._heard = max(self._own, default=self._heard)
            self._own.clear()
            return ()
        self._version = version
        (last,) = self._connection.execute("SELECT ifnull(max(seq), 0) FROM events").fetchone()
        if self._heard is None:
            self._heard = last
            return ()
        rows = self._connection.execute(
            "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq", (self._heard,)
        ).fetchall()
        others = [body for seq, body in rows if seq not in self._own]
        # Not only of the rows: where the last runs were forgotten, numbers are given once more.
        self._heard = rows[-1][0] if rows else last
        self._own.clear()
        return tuple(map(codec.event_from_json, others))

    def _marks(self) -> tuple[tuple[str, int], ...]:
        rows = self._connection.execute("SELECT run, max(seq) FROM events GROUP BY run ORDER BY min(seq) DESC")
        return tuple((run, mark) for run, mark in rows)

    def _mark(self, run: str) -> int | None:
        (mark,) = self._connection.execute("SELECT max(seq) FROM events WHERE run = ?", (run,)).fetchone()
        return None if mark is None else int(mark)

    def _documents(self, root: str) -> tuple[tuple[str, str], ...]:
        rows = self._connection.execute(
            "SELECT run, source FROM places WHERE root = ? AND source IS NOT NULL ORDER BY id DESC",
            (os.fsencode(root),),
        ).fetchall()
        return tuple((run, os.fsdecode(source)) for run, source in rows)

    def _last_run_of(self, root: str, source: str) -> str | None:
        row = self._connection.execute(
            "SELECT run FROM places WHERE root = ? AND source = ? ORDER BY id DESC LIMIT 1",
            (os.fsencode(root), os.fsencode(source)),
        ).fetchone()
        return None if row is None else str(row[0])

    def _newest_run(self, root: str) -> str | None:
        row = self._connection.execute(
            "SELECT run FROM places WHERE root = ? ORDER BY id DESC LIMIT 1", (os.fsencode(root),)
        ).fetchone()
        return None if row is None else str(row[0])

    def _costs(self, newest: int, most: int) -> tuple[RunCosts, ...]:
        found = []
        rows = self._connection.execute(
            "SELECT run, min(seq) FROM events GROUP BY run ORDER BY min(seq) DESC LIMIT ?", (newest,)
        ).fetchall()
        for run, first in rows:
            costs = self._connection.execute(_UNIT_COSTS, (run, _starts_with(run_events.UnitEnded), most)).fetchall()
            if not costs:
                continue
            row = self._connection.execute(_ASKED_FOR, (first, _starts_with(run_events.RunStarted))).fetchone()
            if row is not None:
                options = json.loads(row[0] or "{}")
                implied = next((agent for agent in ("command", "rewrite") if options.get(agent)), None)
                found.append(
                    RunCosts(
                        run,
                        options.get("agent", implied),
                        options.get("model"),
                        options.get("mode", _MODE),
                        tuple(cost for (cost,) in costs),
                    )
                )
        return tuple(found)

    def _forget(self, run: str) -> None:
        with self._transaction() as connection:
            for table in ("events", "activity", "places", "cancellations"):
                connection.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608  fixed names

    def _take_cancellations(self, runs: Collection[str]) -> tuple[Cancellation, ...]:
        rows = self._connection.execute("SELECT id, run, units FROM cancellations ORDER BY id").fetchall()
        mine = [row for row in rows if row[1] in runs]
        if mine:
            with self._transaction() as connection:
                connection.executemany("DELETE FROM cancellations WHERE id = ?", [(row[0],) for row in mine])
        return tuple(Cancellation(run, None if units is None else tuple(json.loads(units))) for _, run, units in mine)


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise JournalError(
            f"The journal {path} was written by a newer version of fanout. Update fanout, then try again."
        )


def _starts_with(event: type[run_events.Event]) -> str:
    """A pattern for ``LIKE``: how the body of such an event begins."""
    return f'{{"type":"{codec.event_type(event)}",%'
