"""Starts one command, and turns how it ends into an exit status.

0: all units done and delivered; 1: some unit failed, or a conflict was left; 2: wrong use; 130: interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence

import anyio
from rich.console import Console

from fanout_server import demo, model, settings
from fanout_server.cli import commands, parser, running
from fanout_server.cli.selecting import WrongUse
from fanout_server.planning.plan import PlanError
from fanout_server.planning.selection import EmptySelection

OK, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130

_MENDABLE = (model.FanoutError, OSError)

_COMMANDS: dict[str, Callable[[argparse.Namespace, Console], Awaitable[int]]] = {
    "run": running.run,
    "resume": running.resume,
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


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser.build().parse_args(argv)
    if arguments.command == "serve":
        # Imported late: the terminal's commands should not wait for the protocol's classes.
        from fanout_server.lsp.server import serve_stdio  # noqa: PLC0415

        return serve_stdio()
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
