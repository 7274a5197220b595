"""A unit's work as a plain folder: while it works, and after."""

from __future__ import annotations

import anyio
import pytest

from fanout_server import model, run_events
from fanout_server.run.engine import Engine
from tests.conftest import GitCommand
from tests.run.conftest import PlanMaker, run_plan

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", ["overlay", "plain"])
async def test_while_it_works_and_after(way: str, engine: Engine, make_plan: PlanMaker, git: GitCommand) -> None:
    heard = anyio.Event()
    go_on = engine.repository.root.parent / "go-on"

    def hear(event: run_events.Event) -> None:
        if isinstance(event, run_events.AttemptActivity) and event.text == "half":
            heard.set()

    engine.subscribe(hear)
    script = f'echo half >>"$1"; rm -r src; echo half; while ! test -e "{go_on}"; do sleep 0.05; done; echo all >>"$1"'
    run = engine.reserve()
    engine.launch(run, make_plan({"a": "a.txt"}, script, worktrees=way), {}, _raise)
    with anyio.fail_after(20):
        await heard.wait()
        half = await engine.open_folder(run, "a")
    assert (half / "a.txt").read_text() == "alpha\nbeta\ngamma\nhalf\n"
    assert not (half / "src").exists()
    go_on.touch()
    await engine.wait(run)
    whole = await engine.open_folder(run, "a")
    assert (whole / "a.txt").read_text() == "alpha\nbeta\ngamma\nhalf\nall\n"
    assert git(whole, "status", "--porcelain") == ""
    (whole / "mine.txt").write_text("kept\n")
    assert await engine.open_folder(run, "a") == whole
    assert (whole / "mine.txt").read_text() == "kept\n"
    await engine.discard(run)
    await engine.clean()
    assert not whole.exists()
    assert not half.exists()
    assert len(git(engine.repository.root, "worktree", "list").splitlines()) == 1


async def test_what_cannot_be_opened_is_said(engine: Engine, make_plan: PlanMaker) -> None:
    view = await run_plan(engine, make_plan({"a": "a.txt"}, "true"))
    with pytest.raises(model.FanoutError, match="no unit zz"):
        await engine.open_folder(view.id, "zz")
    with pytest.raises(model.FanoutError, match="no work yet"):
        await engine.open_folder(view.id, "a")


def _raise(error: model.FanoutError) -> None:
    raise error
