"""The demo from its first line to its last: get the project, run, apply, check.

The run and the apply are the terminal's own commands, each in a process of its own, as a person would type them.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
from rich.console import Console
from rich.text import Text

from fanout_server import model, settings
from fanout_server.demo import checks, migration, sample, troubles
from fanout_server.demo.checks import Check
from fanout_server.model import RunView
from fanout_server.run.engine import Engine

_STOP_SECONDS = 30.0
_NOTHING_LEFT, _SOMETHING_LEFT = 0, 1


async def command(arguments: argparse.Namespace, console: Console) -> int:
    """0 where everything held that the demo promises, else 1. Raises BadOption, NoSample, FanoutError."""
    agent = str(settings.parse_option("agent", arguments.agent))
    exact = agent == "rewrite" and not arguments.settings
    kept = settings.state_root() / "demo"
    place = _place(arguments.dir, kept)
    _say(console, f"{sample.TITLE}, as published, gets rid of what it kept for Python 2: agent {agent}.")
    await anyio.to_thread.run_sync(_prepare, kept, place, agent)
    _say(console, f"It is a repository in {place} now, with one uncommitted edit in {sample.EDITED}.")

    before = await anyio.to_thread.run_sync(checks.look, place)
    edited = (place / sample.EDITED).read_bytes()
    chosen = [word for setting in arguments.settings for word in ("--set", setting)]
    status = await _fanout(console, place, ["run", migration.PLAN_NAME, *chosen])
    view = await _newest(place, status)
    if view.owners:
        await _fanout(console, place, ["apply"])
        view = await _newest(place, status)

    found: list[Check] = [*checks.check_run(view, exact=exact)]
    if exact:
        found.append(Check("'fanout run' told by its exit status that no conflict is left", status == _NOTHING_LEFT))
    found += await anyio.to_thread.run_sync(lambda: list(checks.check_files(place, view, edited, exact=exact)))
    if exact:
        found += await _troubles(console, place)
    found += checks.check_user(before, await anyio.to_thread.run_sync(checks.look, place))
    return _tell(console, found, place)


async def _troubles(console: Console, place: Path) -> list[Check]:
    """Runs the second plan, whose units do not fit together, and shows the conflict that stays."""
    _say(console, "\nNow eight units of which some do not fit together. Nothing of it is applied.")
    status = await _fanout(console, place, ["run", troubles.PLAN_NAME])
    view = await _newest(place, status)
    left = next((one.units[0] for one in view.findings if one.code == "merge/conflict" and one.units), None)
    if left is not None:
        _say(console, f"\nThe conflict in {troubles.CONFLICT} is yours to solve. The unit that was left out wanted:")
        await _fanout(console, place, ["show", view.id, "--unit", left, "--what", "diff"])
        _say(
            console,
            "In an editor its finding has quick fixes: this unit's part, the other's, or both. Here 'fanout apply'"
            " takes the rest, and 'fanout apply --unit' those that you name.",
        )
    found = await anyio.to_thread.run_sync(lambda: list(checks.check_troubles(place, view)))
    return [*found, Check("'fanout run' told by its exit status that a conflict is left", status == _SOMETHING_LEFT)]


def _place(wanted: str | None, kept: Path) -> Path:
    return Path(wanted).absolute() if wanted else kept / sample.NAME


def _prepare(kept: Path, place: Path, agent: str) -> None:
    archive = sample.fetch(kept)
    sample.make_place(place)
    plans = {migration.PLAN_NAME: migration.plan_text(agent), troubles.PLAN_NAME: troubles.plan_text()}
    sample.make_repository(archive, place, plans)


async def _fanout(console: Console, place: Path, words: Sequence[str]) -> int:
    """Runs ``fanout WORDS`` in ``place``, its output straight to ours; returns its exit status."""
    console.print()
    console.print(Text(f"$ fanout {shlex.join(words)}", style="bold"), soft_wrap=True)
    console.file.flush()
    # -P: nothing is to be imported from the project's folder.
    argv = [sys.executable, "-P", "-m", "fanout_server", "-C", str(place), *words]
    process = await anyio.open_process(argv, stdin=subprocess.DEVNULL, stdout=None, stderr=None)
    try:
        return await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _end(process: anyio.abc.Process) -> None:
    """Where the demo is cancelled first, the command gets the time to end its agents in order."""
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_STOP_SECONDS):
            await process.wait()
    if process.returncode is None:
        process.kill()
    await process.aclose()


async def _newest(place: Path, status: int) -> RunView:
    """The run just made. Raises FanoutError where there is none."""
    async with Engine.open(place) as engine:
        runs = await engine.runs()
    if not runs:
        raise model.FanoutError(
            f"'fanout run' could not begin (exit status {status}); what it said is above. The project is in {place}."
        )
    return runs[0]


def _tell(console: Console, found: Sequence[Check], place: Path) -> int:
    marks = {True: ("ok  ", "green"), False: ("NO  ", "bold red"), None: ("--  ", "dim")}
    console.print()
    for check in found:
        mark, style = marks[check.held]
        remark = " (not this time; this agent need not)" if check.held is None else ""
        console.print(Text.assemble((mark, style), check.text, remark), soft_wrap=True)
    wrong = sum(check.held is False for check in found)
    _say(console, f"Look around in {place}: 'git diff', 'fanout status', 'fanout show', 'fanout revert'.")
    _say(console, f"{wrong} of {len(found)} checks did not hold." if wrong else "All that was promised held.")
    return 1 if wrong else 0


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True)
