"""A full disk stops new units with a clear message, and nothing is lost: made room, the run goes on."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from fanout_server import model
from fanout_server.model import RunState, UnitState
from fanout_server.repo import deleting, room
from fanout_server.repo.room import DiskFull
from fanout_server.repo.usage import Usage
from fanout_server.run.engine import Engine
from tests import small_disk
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, run_plan

pytestmark = pytest.mark.anyio

UNITS = {"u0": "a.txt", "u1": "b.txt", "u2": "src/one.py", "u3": "src/two.py"}
MB = 1_000_000


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """160 MB and 3,000 inodes."""
    folder = tmp_path / "disk"
    if not small_disk.may_mount(folder):
        # It runs where it may, and here there is nothing left to do.
        small_disk.run_inside(request.node.nodeid)
        request.node.obj = _nothing
        yield folder
        return
    folder.mkdir()
    with small_disk.mounted(folder, "160m", 3000):
        yield folder
        # It goes with the disk, but must not be at it then.
        assert deleting.wait_for_background(20)


async def _nothing(**_: object) -> None:
    """In the place of a test that ran elsewhere."""


FILLERS = {
    "bytes": "fallocate -l 90M {filler}/one",
    "inodes": "for n in $(seq 2600); do : > {filler}/$n; done",
}


@pytest.mark.parametrize("way", ["auto", "plain"])
@pytest.mark.parametrize("what", list(FILLERS))
async def test_too_little_room_stops_new_units_and_resume_does_the_rest(
    checkout: Path, tmp_path: Path, disk: Path, make_plan: PlanMaker, what: str, way: str
) -> None:
    filler, tally = disk / "filler", tmp_path / "tally"
    filler.mkdir()
    fill = FILLERS[what].format(filler=filler)
    script = f'echo "$1" >> {tally}; test "$1" = a.txt && {{ {fill}; }}; echo done >> "$1"'
    async with Engine.open(checkout, state_root=disk / "state", backoff=0.01) as engine:
        view = await run_plan(engine, make_plan(UNITS, script, jobs=1, worktrees=way))
        assert view.state is RunState.INTERRUPTED, view
        assert str(disk / "state") in view.message
        assert f"fanout resume {view.id}" in view.message
        assert "fanout clean" in view.message
        states = [unit.state for unit in view.units]
        assert states[0] is UnitState.DONE
        assert states[-1] is UnitState.QUEUED
        assert set(states) == {UnitState.DONE, UnitState.QUEUED}
        with pytest.raises(DiskFull, match="was not resumed"):
            await resume(engine, view.id)
        shutil.rmtree(filler)
        view = await resume(engine, view.id)
    assert_all_done(view)
    assert set(Counter(tally.read_text().split()).values()) == {1}


@pytest.mark.parametrize(
    "then", ["exit 1", "yes | head -c 3000000; exit 0", "echo more >> $1; exit 1"], ids=["fails", "talks", "writes"]
)
async def test_what_fails_on_a_full_disk_is_no_failure_of_the_unit(
    checkout: Path, tmp_path: Path, disk: Path, make_plan: PlanMaker, then: str
) -> None:
    marker, filler = tmp_path / "marker", disk / "filler"
    fill = f"dd if=/dev/zero of={filler} bs=1M 2>/dev/null"
    script = f'test -e {marker} || {{ : > {marker}; {fill}; {then}; }}; echo done >> "$1"'
    async with Engine.open(checkout, state_root=disk / "state", backoff=0.01) as engine:
        view = await run_plan(engine, make_plan(UNITS, script, jobs=1))
        assert view.state is RunState.INTERRUPTED, view
        assert "disk" in view.message
        assert {unit.state for unit in view.units} == {UnitState.QUEUED}
        assert not [finding for finding in view.findings if finding.code == "unit/failed"]
        filler.unlink()
        assert_all_done(await resume(engine, view.id))


async def test_the_git_folders_disk_is_full(
    checkout: Path, tmp_path: Path, disk: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    shutil.copytree(checkout, disk / "checkout")
    marker, filler = tmp_path / "marker", disk / "filler"
    script = (
        f'test -e {marker} || {{ : > {marker}; dd if=/dev/zero of={filler} bs=4k 2>/dev/null; }}; echo done >> "$1"'
    )
    async with Engine.open(disk / "checkout", state_root=tmp_path / "state", backoff=0.01) as engine:
        try:
            view = await run_plan(engine, make_plan(UNITS, script, jobs=2))
            message = view.message
        except DiskFull as error:
            # Not even that could be written down.
            message = str(error)
        assert "fanout resume" in message
        assert str(disk / "checkout") in message
        filler.unlink()
    async with Engine.open(disk / "checkout", state_root=tmp_path / "state", backoff=0.01) as engine:
        (view,) = await engine.runs()
        assert view.state is RunState.INTERRUPTED
        assert UnitState.FAILED not in {unit.state for unit in view.units}
        assert_all_done(await resume(engine, view.id))
    assert git(disk / "checkout", "fsck", "--strict", "--no-dangling") == ""
    assert git(disk / "checkout", "worktree", "list").count("\n") == 0
    assert git(disk / "checkout", "status", "--porcelain") == ""


async def test_a_run_for_which_there_is_no_room_does_not_begin(
    checkout: Path, tmp_path: Path, disk: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    shutil.copytree(checkout, disk / "checkout")
    async with Engine.open(disk / "checkout", state_root=tmp_path / "state") as engine:
        fill(disk / "filler", 100 * MB)
        with pytest.raises(DiskFull, match="did not begin") as caught:
            await run_plan(engine, make_plan(UNITS, "true"))
        assert str(disk / "checkout") in str(caught.value)
        assert await engine.runs() == ()
    assert git(disk / "checkout", "for-each-ref", "refs/fanout") == ""
    assert not (tmp_path / "state" / "pristine").exists()


async def test_a_snapshot_that_does_not_fit_leaves_nothing(
    checkout: Path, tmp_path: Path, disk: Path, git: GitCommand, make_plan: PlanMaker
) -> None:
    shutil.copytree(checkout, disk / "checkout")
    async with Engine.open(disk / "checkout", state_root=tmp_path / "state") as engine:
        fill(disk / "filler", room.free(disk).bytes - 103 * MB)
        # More than is free, in an editor. It cannot be compressed.
        buffer = os.urandom(110 * MB)
        with pytest.raises(DiskFull, match="did not begin"):
            await run_plan(engine, make_plan(UNITS, "true"), {"a.txt": buffer})
        assert await engine.runs() == ()
    assert git(disk / "checkout", "for-each-ref", "refs/fanout") == ""
    assert not list((disk / "checkout" / ".git" / "fanout" / "tmp").iterdir())
    assert not list((disk / "checkout" / ".git" / "objects").glob("*/tmp_obj*"))


@pytest.mark.parametrize("expected", [True, False], ids=["seen before", "met on the way"])
async def test_a_pristine_checkout_that_does_not_fit_leaves_no_part_of_it(
    checkout: Path,
    disk: Path,
    git: GitCommand,
    make_plan: PlanMaker,
    monkeypatch: pytest.MonkeyPatch,
    expected: bool,
) -> None:
    # Not of zeros, which git would leave out as holes.
    (checkout / "large").write_bytes(b"more\n" * (180 * MB // 5))
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "large")
    if not expected:
        monkeypatch.setattr(room, "checkout", lambda _repo: Usage())
    async with Engine.open(checkout, state_root=disk / "state") as engine:
        view = await run_plan(engine, make_plan(UNITS, "true"))
        assert view.state is RunState.INTERRUPTED, view
        assert "fanout resume" in view.message
        assert deleting.wait_for_background(20)
        assert room.free(disk).bytes > 150 * MB
        assert not list((disk / "state" / "pristine").rglob("at-*"))


@pytest.mark.parametrize("way", ["auto", "plain"])
@pytest.mark.parametrize("path", ["large.log", "node_modules"])
async def test_copies_that_do_not_fit_leave_nothing(
    checkout: Path, disk: Path, make_plan: PlanMaker, path: str, way: str
) -> None:
    large = checkout / "large.log" if path == "large.log" else checkout / "node_modules" / "deep" / "large"
    large.parent.mkdir(parents=True, exist_ok=True)
    large.write_bytes(b"more\n" * (180 * MB // 5))
    async with Engine.open(checkout, state_root=disk / "state") as engine:
        view = await run_plan(engine, make_plan(UNITS, 'echo done >> "$1"', copy=(path,), worktrees=way))
        assert view.state is RunState.INTERRUPTED, view
        assert {unit.state for unit in view.units} == {UnitState.QUEUED}
        assert deleting.wait_for_background(20)
        assert room.free(disk).bytes > 150 * MB
        large.write_bytes(b"less")
        assert_all_done(await resume(engine, view.id))


async def resume(engine: Engine, run: str) -> model.RunView:
    failures: list[model.FanoutError] = []
    await engine.resume(run, failures.append)
    with anyio.fail_after(60):
        view = await engine.wait(run)
    if failures:
        raise failures[0]
    return view


def assert_all_done(view: model.RunView) -> None:
    assert view.state is RunState.READY, view
    assert {unit.state for unit in view.units} == {UnitState.DONE}
    assert set(view.owners) == set(UNITS.values())


def fill(path: Path, size: int) -> None:
    with path.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, size)
