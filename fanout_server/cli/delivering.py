"""What the terminal's commands share: finding the run that is meant, applying it to the files, taking it back."""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen
from rich.console import Console

from fanout_server import codec, model
from fanout_server.apply.content import Disk
from fanout_server.cli import live
from fanout_server.model import RunState
from fanout_server.run.engine import Engine
from fanout_server.run.views import UnknownRun


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


@frozen
class Delivered:
    """``files`` were written, ``left`` says what was left alone, and why."""

    files: tuple[str, ...]
    left: tuple[model.Finding, ...]

    def told(self, what: str, console: Console, *, as_json: bool) -> int:
        """Tells it, and returns the exit status."""
        if as_json:
            left = [codec.to_dict(one) for one in self.left]
            live.print_json({"applied": bool(self.files) or not left, "files": list(self.files), "left": left})
        else:
            live.print_findings(console, self.left)
            count = len(self.files)
            more = f" {len(self.left)} left alone, as said above." if self.left else ""
            console.print(f"{what} {count} file{'' if count == 1 else 's'}.{more}", soft_wrap=True)
        return 1 if self.left else 0


async def apply_run(engine: Engine, run: str, units: Collection[str] | None) -> Delivered:
    """Writes the run's results into the working tree, all or none."""
    plan = await engine.plan_apply(run, Disk(engine.repository.root), units)
    if plan.edits:
        kept = await engine.keep_applied(run, plan)
        await engine.write(plan)
        await engine.record_applied(run, kept, plan)
    elif plan.unchanged and not plan.left:
        await engine.record_unchanged(run, plan)
    return Delivered(tuple(edit.path for edit in plan.edits), plan.left)


async def revert_run(engine: Engine, run: str) -> Delivered:
    """Takes every apply of the run back, the last first."""
    files: dict[str, None] = {}
    left: list[model.Finding] = []
    while True:
        plan = await engine.plan_revert(run, Disk(engine.repository.root))
        if plan.edits:
            await engine.write(plan)
        await engine.record_reverted(run, plan)
        left += plan.left
        files |= dict.fromkeys(edit.path for edit in plan.edits)
        if (await engine.view(run)).state is not RunState.APPLIED:
            return Delivered(tuple(files), tuple(left))
