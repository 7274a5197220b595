"""The commands of the terminal that look at runs and deal with their results."""

from __future__ import annotations

import argparse
import platform
import sys
import time
from pathlib import Path

import anyio
import anyio.to_thread
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fanout_server import codec, model, settings
from fanout_server.agents import registry
from fanout_server.agents.base import Agent
from fanout_server.cli import live, selecting
from fanout_server.cli.delivering import apply_run, find_run, revert_run
from fanout_server.planning import document
from fanout_server.planning.order import waves
from fanout_server.planning.preflight import seen
from fanout_server.repo import git, room, source
from fanout_server.repo.repository import Repository
from fanout_server.repo.retiring import Retired
from fanout_server.review import secrets
from fanout_server.run import health, history
from fanout_server.run.engine import Engine
from fanout_server.run.preflights import Preflights
from fanout_server.run.services import kept_results
from fanout_server.run.state import progress_line
from fanout_server.setting_files import Layers, SettingFiles


async def plan(arguments: argparse.Namespace, console: Console) -> int:
    """Without a run: the units, what planning has to say, and the plan as a document."""
    repository = await anyio.to_thread.run_sync(Repository.discover, Path.cwd())
    made = await anyio.to_thread.run_sync(selecting.make_plan, arguments, repository, Path.cwd(), live.warn)
    preflights = Preflights(repository, kept_results(settings.state_root()))
    preflight = await anyio.to_thread.run_sync(preflights.look, made)
    made = seen(made, preflight)
    estimate = await history.estimate_in(repository, made, len(preflight.kept))
    if arguments.json:
        live.print_json({**codec.to_dict(made), "estimate": estimate.to_dict()})
        return 0
    text = document.render_plan(made)
    errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
    live.print_findings(errors, made.findings)
    units = f"{len(made.units)} unit" + ("" if len(made.units) == 1 else "s")
    if any(unit.after for unit in made.units):
        units += f" in {len(waves(made.units))} waves"
    errors.print(f"{units}, about {estimate}. {live.visible(estimate.basis)}", soft_wrap=True)
    if arguments.output:
        await anyio.Path(arguments.output).write_bytes(text.encode("utf-8", "surrogateescape"))
        console.print(f"Wrote {arguments.output}: {len(made.units)} units. 'fanout run {arguments.output}' runs it.")
    else:
        sys.stdout.write(text)
    return 0


async def status(arguments: argparse.Namespace, console: Console) -> int:
    async with Engine.open(Path.cwd()) as engine:
        views = await engine.runs()
        if arguments.run is not None:
            views = (await engine.view(await find_run(engine, arguments.run)),)
        ids = [view.id for view in views]
        on_disk = await engine.on_disk(ids) if arguments.json or arguments.run is not None else {}
    if arguments.json:
        live.print_json({"runs": [live.run_to_dict(view, on_disk.get(view.id)) for view in views]})
    elif arguments.run is not None:
        _print_run(console, views[0])
        if views[0].id in on_disk:
            console.print(str(on_disk[views[0].id]), soft_wrap=True)
    elif not views:
        console.print("No runs in this repository yet.")
    else:
        _print_runs(console, views)
    return 0


def _print_runs(console: Console, views: tuple[model.RunView, ...]) -> None:
    rows = []
    for view in views:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(view.started))
        first = (view.plan.instruction.strip().splitlines() or [""])[0]
        rows.append((view.id, view.state.value, started, progress_line(view), live.visible(first)))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(("run", "state", "started", "units")):
        # Ids are there to be typed: where the terminal is narrow the instruction gives way, never they.
        table.add_column(name, no_wrap=True, min_width=max(len(row[number]) for row in rows))
    table.add_column("instruction", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _print_run(console: Console, view: model.RunView) -> None:
    console.print(f"run {view.id}: {view.state}, {progress_line(view)}. {view.message}", soft_wrap=True)
    for unit in view.units:
        why = f"  {unit.message}" if unit.message else ""
        console.print(
            f"  {unit.id}  {unit.state}  {unit.seconds:.1f} s  {live.visible(unit.title)}{live.visible(why)}",
            soft_wrap=True,
        )
    live.print_findings(console, view.findings)


async def show(arguments: argparse.Namespace, console: Console) -> int:
    del console
    async with Engine.open(Path.cwd()) as engine:
        run = await find_run(engine, arguments.run)
        if arguments.what == "folder":
            text = f"{await engine.open_folder(run, _one_unit(arguments.unit))}\n"
        else:
            text = await engine.show(run, arguments.unit, arguments.what)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    return 0


def _one_unit(unit: str | None) -> str:
    if unit is None:
        raise model.FanoutError("A folder is of one unit. Say which with --unit; 'fanout status RUN' lists them.")
    return unit


async def apply(arguments: argparse.Namespace, console: Console) -> int:
    async with Engine.open(Path.cwd()) as engine:
        delivered = await apply_run(engine, await find_run(engine, arguments.run), arguments.units)
    return delivered.told("Applied", console, as_json=arguments.json)


async def revert(arguments: argparse.Namespace, console: Console) -> int:
    async with Engine.open(Path.cwd()) as engine:
        delivered = await revert_run(engine, await find_run(engine, arguments.run))
    return delivered.told("Took back", console, as_json=arguments.json)


async def cancel(arguments: argparse.Namespace, console: Console) -> int:
    async with Engine.open(Path.cwd()) as engine:
        run = await find_run(engine, arguments.run)
        ended = await engine.cancel(run, arguments.units)
        view = await engine.view(run)
    if ended:
        console.print(f"Cancelled {len(ended)} unit(s) of run {run}: {', '.join(ended)}.", soft_wrap=True)
    elif view.state is model.RunState.CANCELLED:
        console.print(f"Run {run} is cancelled. {view.message}", soft_wrap=True)
    else:
        console.print(f"Run {run} is {view.state}; nothing was going on that could be cancelled.", soft_wrap=True)
    return 0


async def discard(arguments: argparse.Namespace, console: Console) -> int:
    async with Engine.open(Path.cwd()) as engine:
        run = await find_run(engine, arguments.run)
        await engine.discard(run)
    console.print(f"Discarded run {run}. 'fanout clean' removes what it left.", soft_wrap=True)
    return 0


async def clean(arguments: argparse.Namespace, console: Console) -> int:
    older = None if arguments.days is None else arguments.days * 24 * 3600
    async with Engine.open(Path.cwd()) as engine:
        freed = await engine.clean(also_unapplied=arguments.all, older_than=older)
        reaped = engine.take_reaped()
    refs = f" and {freed.refs} ref(s) of git" if freed.refs else ""
    told = [f"Removed {len(freed.runs)} run(s)" + (f": {freed.usage}{refs}." if freed.runs else ".")]
    if freed.pooled.files:
        told.append(f"Removed worktrees that were kept for another use: {freed.pooled}.")
    if reaped.files:
        told.append(f"Removed what processes that died had left: {reaped}.")
    told += [_retired(one) for one in freed.pristine]
    console.print(" ".join(told), soft_wrap=True)
    if freed.kept:
        console.print(
            f"Kept, as their results were never applied: {', '.join(freed.kept)}. --all removes them too.",
            soft_wrap=True,
        )
    return 0


def _retired(one: Retired) -> str:
    lost = one.repository is not None and not one.repository.exists()
    where = f" of {live.visible(str(one.repository))}, which is gone" if lost else ""
    return f"Removed an unused pristine checkout{where}: {one.usage}."


async def doctor(arguments: argparse.Namespace, console: Console) -> int:
    """Says what works here; status 1 where something that every run needs is missing."""
    good = True
    root = settings.state_root()
    console.print(f"ok    Python {platform.python_version()} ({live.visible(sys.executable)})", soft_wrap=True)
    try:
        await anyio.to_thread.run_sync(git.check_version)
        console.print(f"ok    {git.program()}", soft_wrap=True)
        repository = await anyio.to_thread.run_sync(Repository.discover, Path.cwd())
        console.print(f"ok    repository {live.visible(str(repository.root))}", soft_wrap=True)
        _settings(console, await anyio.to_thread.run_sync(SettingFiles().of, repository.root))
        await _worktrees(console, repository, root)
    except (model.FanoutError, OSError) as error:
        good = False
        console.print(f"wrong {error}", soft_wrap=True)
    free = await anyio.to_thread.run_sync(room.free, root)
    mark = "ok   " if free.covers(room.RESERVE) else "wrong"
    good = good and free.covers(room.RESERVE)
    console.print(f"{mark} worktrees and logs go to {live.visible(str(root))} ({free})", soft_wrap=True)
    _secrets(console)
    await _agents(console, root, probe=not arguments.no_probe)
    return 0 if good else 1


def _settings(console: Console, layers: Layers) -> None:
    """Which files count, and for what. What is wrong in one keeps nothing from working."""
    for file in layers.files:
        said = ", ".join(file.options) or "no options"
        console.print(f"ok    settings {live.visible(str(file.path))}: {said}", soft_wrap=True)
    for problem in layers.problems:
        console.print(f"-     settings {live.visible(problem)}", soft_wrap=True)


def _secrets(console: Console) -> None:
    if secrets.is_there():
        console.print("ok    what units add is searched for secrets", soft_wrap=True)
    else:
        how = "pip install 'fanout-server[secrets]'"
        console.print(f"-     what units add is not searched for secrets; {how} has it done", soft_wrap=True)


async def _agents(console: Console, root: Path, *, probe: bool) -> None:
    """Each that runs a program of its own: installed, its version, signed in. None of them is needed."""
    found = [registry.get(name, model.Options()) for name in registry.names()]
    lines: dict[str, str] = {}

    async def look(agent: Agent) -> None:
        lines[agent.name] = str(await health.look(agent, model.Options(), root, probe=probe))

    async with anyio.create_task_group() as tasks:
        for agent in found:
            if agent.abilities.models:
                tasks.start_soon(look, agent)
            else:
                lines[agent.name] = f"ok    agent {agent.name}: built in"
    for agent in found:
        console.print(live.visible(lines[agent.name]), soft_wrap=True)


async def _worktrees(console: Console, repository: Repository, state: Path) -> None:
    """Each way to make them, tried. That a faster one does not work here is nothing wrong."""
    ways = await anyio.to_thread.run_sync(source.report, repository, state)
    working = [name for name, problem in ways if problem is None]
    others = f" (also: {', '.join(working[1:])})" if working[1:] else ""
    console.print(f"ok    worktrees: {working[0]}{others}", soft_wrap=True)
    for name, problem in ways:
        if problem is not None:
            console.print(f"-     worktrees by {name} do not work here: {live.visible(problem)}", soft_wrap=True)
