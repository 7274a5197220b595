"""A look that takes longer than somebody waits for is had by who asks again."""

from __future__ import annotations

import threading
from pathlib import Path

import anyio
import pytest

from fanout_server.model import Options, Plan, Unit
from fanout_server.planning.preflight import Preflight
from fanout_server.repo.repository import Repository
from fanout_server.run.kept_results import KeptResults
from fanout_server.run.preflights import Preflights

pytestmark = pytest.mark.anyio

_PLAN = Plan("x", (Unit("u", "t", "p"),), Options())
_OTHER = Plan("y", (Unit("u", "t", "p"),), Options())
_LONG = 20.0


class Looks:
    """Each look ends when ``go`` is set."""

    def __init__(self, flights: Preflights, tasks: anyio.abc.TaskGroup) -> None:
        self._flights, self._tasks = flights, tasks
        self.go = threading.Event()
        self.count = 0

    async def soon(self, plan: Plan, within: float) -> Preflight | None:
        def look() -> Preflight:
            self.count += 1
            assert self.go.wait(_LONG)
            return Preflight(needs={"u": (str(self.count),)})

        return await self._flights.soon(self._tasks, plan, look, within)


@pytest.fixture
def flights(checkout: Path, tmp_path: Path) -> Preflights:
    return Preflights(Repository.discover(checkout), KeptResults(tmp_path / "results"))


async def test_who_asks_again_has_what_the_first_look_came_to(flights: Preflights) -> None:
    async with anyio.create_task_group() as tasks:
        looks = Looks(flights, tasks)
        assert await looks.soon(_PLAN, 0.01) is None
        assert await looks.soon(_PLAN, 0.01) is None
        looks.go.set()
        first = await looks.soon(_PLAN, _LONG)
        assert first is not None
        assert (first.needs, looks.count) == ({"u": ("1",)}, 1)
        # Had once, it is not had again: files may have changed since.
        second = await looks.soon(_PLAN, _LONG)
        assert second is not None
        assert second.needs == {"u": ("2",)}


async def test_another_plan_is_looked_at_itself(flights: Preflights) -> None:
    async with anyio.create_task_group() as tasks:
        looks = Looks(flights, tasks)
        assert await looks.soon(_PLAN, 0.01) is None
        looks.go.set()
        found = await looks.soon(_OTHER, _LONG)
        assert found is not None
        assert found.needs == {"u": ("2",)}


async def test_what_is_too_old_is_looked_at_anew(flights: Preflights, monkeypatch: pytest.MonkeyPatch) -> None:
    async with anyio.create_task_group() as tasks:
        looks = Looks(flights, tasks)
        assert await looks.soon(_PLAN, 0.01) is None
        looks.go.set()
        making = flights._left
        assert making is not None
        with anyio.fail_after(_LONG):
            await making.done.wait()
        monkeypatch.setattr("fanout_server.run.preflights._FRESH_SECONDS", -1.0)
        found = await looks.soon(_PLAN, _LONG)
        assert found is not None
        assert found.needs == {"u": ("2",)}
