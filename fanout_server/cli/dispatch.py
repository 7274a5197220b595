"""One command of the terminal from its start to an exit status, ended in order by Ctrl-C and SIGTERM."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Awaitable, Callable, Iterator

import anyio
from rich.console import Console

from fanout_server import demo, model, settings
from fanout_server.cli import commands, running
from fanout_server.cli.selecting import WrongUse
from fanout_server.planning.plan import PlanError
from fanout_server.planning.selection import EmptySelection

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130

_MENDABLE = (model.FanoutError, OSError)

_COMMANDS: dict[str, Callable[[argparse.Namespace, Console], Awaitable[int]]] = {
    "run": running.run,
    "resume": running.resume,
    "retry": running.retry,
    "accept": running.accept,
    "plan": commands.plan,
    "status": commands.status,
    "show": commands.show,
    "apply": commands.apply,
    "revert": commands.revert,
    "cancel": commands.cancel,
    "discard": commands.discard,
    "clean": commands.clean,
    "doctor": commands.doctor,
    "demo": demo.command,
}


def dispatch(arguments: argparse.Namespace) -> int:
    console = Console(highlight=False, markup=False, emoji=False)
    errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
    try:
        os.chdir(arguments.directory)
        status, error = anyio.run(_interruptible, _COMMANDS[arguments.command], arguments, console)
    except OSError as problem:
        status, error = WRONG_USE, model.FanoutError(f"{arguments.directory}: {problem.strerror}.")
    if error is not None:
        errors.print(f"fanout: {error}", soft_wrap=True)
    return status


async def _interruptible(
    command: Callable[[argparse.Namespace, Console], Awaitable[int]], arguments: argparse.Namespace, console: Console
) -> tuple[int, Exception | None]:
    """Ctrl-C and SIGTERM cancel the command, so that everything it started is ended in order."""
    status = INTERRUPTED
    error: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_cancel_on_signal, tasks.cancel_scope)
        try:
            status = await command(arguments, console)
        except* _MENDABLE as group:
            problem = next(_leaves(group))
            status, error = _status(problem), problem
        tasks.cancel_scope.cancel()
    return status, error


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


def _status(error: BaseException) -> int:
    return WRONG_USE if isinstance(error, WrongUse | settings.BadOption | PlanError | EmptySelection) else FAILED


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
