"""An agent at work: its output is read as it comes, told as activity and use, and judged at the end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anyio.to_thread

from fanout_server import model
from fanout_server.agents import environment, events
from fanout_server.agents.base import Agent, Invocation, Reader, Talker, Task, Verdict
from fanout_server.agents.lines import Lines
from fanout_server.agents.output import LOG_BYTES
from fanout_server.agents.process import Ended, Program, Talk, run_program
from fanout_server.mounting.overlay import Space
from fanout_server.run.activity import ActivityTail, activity_of


class _Listening:
    """Hears the output of an agent, to its end."""

    def __init__(self, reader: Reader, tail: ActivityTail, on_event: Callable[[events.AgentEvent], None]) -> None:
        self._reader = reader
        self._tail = tail
        self._on_event = on_event
        self._lines = Lines()
        self._is_plain = True

    def feed(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._hear(line)
        # Nothing of it is for people once the program speaks in events.
        if self._is_plain:
            self._tail.feed(data)

    def end(self) -> None:
        for line in self._lines.end():
            self._hear(line)

    def _hear(self, line: bytes) -> None:
        for event in self._reader.line(line):
            if self._is_plain:
                self._is_plain = False
                self._tail.clear()
            self._on_event(event)
            text = activity_of(event)
            if text:
                self._tail.feed(b"\n" + text.encode("utf-8", "replace") + b"\n")


async def work(
    agent: Agent,
    task: Task,
    mark: str,
    space: Space | None,
    *,
    log: Path,
    log_bytes: int = LOG_BYTES,
    tail: ActivityTail,
    on_event: Callable[[events.AgentEvent], None],
    temporary: Path | None = None,
    on_begin: Callable[[Reader], None] | None = None,
) -> tuple[Verdict, Ended]:
    """One attempt of the agent, to its end. Raises FanoutError, OSError; nothing of it runs any more then.

    ``log`` takes ``log_bytes``, and the end of what is more. ``temporary`` is where its temporary files go, unless the
    user has said where. ``on_begin`` is given its reader.
    """
    invocation = await anyio.to_thread.run_sync(agent.program, task)
    reader = agent.reader(task)
    if on_begin is not None:
        on_begin(reader)
    listening = _Listening(reader, tail, on_event)
    talk = reader.talk if isinstance(reader, Talker) else None
    program = _program(task, invocation, mark, space, temporary)
    ended = await watch(program, task.options, log, listening.feed, talk, log_bytes)
    listening.end()
    # It may read a file or ask another process.
    return await anyio.to_thread.run_sync(reader.verdict, ended), ended


async def watch(
    program: Program,
    options: model.Options,
    log: Path,
    on_output: Callable[[bytes], None],
    talk: Talk | None = None,
    log_bytes: int = LOG_BYTES,
) -> Ended:
    """Runs the program to its end, within the limits of time. Raises FanoutError, OSError."""
    return await run_program(
        program,
        timeout=options.timeout,
        stall=options.stall,
        on_output=on_output,
        log=log,
        log_bytes=log_bytes,
        talk=talk,
    )


def program_of(argv: tuple[str, ...], cwd: Path, options: model.Options, mark: str, space: Space | None) -> Program:
    """A command of the user's, with the environment that agents have."""
    env = environment.build(os.environ, env=options.env, env_pass=options.env_pass, mark=mark)
    return Program(argv, cwd, env, None, mark, space=space)


def _program(task: Task, invocation: Invocation, mark: str, space: Space | None, temporary: Path | None) -> Program:
    options = task.options
    own = {} if temporary is None else {"TMPDIR": str(temporary)}
    added = {**own, **options.env, **invocation.env}
    env = environment.build(os.environ, env=added, env_pass=options.env_pass, mark=mark)
    return Program(invocation.argv, task.cwd, env, invocation.stdin, mark, invocation.stop_signal, space)
