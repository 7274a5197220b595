"""Packs that a run made needless are deleted after it, and nobody waits for that."""

from __future__ import annotations

import threading

import anyio
import pytest

from fanout_server.model import FanoutError, RunState
from fanout_server.repo.objects import Objects
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, run_plan

pytestmark = pytest.mark.anyio

_LIMIT = 20.0
_UNITS = {"a": "a.txt", "b": "b.txt"}
_SCRIPT = 'mkdir -p "new/$1"; echo more > "new/$1/file"; echo more >> "$1"'


async def test_a_run_is_over_and_goes_on_while_its_packs_are_still_waited_for(
    engine: Engine, make_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[FanoutError] = []
    go_on, swept = threading.Event(), threading.Event()
    sweep = Objects.sweep_packs

    def held(self: Objects) -> None:
        assert go_on.wait(_LIMIT)
        sweep(self)
        swept.set()

    monkeypatch.setattr(Objects, "sweep_packs", held)
    try:
        with anyio.fail_after(_LIMIT / 2):
            view = await run_plan(engine, make_plan(_UNITS, _SCRIPT))
            await engine.retry(view.id, ["a"], "", failures.append)
            await engine.wait_over(view.id)
            assert (await engine.view(view.id)).state is RunState.READY
        assert failures == []
        assert not swept.is_set()
    finally:
        go_on.set()


async def test_a_run_leaves_one_pack(
    engine: Engine, make_plan: PlanMaker, monkeypatch: pytest.MonkeyPatch, git: GitCommand
) -> None:
    swept = anyio.Event()
    sweep = Objects.sweep_packs

    def told(self: Objects) -> None:
        sweep(self)
        anyio.from_thread.run_sync(swept.set)

    monkeypatch.setattr(Objects, "sweep_packs", told)
    view = await run_plan(engine, make_plan(_UNITS, _SCRIPT))
    with anyio.fail_after(_LIMIT):
        await swept.wait()
    folder = engine.repository.common_dir / "objects" / "pack"
    assert len(list(folder.glob("*.pack"))) == 1
    assert git(engine.repository.root, "show", f"{view.merged}:new/b.txt/file") == "more"
