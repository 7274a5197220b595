"""What an agent is to the rest of the server: what it can do, how its program is started, how it is read."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from attrs import field, frozen

from fanout_server.agents.events import AgentEvent
from fanout_server.agents.process import Ended, Pipe
from fanout_server.model import FailureKind, FanoutError, Options, Tokens, Unit

Edits = Literal["expected", "possible"]


class AgentUnavailable(FanoutError):
    """An agent cannot be used here as things stand. The text says what to do about it."""


@frozen
class Abilities:
    """What the program of an agent can do; the engine asks this, never the name.

    ``resume``: a session goes on with another prompt; where ``bound``, only in the folder that it began in. ``cost``:
    it tells its cost in dollars. ``tokens``: it tells how many it used. ``schema``: its last answer has the form it is
    asked for. ``turn_limit``, ``budget_limit``: it stops at them by itself. ``steering``: it can be told more while it
    works, its reader is ``Steered``. ``models``: a service answers for it, that wants a sign-in and has limits.
    ``answers``: what it says last can be read as an answer. ``edits``: whether one that ends well and changed nothing
    has failed. ``cumulative``: a resumed session tells cost and tokens of all of it. ``costly``: what it made is worth
    being kept for later runs.
    """

    resume: bool = False
    bound: bool = False
    cost: bool = False
    tokens: bool = False
    schema: bool = False
    turn_limit: bool = False
    budget_limit: bool = False
    steering: bool = False
    models: bool = True
    answers: bool = True
    edits: Edits = "expected"
    cumulative: bool = False
    costly: bool = True


@frozen
class Task:
    """One attempt at a unit, in a worktree of its own. ``prompt_file`` holds ``prompt`` and lies outside ``cwd``.

    ``session`` is one to go on with. ``schema`` is a file with the JSON schema that the answer must have; nothing is to
    be edited then. ``budget`` is what this attempt may cost, in dollars, and ``turns`` how many answers of the model it
    may take: only for agents with such limits.
    """

    unit: Unit
    options: Options
    cwd: Path
    prompt: str
    prompt_file: Path
    attempt: int = 1
    session: str = ""
    schema: Path | None = None
    budget: float | None = None
    turns: int | None = None

    @property
    def folder(self) -> Path:
        """For files that the program needs, outside the worktree."""
        return self.prompt_file.parent


@frozen
class Invocation:
    """What to run for a task. ``env`` is added to the agent's environment; no ``stdin`` means the null device.

    ``stop_signal`` asks the program to end; ``SIGTERM`` follows, then ``SIGKILL``, each after a share of the grace.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(factory=dict)
    stdin: Path | None = None
    stop_signal: int = signal.SIGTERM


@frozen
class Verdict:
    """How an attempt ended: well where ``kind`` is ``None``. Whether anything was changed is for the engine to see.

    ``message`` is for people: what the agent said last, or what went wrong and what to do about it. ``retryable``: the
    same again may well succeed. ``retry_after``: seconds that the service asked to wait. ``cost`` (dollars) and
    ``tokens`` are as the program told them. ``answer`` is JSON, where a schema was asked for.
    """

    kind: FailureKind | None
    message: str
    retryable: bool = False
    retry_after: float | None = None
    session: str = ""
    cost: float | None = None
    tokens: Tokens | None = None
    answer: str | None = None

    @property
    def ok(self) -> bool:
        return self.kind is None


class Reader(Protocol):
    """Reads one attempt. What it is given is untrusted, and may be cut off anywhere; it never raises."""

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        """One line of output, without its end. A line too long to be kept comes as its beginning."""

    def verdict(self, ended: Ended) -> Verdict:
        """What the end of the program means, after all its lines."""


@runtime_checkable
class Talker(Protocol):
    """A reader that also talks to the program, on its standard input."""

    async def talk(self, pipe: Pipe) -> None:
        """Returns when all is said. Cancelled when the program ends or is to be stopped; see ``run_program``."""


@runtime_checkable
class Steered(Protocol):
    """A reader whose program can be told more while it works."""

    def note(self, text: str) -> bool:
        """Passes it on at once. ``False`` where the program hears nothing any more."""


class Agent(Protocol):
    @property
    def name(self) -> str:
        """As in the option ``agent``."""

    @property
    def abilities(self) -> Abilities: ...

    @property
    def version_argv(self) -> tuple[str, ...]:
        """What prints the program's version; empty where there is none to ask for."""

    def check(self, options: Options) -> None:
        """Raises ``AgentUnavailable`` where no unit could run: called once, before a run starts. May read the disk."""

    def program(self, task: Task) -> Invocation:
        """Raises ``FanoutError`` where this task cannot be turned into a command. May write into ``task.folder``."""

    def reader(self, task: Task) -> Reader:
        """For the output of one attempt."""


def write_prompt(folder: Path, prompt: str) -> Path:
    """Writes ``prompt`` to ``folder/prompt.md``, for ``Task.prompt_file``. The folder must exist, outside the worktree.

    Bytes of odd file names in it are written as they are.

    Raises:
        FanoutError: the prompt holds what no file can: half of a surrogate pair.
    """
    path = folder / "prompt.md"
    path.write_bytes(encode(prompt, "the prompt"))
    return path


def encode(text: str, what: str) -> bytes:
    """UTF-8 and the bytes that surrogate escapes stand for. Raises ``FanoutError`` for any other surrogate."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        raise FanoutError(
            f"{what} holds half of a surrogate pair ({code}) at character {error.start}: remove it"
        ) from None
