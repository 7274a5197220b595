"""What changed beside the worktrees is looked at once for all units that end at the same time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio
import pytest

from fanout_server.repo import fingerprint
from fanout_server.repo.repository import Repository
from fanout_server.run.crew import _Surroundings
from fanout_server.run.services import Services
from tests.conftest import GitCommand

pytestmark = pytest.mark.anyio


async def test_one_look_is_for_all_that_wait(checkout: Path, git: GitCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = Repository.discover(checkout)
    surroundings = _Surroundings(cast("Services", SimpleNamespace(repository=repo)))
    await surroundings.begin()
    looks = 0
    looking, go_on = threading.Event(), threading.Event()
    take = fingerprint.fingerprint

    def slow(repository: Repository) -> fingerprint.Fingerprint:
        nonlocal looks
        looks += 1
        seen = take(repository)
        looking.set()
        assert go_on.wait(30)
        return seen

    monkeypatch.setattr(fingerprint, "fingerprint", slow)
    told: list[Sequence[str]] = []

    async def tell(touched: Sequence[str]) -> None:
        told.append(touched)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(surroundings.look, tell)
        await anyio.to_thread.run_sync(looking.wait, 30)
        # After the first look began, so it may not have seen this.
        git(checkout, "tag", "new")
        for _ in range(5):
            tasks.start_soon(surroundings.look, tell)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert looks == 2
    assert told == [("refs/tags/new was added",)]
