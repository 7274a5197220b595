"""The journal: what was appended is there for the next process, whatever happened to this one."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server import model, run_events
from fanout_server.run.journal import Cancellation, Journal, JournalError
from fanout_server.run.state import fold
from tests.strategies import EVENTS, PLANS

pytestmark = pytest.mark.anyio

_WRITER = """
import os, signal, sys, anyio
from pathlib import Path
from fanout_server import model, run_events
from fanout_server.run.journal import Journal

async def main():
    journal = await Journal.open(Path(sys.argv[1]))
    for number in range(int(sys.argv[2])):
        await journal.append(run_events.AttemptVerifying("r", float(number), "u", number))
    os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


async def test_events_are_read_back_in_order_by_another_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    events = [run_events.AttemptVerifying("r", float(n), "u", n) for n in range(5)]
    journal = await Journal.open(path)
    await journal.append(*events[:2])
    await journal.append(run_events.RunDiscarded("other", 1.0))
    await journal.append(*events[2:])
    await journal.aclose()
    again = await Journal.open(path)
    assert await again.events("r") == tuple(events)
    assert await again.marks() == (("other", 3), ("r", 6))
    await again.aclose()


async def test_a_killed_process_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    done = await anyio.to_thread.run_sync(
        lambda: subprocess.run([sys.executable, "-c", _WRITER, str(path), "7"], check=False, timeout=60)
    )
    assert done.returncode == -9
    journal = await Journal.open(path)
    assert [event.at for event in await journal.events("r")] == [float(n) for n in range(7)]
    await journal.aclose()


async def test_only_the_last_activity_of_a_unit_is_kept(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.db")
    for number in range(100):
        await journal.append(run_events.AttemptActivity("r", float(number), "u", 1, f"line {number}"))
    events = await journal.events("r")
    assert [event.text for event in events if isinstance(event, run_events.AttemptActivity)] == ["line 99"]
    await journal.aclose()


async def test_two_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journals = [await Journal.open(path), await Journal.open(path)]

    async def write(journal: Journal, unit: str) -> None:
        for number in range(50):
            await journal.append(run_events.AttemptVerifying("r", float(number), unit, number))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write, journals[0], "a")
            tasks.start_soon(write, journals[1], "b")
    assert len(await journals[0].events("r")) == 100
    for journal in journals:
        await journal.aclose()


async def test_wishes_to_cancel_are_handed_out_once(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.db")
    await journal.ask_to_cancel("r", ["a", "b"])
    await journal.ask_to_cancel("r", None)
    await journal.ask_to_cancel("other", None)
    assert await journal.take_cancellations(["r"]) == (Cancellation("r", ("a", "b")), Cancellation("r", None))
    assert await journal.take_cancellations(["r"]) == ()
    await journal.aclose()


async def test_a_forgotten_run_is_gone(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.db")
    await journal.append(run_events.RunDiscarded("r", 1.0), run_events.AttemptActivity("r", 1.0, "u", 1, "x"))
    await journal.forget("r")
    assert await journal.events("r") == ()
    assert await journal.marks() == ()
    await journal.aclose()


async def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(JournalError, match=r"journal\.db"):
        await Journal.open(path)


async def test_a_newer_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(JournalError, match="newer"):
        await Journal.open(path)


async def test_a_full_disk_is_an_error_that_says_so_and_loses_nothing(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.db")
    await journal.append(run_events.RunDiscarded("r", 1.0))
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages}")
    big = run_events.FindingReported("r", 2.0, model.Finding("c", model.Severity.HINT, "x" * 200_000))
    with pytest.raises(JournalError, match="full"):
        await journal.append(big)
    assert await journal.events("r") == (run_events.RunDiscarded("r", 1.0),)
    await journal.aclose()


async def test_the_loop_goes_on_while_another_process_holds_the_database(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = await Journal.open(path)
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        holding.set()
        release.wait(10)
        connection.execute("COMMIT")
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    await anyio.to_thread.run_sync(holding.wait, 10)
    ticked = False
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.append, run_events.RunDiscarded("r", 1.0))
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
            ticked = True
            release.set()
    thread.join(10)
    assert ticked
    assert len(await journal.events("r")) == 1
    await journal.aclose()


@settings(max_examples=60, deadline=None)
@given(plan=PLANS, events=st.lists(EVENTS, max_size=12))
def test_any_order_of_events_folds(plan: model.Plan, events: list[run_events.Event]) -> None:
    started = run_events.RunStarted("r", 0.0, "/root", "b" * 40, plan)
    view = fold([started, *events])
    assert view is not None
    every = [started, *events]
    last = max(number for number, event in enumerate(every) if isinstance(event, run_events.RunStarted))
    wanted: set[str] = set()
    for event in every[last:]:
        if isinstance(event, run_events.RunStarted):
            wanted = {unit.id for unit in event.plan.units}
        elif isinstance(event, run_events.RepairAdded):
            wanted.add(event.work.id)
    assert {unit.id for unit in view.units} == wanted


def started(run: str, source: str | None, root: str = "/w") -> run_events.RunStarted:
    return run_events.RunStarted(run, 1.0, root, "0" * 40, model.Plan("x", (), source=source))


async def test_runs_are_found_by_their_plan_document(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.db")
    odd = "odd \udcff/p.fanout.md"
    await journal.append(started("r1", odd), started("r2", odd), started("r3", None), started("r4", odd, "/other"))
    assert await journal.last_run_of("/w", odd) == "r2"
    assert await journal.last_run_of("/w", "p.fanout.md") is None
    assert await journal.newest_run("/w") == "r3"
    assert await journal.documents("/w") == (("r2", odd), ("r1", odd))
    await journal.append(run_events.PlanMoved("r2", 2.0, "new.fanout.md"))
    assert await journal.last_run_of("/w", odd) == "r1"
    assert await journal.last_run_of("/w", "new.fanout.md") == "r2"
    view = fold(await journal.events("r2"))
    assert view is not None
    assert view.plan.source == "new.fanout.md"
    await journal.forget("r2")
    assert await journal.last_run_of("/w", "new.fanout.md") is None
    await journal.aclose()


async def test_a_journal_of_before_plans_had_a_source_still_reads(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    old = sqlite3.connect(path)
    old.executescript("CREATE TABLE events (seq INTEGER PRIMARY KEY, run TEXT NOT NULL, body TEXT NOT NULL)")
    body = '{"type":"runStarted","runId":"r","at":1.0,"root":"/w","base":"b","plan":{"instruction":"x","units":[]}}'
    old.execute("INSERT INTO events (run, body) VALUES ('r', ?)", (body,))
    old.commit()
    old.close()
    journal = await Journal.open(path)
    view = fold(await journal.events("r"))
    assert view is not None
    assert view.plan.source is None
    assert await journal.newest_run("/w") is None
    # What it is told of from now on is found.
    await journal.append(run_events.PlanMoved("r", 2.0, "p.fanout.md"), started("s", "p.fanout.md"))
    assert await journal.last_run_of("/w", "p.fanout.md") == "s"
    await journal.aclose()
