"""Two processes on one repository: each hears what the other does with its runs, and that it died."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from fanout_server import model, run_events
from fanout_server.model import RunState, UnitState
from fanout_server.run.engine import Engine
from fanout_server.run.journal import Journal
from fanout_server.run.locks import FileLock
from tests.run.conftest import PlanMaker, run_plan, unit_of

pytestmark = pytest.mark.anyio

LIMIT = 20


class Heard:
    """What an engine's listeners hear, and what of it is told as another process's."""

    def __init__(self, engine: Engine) -> None:
        self.events: list[run_events.Event] = []
        self.of_others: list[run_events.Event] = []
        self._news = anyio.Event()
        engine.subscribe(self._hear)
        engine.follow_others(self.of_others.append)

    def _hear(self, event: run_events.Event) -> None:
        self.events.append(event)
        self._news.set()

    async def until(
        self, kind: type[run_events.Event], holds: Callable[[run_events.Event], bool] = lambda _: True
    ) -> None:
        with anyio.fail_after(LIMIT):
            while not any(isinstance(one, kind) and holds(one) for one in self.events):
                await self._news.wait()
                self._news = anyio.Event()


async def listening(engine: Engine) -> Heard:
    """From now on."""
    heard = Heard(engine)
    # What is written before the first look is no news.
    await engine.services.journal.news()
    return heard


@contextlib.asynccontextmanager
async def second(checkout: Path, tmp_path: Path) -> AsyncIterator[tuple[Engine, Heard]]:
    """Another engine, as another process has it would have it."""
    async with Engine.open(checkout, state_root=tmp_path / "state") as engine:
        yield engine, await listening(engine)


async def test_the_other_hears_a_run_from_its_beginning_to_what_becomes_of_it(
    engine: Engine, checkout: Path, tmp_path: Path, make_plan: PlanMaker
) -> None:
    own = await listening(engine)
    async with second(checkout, tmp_path) as (other, heard):
        view = await run_plan(engine, make_plan({"a": "a.txt", "b": "b.txt"}, 'echo more >> "$1"'))
        await heard.until(run_events.RunEnded)
        told = [one for one in own.events if not isinstance(one, run_events.AttemptActivity)]
        assert heard.events == told
        assert heard.of_others == told
        assert (await other.view(view.id)) == view
        await other.discard(view.id)
        await own.until(run_events.RunDiscarded)
        assert (await engine.view(view.id)).state is RunState.DISCARDED
        assert [type(one) for one in own.of_others] == [run_events.RunDiscarded]
        # Each hears of it once.
        assert sum(isinstance(one, run_events.RunDiscarded) for one in heard.events) == 1


async def test_what_the_other_is_at_work_on_is_seen_and_can_be_cancelled_but_not_resumed(
    engine: Engine, checkout: Path, tmp_path: Path, make_plan: PlanMaker
) -> None:
    go = tmp_path / "go"
    script = f'while [ "$1" = b.txt ] && [ ! -e {go} ]; do sleep 0.02; done; echo more >> "$1"'
    async with second(checkout, tmp_path) as (other, heard):
        run = engine.reserve()
        engine.launch(run, make_plan({"a": "a.txt", "b": "b.txt"}, script), {}, lambda error: pytest.fail(str(error)))
        await heard.until(run_events.UnitEnded, lambda one: getattr(one, "unit", "") == "a")
        view = await other.view(run)
        assert view.state is RunState.RUNNING
        assert unit_of(view, "a").state is UnitState.DONE
        with pytest.raises(model.FanoutError, match="only an interrupted run can be resumed"):
            await other.resume(run, lambda error: pytest.fail(str(error)))
        assert await other.cancel(run) == ("b",)
        await heard.until(run_events.RunEnded)
        assert (await other.view(run)).state is RunState.CANCELLED
        assert unit_of(await other.view(run), "b").state is UnitState.CANCELLED


async def test_what_the_other_is_at_work_on_is_over_before_it_is_discarded(
    engine: Engine, checkout: Path, tmp_path: Path, make_plan: PlanMaker
) -> None:
    async with second(checkout, tmp_path) as (other, heard):
        run = engine.reserve()
        plan = make_plan({"a": "a.txt"}, "sleep 987")
        engine.launch(run, plan, {}, lambda error: pytest.fail(str(error)))
        await heard.until(run_events.AttemptStarted)
        await other.discard(run)
        assert (await other.view(run)).state is RunState.DISCARDED
        await engine.wait_over(run)
        assert (await engine.view(run)).state is RunState.DISCARDED


async def test_a_run_whose_process_died_is_told_of_as_interrupted_while_others_live(
    engine: Engine, checkout: Path, tmp_path: Path, make_plan: PlanMaker
) -> None:
    heard = await listening(engine)
    services = engine.services
    journal = await Journal.open(services.journal.path)
    lock = FileLock(services.folders("r").lock)
    assert lock.acquire()
    await journal.append(
        run_events.RunStarted("r", 1.0, str(checkout), "0" * 40, make_plan({"a": "a.txt"}, "true")),
        run_events.AttemptStarted("r", 2.0, "a", 1, str(tmp_path)),
    )
    await heard.until(run_events.AttemptStarted)
    assert (await engine.view("r")).state is RunState.RUNNING
    # As when its process is killed: its file stays, and nobody holds it.
    assert lock._descriptor is not None
    (tmp_path / "kept").hardlink_to(lock.path)
    lock.release()
    (tmp_path / "kept").rename(lock.path)
    await heard.until(run_events.RunEnded)
    view = await engine.view("r")
    assert view.state is RunState.INTERRUPTED
    assert unit_of(view, "a").state is UnitState.QUEUED
    assert "ended suddenly" in view.message
    await journal.aclose()


async def test_numbers_that_are_given_again_hide_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    one, other = await Journal.open(path), await Journal.open(path)
    assert await one.news() == ()
    await other.append(run_events.RunDiscarded("r", 1.0), run_events.RunDiscarded("s", 1.0))
    assert [event.run for event in await one.news()] == ["r", "s"]
    await other.forget("s")
    await other.forget("r")
    assert await one.news() == ()
    await one.append(run_events.RunDiscarded("mine", 2.0))
    await other.append(run_events.RunDiscarded("theirs", 3.0))
    assert [event.run for event in await one.news()] == ["theirs"]
    assert [event.run for event in await other.news()] == []
    await one.append(run_events.RunDiscarded("mine", 4.0))
    assert [event.run for event in await other.news()] == ["mine"]
    await one.aclose()
    await other.aclose()
