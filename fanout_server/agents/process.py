"""Running a program to its end, whatever it does: limits, a log of bounded size, and nothing left running.

A supervisor process (``supervisor.py``) stands between: it ends the program and all its descendants when it is told
to, when the program itself ends, and when this server dies.
"""

from __future__ import annotations

import errno
import math
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import anyio
import anyio.to_thread
from attrs import evolve, frozen

from fanout_server.agents import supervisor
from fanout_server.agents.forks import kept
from fanout_server.agents.merging import Merged
from fanout_server.agents.output import LOG_BYTES, Output
from fanout_server.agents.pipe import Pipe
from fanout_server.agents.supervised import Program, Report, Supervised
from fanout_server.agents.sweep import MARK_VARIABLE, kill_marked, sweep
from fanout_server.model import FanoutError

__all__ = ["ARGUMENT_BYTES", "GRACE", "Ended", "Pipe", "Program", "Reason", "Talk", "run_program", "sweep"]

Talk = Callable[[Pipe], Awaitable[None]]
Read = Callable[[], Awaitable[bytes]]
Reason = Literal["exited", "timeout", "stalled", "not-started"]

# The longest single argument that Linux hands to a program.
ARGUMENT_BYTES = 131_071

# How long a program may take to end after it was asked to.
GRACE = 2.0

# Everything that could hold the output pipe is dead by then; what is in it needs only to be read.
_DRAIN_LIMIT = 5.0


@frozen
class Ended:
    """How a program ended.

    ``exit`` is its status, ``signal`` what killed it; both are ``None`` where it did not start. ``leftovers`` counts
    the processes that it left running and that were killed. ``tail`` is the last 64 KiB of its output, ``output_bytes``
    the size of all of it. ``message`` is a sentence for people.
    """

    exit: int | None
    signal: int | None
    reason: Reason
    message: str
    leftovers: int = 0
    seconds: float = 0.0
    output_bytes: int = 0
    tail: bytes = b""


async def run_program(
    spec: Program,
    *,
    timeout: float,
    stall: float,
    on_output: Callable[[bytes], None],
    log: Path,
    grace: float = GRACE,
    log_bytes: int = LOG_BYTES,
    talk: Talk | None = None,
) -> Ended:
    """Runs a program, and returns or raises only when nothing of it is left.

    Standard output and error arrive as one stream, in ``log`` (overwritten) and in ``on_output``. After ``timeout``
    seconds, or ``stall`` seconds without output, the program and its descendants are stopped; so they are when this is
    cancelled. A limit may be ``math.inf``.

    ``talk`` gets the program's standard input instead of ``spec.stdin``, and the lines of its standard error come
    between those of its output, never within. When it returns, the input is closed and the program has the grace to end
    by itself. When the program ends or is to be stopped, ``talk`` is cancelled first; what it then still says, under a
    shield and with a limit of its own, the program hears before any signal.

    Raises:
        FanoutError: the log could not be written.
        Exception: what ``on_output`` or ``talk`` raised, after the program was stopped.
    """
    started = anyio.current_time()
    output = Output(log, on_output, log_bytes)
    try:
        await _to_log(log, output.open)
        ended = await _run(spec, timeout, stall, grace, output, talk)
    finally:
        with anyio.CancelScope(shield=True):
            await _to_log(log, output.close)
    return evolve(ended, seconds=anyio.current_time() - started, output_bytes=output.size, tail=output.tail)


async def _run(spec: Program, timeout: float, stall: float, grace: float, output: Output, talk: Talk | None) -> Ended:
    problem = _unfit(spec)
    if problem:
        return _not_started(problem)
    async with kept() as forks:
        try:
            child = Supervised(forks, spec, _environment(spec), grace, talks=talk is not None)
        except OSError as error:
            return _not_started(f"{spec.argv[0]!r} was not started: {error.strerror}")
        try:
            try:
                await child.start()
            except OSError as error:
                return _not_started(await anyio.to_thread.run_sync(_start_problem, spec, error))
            watch = _Watch(spec, child, output, timeout, stall, grace, talk)
            return await watch.to_the_end()
        finally:
            child.close()


class _Watch:
    """The time that one started program has."""

    def __init__(
        self,
        spec: Program,
        child: Supervised,
        output: Output,
        timeout: float,
        stall: float,
        grace: float,
        talk: Talk | None,
    ) -> None:
        self._spec = spec
        self._child = child
        self._output = output
        self._timeout = timeout
        self._stall = stall
        self._grace = grace
        self._talk = talk
        self._end = anyio.current_time() + timeout
        # When what has been told everything must have ended.
        self._farewell = math.inf
        self._failure: Exception | None = None
        self._limits = anyio.CancelScope()
        # Shielded: a program that is asked to end may have much to say, and must not choke on a full pipe.
        self._pumping = anyio.CancelScope(shield=True)
        self._pumping_errors = anyio.CancelScope(shield=True)
        self._streams = 1 if talk is None else 2
        self._merged = Merged()
        self._telling = anyio.Lock(fast_acquire=True)
        self._drained = anyio.Event()
        # Shielded: it is cancelled when its turn has come.
        self._talking = anyio.CancelScope(shield=True)
        self._talked = anyio.Event()
        self._push_deadline()

    async def to_the_end(self) -> Ended:
        report: Report | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._pump, self._pumping, self._child.read, self._merged.first)
            if self._talk is not None and self._child.pipe is not None:
                tasks.start_soon(self._pump, self._pumping_errors, self._child.read_errors, self._merged.second)
                tasks.start_soon(self._converse, self._talk, self._child.pipe)
            try:
                with self._limits:
                    await self._child.report()
            finally:
                timed_out = anyio.current_time() >= self._end
                with anyio.CancelScope(shield=True):
                    report, swept = await self._clear_away()
        if self._failure is not None:
            raise self._failure
        if report is not None and report.step:
            return _not_started(f"its worktree could not be mounted: {report.step}. 'fanout doctor' says what works")
        if report is not None and report.error:
            return _not_started(await anyio.to_thread.run_sync(_exec_problem, self._spec, report.error))
        if not self._limits.cancelled_caught or self._farewell < math.inf:
            return _ended(report, swept, "exited", "")
        if timed_out:
            return _ended(report, swept, "timeout", f"ran for longer than {_span(self._timeout)} and was stopped")
        return _ended(report, swept, "stalled", f"printed nothing for {_span(self._stall)} and was stopped")

    async def _clear_away(self) -> tuple[Report | None, int]:
        """Stops what runs, reads what it still said, and looks for what got away from the supervisor."""
        try:
            if self._talk is not None:
                self._talking.cancel()
                with anyio.move_on_after(self._grace):
                    await self._talked.wait()
            report = await self._child.end()
            swept = 0
            if report is None or not supervisor.LINUX:
                swept = await anyio.to_thread.run_sync(kill_marked, self._spec.mark.__eq__)
            with anyio.move_on_after(_DRAIN_LIMIT):
                await self._drained.wait()
        finally:
            self._pumping.cancel()
            self._pumping_errors.cancel()
        return report, swept

    async def _pump(self, scope: anyio.CancelScope, read: Read, merge: Callable[[bytes], bytes]) -> None:
        with scope:
            try:
                while data := await read():
                    self._push_deadline()
                    await self._tell(merge, data)
                if self._streams == 1:
                    await self._tell(lambda _: self._merged.end(), b"")
            except Exception as error:  # noqa: BLE001 - raised again when the program is gone
                self._failure = error
                self._limits.cancel()
                await self._swallow(read)
            finally:
                self._streams -= 1
                if not self._streams:
                    self._drained.set()

    async def _tell(self, merge: Callable[[bytes], bytes], data: bytes) -> None:
        async with self._telling:
            told = merge(data)
            if not told:
                return
            self._output.take(told)
            if self._output.wants_log:
                await _to_log(self._output.path, self._output.log, told)

    @staticmethod
    async def _swallow(read: Read) -> None:
        """Whoever listened is broken; the program must still be able to end."""
        while await read():
            pass

    async def _converse(self, talk: Talk, pipe: Pipe) -> None:
        with self._talking:
            try:
                await talk(pipe)
                await pipe.close()
                self._farewell = anyio.current_time() + self._grace
                self._push_deadline()
            except Exception as error:  # noqa: BLE001 - raised again when the program is gone
                self._failure = error
                self._limits.cancel()
            finally:
                pipe.shut()
                self._talked.set()

    def _push_deadline(self) -> None:
        self._limits.deadline = min(self._end, self._farewell, anyio.current_time() + self._stall)


async def _to_log(path: Path, write: Callable[..., None], *args: bytes) -> None:
    try:
        await anyio.to_thread.run_sync(write, *args)
    except OSError as error:
        raise FanoutError(
            f"cannot write the log {path}: {error.strerror}; make room for it or move the state folder"
        ) from error


def _environment(spec: Program) -> bytes:
    # As from a shell in that folder: there are programs that work where PWD says, which would be the user's checkout.
    marked = {**spec.env, "PWD": str(spec.cwd), MARK_VARIABLE: spec.mark}
    return b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in marked.items())


def _unfit(spec: Program) -> str:
    """Why no system could start this, empty where it may well."""
    if not spec.argv or not spec.argv[0]:
        return "the command is empty: give the program to run and its arguments"
    for number, argument in enumerate(spec.argv):
        size = _size(argument)
        if size is None:
            return f"argument {number} of {spec.argv[0]!r} holds characters that no program can be given: remove them"
        if size > ARGUMENT_BYTES:
            return (
                f"argument {number} of {spec.argv[0]!r} is longer than {ARGUMENT_BYTES:,} bytes, "
                "which no program can be given: hand it over in a file or on standard input"
            )
    for name, value in (*spec.env.items(), (MARK_VARIABLE, spec.mark)):
        if not name or "=" in name or _size(name) is None or _size(value) is None:
            return f"the environment variable {name!r} cannot be set: there are characters in it that none can hold"
    return ""


def _size(text: str) -> int | None:
    """Its size in bytes; ``None`` where the system has no way to hand it over (NUL, half of a surrogate pair)."""
    try:
        return None if "\0" in text else len(os.fsencode(text))
    except UnicodeEncodeError:
        return None


def _not_started(message: str) -> Ended:
    return Ended(exit=None, signal=None, reason="not-started", message=message)


def _start_problem(spec: Program, error: OSError) -> str:
    """For what failed before the program's own start: its folder or its input. Blocks."""
    name = spec.argv[0]
    if not spec.cwd.is_dir():
        return f"{name!r} was not started: its folder {spec.cwd} is gone"
    if spec.stdin is not None and error.filename == str(spec.stdin):
        return f"{name!r} was not started: its input {spec.stdin} cannot be read ({error.strerror})"
    return f"{name!r} was not started: {error.strerror}"


_EXEC_PROBLEMS = {
    errno.ENOENT: "was not found on PATH: install it, or give its full path",
    errno.EACCES: "is not executable: make it so (chmod +x), or name the program that runs it",
    errno.ENOEXEC: "is no program: it has no #! line; name the program that runs it",
    errno.E2BIG: "was given too much: pass the prompt in a file ({prompt_file}) or on standard input",
    errno.ENOTDIR: "does not exist: check the path",
}


def _exec_problem(spec: Program, number: int) -> str:
    """For a program that the system would not run. Blocks."""
    name = spec.argv[0]
    if number == errno.ENOENT and "/" in name:
        if (spec.cwd / name).exists():
            return f"{name!r} cannot run: the interpreter that its first line names does not exist"
        number = errno.ENOTDIR
    return f"{name!r} {_EXEC_PROBLEMS.get(number) or 'was not started: ' + os.strerror(number)}"


def _ended(report: Report | None, swept: int, reason: Reason, message: str) -> Ended:
    if report is None:
        why = message or "the process that watches over it was killed, and so was the program"
        return Ended(exit=None, signal=signal.SIGKILL, reason=reason, message=why, leftovers=swept)
    if not message and report.signal:
        message = f"ended by {_signal_name(report.signal)}"
    elif not message:
        message = f"ended with exit status {report.exit}"
    if report.stuck:
        message += f"; {report.stuck} of its processes could not be killed: end them by hand"
    return Ended(report.exit, report.signal, reason, message, report.leftovers + swept)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _span(seconds: float) -> str:
    """``90`` -> ``1m 30s``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours}h" * bool(hours), f"{minutes}m" * bool(minutes), f"{rest:.3g}s" * bool(rest)]
    return " ".join(part for part in parts if part) or "0s"
