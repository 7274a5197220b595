"""What an agent is to the rest of the server: how its program is started, and how its end is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from fanout_server.agents.process import Ended
from fanout_server.model import FanoutError, Options, Unit


class AgentUnavailable(FanoutError):
    """An agent cannot be used here as things stand. The text says what to do about it."""


@frozen
class Task:
    """One attempt at a unit, in a worktree of its own. ``prompt_file`` holds ``prompt`` and lies outside ``cwd``."""

    unit: Unit
    options: Options
    cwd: Path
    prompt: str
    prompt_file: Path
    attempt: int = 1


@frozen
class Invocation:
    """What to run for a task. ``env`` is added to the agent's environment; no ``stdin`` means the null device."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(factory=dict)
    stdin: Path | None = None


@frozen
class Verdict:
    """How an attempt ended. ``retryable``: the same again may well succeed. ``cost`` is in dollars, where known."""

    ok: bool
    message: str
    retryable: bool = False
    cost: float | None = None


class Agent(Protocol):
    @property
    def name(self) -> str:
        """As in the option ``agent``."""

    def check(self, options: Options) -> None:
        """Raises ``AgentUnavailable`` where no unit could run: called once, before a run starts. May read the disk."""

    def program(self, task: Task) -> Invocation:
        """Raises ``FanoutError`` where this task cannot be turned into a command. May write next to ``prompt_file``."""

    def judge(self, ended: Ended) -> Verdict:
        """What the end of the program means; looks at nothing but ``ended``."""


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
