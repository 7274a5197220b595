"""``fanout run`` and ``fanout resume``: a run from its start to its delivery, watched."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import anyio
import anyio.to_thread
from rich.console import Console

from fanout_server import model, run_events
from fanout_server.cli import live, selecting
from fanout_server.cli.delivering import apply_run, find_run
from fanout_server.model import RunState, RunView, Severity, UnitState
from fanout_server.run import report
from fanout_server.run.engine import Engine

_INTERRUPTED = 130


async def run(arguments: argparse.Namespace, console: Console) -> int:
    async with Engine.open(Path.cwd()) as engine:
        plan = await anyio.to_thread.run_sync(selecting.make_plan, arguments, engine.repository, Path.cwd(), live.warn)
        _check_delivery(plan, arguments)
        view = await watch(engine, plan, console, as_json=arguments.json)
        return await _deliver(engine, view, arguments, console)


def _check_delivery(plan: model.Plan, arguments: argparse.Namespace) -> None:
    """Raises WrongUse where changes are wanted of a plan that makes none: before it costs anything."""
    asked = [f"--{name}" for name in ("apply", "branch", "patch") if getattr(arguments, name)]
    if asked and plan.options.mode == "review":
        raise selecting.WrongUse(
            f"{asked[0]} is for changes, and with mode review nothing is changed. Leave it out; --report FILE has what"
            " was found."
        )


Begin = Callable[[Engine, str, Callable[[model.FanoutError], None]], Awaitable[object]]


async def resume(arguments: argparse.Namespace, console: Console) -> int:
    return await _go_on(arguments, console, lambda engine, run_id, failed: engine.resume(run_id, failed))


async def retry(arguments: argparse.Namespace, console: Console) -> int:
    note = arguments.note.strip()
    return await _go_on(
        arguments, console, lambda engine, run_id, failed: engine.retry(run_id, arguments.units, note, failed)
    )


async def accept(arguments: argparse.Namespace, console: Console) -> int:
    note = arguments.note.strip()
    return await _go_on(arguments, console, lambda engine, run_id, failed: engine.accept(run_id, note, failed))


async def _go_on(arguments: argparse.Namespace, console: Console, begin: Begin) -> int:
    """A run that was there before, watched until it is over again."""
    async with Engine.open(Path.cwd()) as engine:
        run_id = await find_run(engine, arguments.run)

        async def begun(failed: Callable[[model.FanoutError], None]) -> str:
            await begin(engine, run_id, failed)
            return run_id

        earlier = await engine.services.journal.events(run_id)
        view = await _watch(engine, begun, console, as_json=arguments.json, earlier=earlier)
        _summarise(engine, view, console, as_json=arguments.json)
        return status_of(view)


async def watch(engine: Engine, plan: model.Plan, console: Console, *, as_json: bool = False) -> RunView:
    """Runs the plan, showing how it goes. Raises FanoutError where it cannot begin."""

    async def begin(failed: Callable[[model.FanoutError], None]) -> str:
        run_id = engine.reserve()
        engine.launch(run_id, plan, {}, failed)
        return run_id

    return await _watch(engine, begin, console, as_json=as_json)


async def _watch(
    engine: Engine,
    begin: Callable[[Callable[[model.FanoutError], None]], Awaitable[str]],
    console: Console,
    *,
    as_json: bool,
    earlier: Iterable[run_events.Event] = (),
) -> RunView:
    failures: list[model.FanoutError] = []
    with live.watching(as_json=as_json, console=console, earlier=earlier) as watcher:
        stop = engine.subscribe(watcher)
        try:
            run_id = await begin(failures.append)
            await engine.wait_over(run_id)
        finally:
            stop()
    if failures:
        raise failures[0]
    return await engine.view(run_id)


def status_of(view: RunView) -> int:
    """0 where every unit was done and nothing was left out of the merge, 130 where it is to be resumed, else 1."""
    if view.state is RunState.INTERRUPTED:
        return _INTERRUPTED
    done = all(unit.state is UnitState.DONE for unit in view.units)
    conflict = any(finding.severity is Severity.ERROR for finding in view.findings)
    delivered = view.state in {RunState.READY, RunState.APPLIED}
    return 0 if done and delivered and not conflict else 1


async def _deliver(engine: Engine, view: RunView, arguments: argparse.Namespace, console: Console) -> int:
    status = status_of(view)
    deliverable = view.merged is not None and view.state is RunState.READY
    targets: list[str] = []
    if deliverable and arguments.patch:
        await _write_file(arguments.patch, await engine.patch(view.id))
        targets.append(f"patch {arguments.patch}")
    if deliverable and arguments.branch:
        await engine.branch(view.id, arguments.branch)
        targets.append(f"branch {arguments.branch}")
    if deliverable and (arguments.apply or view.plan.options.apply == "now"):
        delivered = await apply_run(engine, view.id, None)
        # What was left alone is a finding of the run, told with the others.
        status = status or (1 if delivered.left else 0)
        targets.append(f"{len(delivered.files)} file(s) of the working tree")
        view = await engine.view(view.id)
    if arguments.report:
        what = "sarif" if arguments.report.endswith((".sarif", ".sarif.json")) else "report"
        text = await engine.show(view.id, None, what)
        await _write_file(arguments.report, text.encode("utf-8", "surrogateescape"))
        targets.append(f"report {arguments.report}")
    _summarise(engine, view, console, as_json=arguments.json, targets=targets)
    return status


async def _write_file(name: str, data: bytes) -> None:
    try:
        await anyio.Path(name).write_bytes(data)
    except OSError as error:
        raise model.FanoutError(
            f"Cannot write {name}: {error.strerror}. The results are kept; 'fanout show' prints them again."
        ) from error


def _summarise(
    engine: Engine, view: RunView, console: Console, *, as_json: bool, targets: list[str] | None = None
) -> None:
    if as_json:
        live.print_json({"type": "summary", **live.run_to_dict(view)})
        return
    live.print_findings(console, view.findings)
    if view.plan.options.mode == "review":
        live.print_summaries(console, view)
    stat = report.diff_stat(engine.services, view)
    if stat:
        console.print(stat.rstrip(), soft_wrap=True)
    if targets:
        console.print(f"Written: {', '.join(targets)}.", soft_wrap=True)
    console.print(_next_step(view), soft_wrap=True)


def _next_step(view: RunView) -> str:
    if view.state is RunState.APPLIED:
        return f"Applied. 'fanout revert {view.id}' takes it back."
    if view.state is RunState.READY and view.plan.options.mode == "review":
        return f"Reviewed. 'fanout show {view.id} --what report' has all of it."
    if view.state is RunState.READY and view.owners:
        return f"Ready. 'fanout show {view.id}' prints the diff, 'fanout apply {view.id}' writes it into your files."
    if view.state is RunState.READY:
        return "Nothing changed, so there is nothing to apply."
    return f"Run {view.id}: {view.state}. {view.message}"
