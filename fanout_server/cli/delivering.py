"""What the terminal's commands share: finding the run that is meant, applying it to the files, taking it back."""

from __future__ import annotations

from collections.abc import Collection

from rich.console import Console

from fanout_server import model
from fanout_server.apply.content import Disk
from fanout_server.cli import live
from fanout_server.model import RunState
from fanout_server.run.engine import Engine, UnknownRun


async def find_run(engine: Engine, wanted: str | None) -> str:
    """The run of this id or of an id that begins so; the newest for ``None``. Raises UnknownRun."""
    ids = [view.id for view in await engine.runs()]
    if wanted is None:
        if not ids:
            raise UnknownRun("No run has been made in this repository yet. 'fanout run' makes one.")
        return ids[0]
    matching = [one for one in ids if one == wanted] or [one for one in ids if one.startswith(wanted)]
    if not matching:
        raise UnknownRun(f"There is no run {wanted} in this repository. 'fanout status' lists them.")
    if len(matching) > 1:
        raise UnknownRun(f"{wanted} could be any of {', '.join(matching)}. Give more of the id.")
    return matching[0]


async def apply_run(
    engine: Engine, run: str, units: Collection[str] | None, console: Console, *, quiet: bool = False
) -> tuple[model.Finding, ...]:
    """Writes the run's results into the working tree, all or none; returns what was left alone."""
    present = Disk(engine.repository.root)
    plan = await engine.plan_apply(run, present, units)
    if plan.edits:
        kept = await engine.keep_applied(run, plan)
        await engine.write(plan)
        await engine.record_applied(run, kept, plan)
    elif plan.unchanged and not plan.left:
        await engine.record_unchanged(run)
    if not quiet:
        live.print_findings(console, plan.left)
        console.print(_told("Applied", len(plan.edits), len(plan.left)), soft_wrap=True)
    return plan.left


async def revert_run(engine: Engine, run: str, console: Console, *, quiet: bool = False) -> tuple[model.Finding, ...]:
    """Takes every apply of the run back, the last first; returns what was left alone."""
    present = Disk(engine.repository.root)
    left: list[model.Finding] = []
    count = 0
    while True:
        plan = await engine.plan_revert(run, present)
        if plan.edits:
            await engine.write(plan)
        await engine.record_reverted(run, plan)
        left += plan.left
        count += len(plan.edits)
        if (await engine.view(run)).state is not RunState.APPLIED:
            break
    if not quiet:
        live.print_findings(console, tuple(left))
        console.print(_told("Took back", count, len(left)), soft_wrap=True)
    return tuple(left)


def _told(what: str, files: int, left: int) -> str:
    told = f"{what} {files} file{'' if files == 1 else 's'}."
    return f"{told} {left} left alone, as said above." if left else told
