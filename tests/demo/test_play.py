"""The whole demo, offline: a small stand-in for the project, the terminal's own commands, real git."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pytest
from rich.console import Console

from fanout_server import model, settings
from fanout_server.demo import command, migration, sample
from fanout_server.planning import plan as planning
from fanout_server.repo.repository import Repository
from tests.demo import archives


@pytest.fixture
def kept() -> Path:
    """The archive where the demo keeps it."""
    folder = settings.state_root() / "demo"
    folder.mkdir(parents=True)
    return archives.tornado(folder / sample.ARCHIVE)


@pytest.fixture(autouse=True)
def _pinned(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "DIGEST", sample._digest(kept))


def _arguments(agent: str = "rewrite", chosen: tuple[str, ...] = (), folder: Path | None = None) -> argparse.Namespace:
    return argparse.Namespace(agent=agent, settings=list(chosen), dir=None if folder is None else str(folder))


@pytest.mark.anyio
async def test_the_demo_holds_what_it_promises(tmp_path: Path, kept: Path) -> None:
    said = io.StringIO()
    place = tmp_path / "place"
    status = await command(_arguments(folder=place), Console(file=said, width=200))
    told = said.getvalue()
    assert status == 0, told
    assert "NO  " not in told
    for promised in ("two units share", "stayed", "was found, though", "the one was found"):
        assert any(line.startswith("ok  ") and promised in line for line in told.splitlines()), promised
    assert f"{len(migration.ITEMS) - 2} files migrated" in told
    assert (place / sample.EDITED).read_text().startswith(sample.EDIT)
    first, second = (place / migration.COLLISION).read_text().splitlines()[387:389]
    assert first == "        self.assertIn('a', parsed)"
    assert second == "        self.assertIn('b', parsed)"
    assert "super(Child, self)" in (place / migration.OUTSIDE).read_text()


@pytest.mark.anyio
async def test_an_agent_that_does_nothing_is_not_praised(kept: Path) -> None:
    said = io.StringIO()
    status = await command(_arguments("command", ('command=["true"]',)), Console(file=said, width=200))
    told = said.getvalue()
    assert status == 1
    assert "NO  0 files migrated" in told
    assert "ok  the index is as it was" in told
    assert "2 of 14 checks did not hold" in told


@pytest.mark.anyio
async def test_an_agent_that_breaks_files_is_seen(kept: Path) -> None:
    """Here without the plan's own check of each file, which would have stopped it."""
    said = io.StringIO()
    broken = 'command=["sh", "-c", "echo \\"def broken(:\\" >> \\"$0\\"", "{file}"]'
    status = await command(_arguments("command", (broken, "verify=[]")), Console(file=said, width=200))
    told = said.getvalue()
    assert status == 1
    assert "NO  every changed file is still valid Python, but not " in told


@pytest.mark.anyio
async def test_a_run_that_cannot_begin_is_told(kept: Path) -> None:
    with pytest.raises(model.FanoutError, match="could not begin"):
        await command(_arguments("claude"), Console(file=io.StringIO()))


@pytest.mark.anyio
async def test_an_unknown_agent_is_told_before_anything_is_made(kept: Path) -> None:
    with pytest.raises(settings.BadOption, match="agent"):
        await command(_arguments("nobody"), Console(file=io.StringIO()))
    assert not (kept.parent / sample.NAME).exists()


@pytest.mark.parametrize("agent", ["rewrite", "claude"])
def test_the_plan_is_right(tmp_path: Path, kept: Path, agent: str) -> None:
    place = tmp_path / "place"
    sample.make_place(place)
    sample.make_repository(kept, place, {migration.PLAN_NAME: migration.plan_text(agent)})
    repository = Repository.discover(place)
    text = (place / migration.PLAN_NAME).read_text()
    plan = planning.plan_from_document(text, repository, repository.root, place, {}, {})
    assert len(plan.units) == len(migration.ITEMS)
    assert plan.options.jobs == migration.JOBS
    assert bool(plan.options.rewrite) == (agent == "rewrite")
    outside = next(unit for unit in plan.units if unit.targets[0].path == migration.OUTSIDE)
    assert outside.owns == ("tornado/**/chatdemo.py",)
    assert [one.code for one in plan.findings] == ["preflight/shared-file"]
    assert all("{" not in unit.prompt for unit in plan.units)
