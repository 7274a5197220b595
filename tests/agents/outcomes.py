"""Playing what a program really printed to its adapter, and looking at what that makes of it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from fanout_server.agents.base import Agent, Reader, Task, Verdict
from fanout_server.agents.events import AgentEvent
from fanout_server.agents.process import Ended
from fanout_server.model import FailureKind, Options, Tokens, Unit

FIXTURES = Path(__file__).parent / "fixtures"

# Where the programs worked when their output was kept.
CLAUDE_CWD = Path("/w/wt/c1")


@frozen
class Row:
    """``fixture`` as it was printed, the exit status that came with it, and what is to be made of both.

    ``events`` counts those of each kind. ``schema``: an answer of a certain form was asked for.
    """

    fixture: str
    exit: int
    kind: FailureKind | None
    session: str
    events: str
    retryable: bool = False
    cost: float | None = None
    tokens: Tokens | None = None
    said: str = ""
    schema: bool = False


def lines(fixture: str) -> list[bytes]:
    return (FIXTURES / fixture).read_bytes().splitlines()


def task(options: Options | None = None, *, cwd: Path = CLAUDE_CWD, schema: Path | None = None) -> Task:
    unit = Unit("u1", "one", "Do it.")
    return Task(unit, options or Options(), cwd, "Do it.", cwd.parent / "prompt.md", schema=schema)


def exited(status: int) -> Ended:
    """As ``run_program`` would tell it."""
    if status < 0:
        return Ended(None, -status, "exited", f"ended by {signal.Signals(-status).name}")
    return Ended(status, None, "exited", f"ended with exit status {status}")


def play(reader: Reader, printed: Iterable[bytes]) -> list[AgentEvent]:
    return [event for line in printed for event in reader.line(line)]


def outcome(agent: Agent, row: Row) -> tuple[list[AgentEvent], Verdict]:
    reader = agent.reader(task(schema=Path("/nowhere/schema.json") if row.schema else None))
    return play(reader, lines(row.fixture)), reader.verdict(exited(row.exit))


def counted(events: Iterable[AgentEvent]) -> str:
    """``Started Said 2`` and so on, in the order in which they first came."""
    counts = Counter(type(event).__name__ for event in events)
    return " ".join(name if number == 1 else f"{name} {number}" for name, number in counts.items())


def check(agent: Agent, row: Row) -> None:
    events, verdict = outcome(agent, row)
    assert (verdict.kind, verdict.retryable, verdict.session) == (row.kind, row.retryable, row.session)
    assert (verdict.cost, verdict.tokens) == (row.cost, row.tokens)
    assert counted(events) == row.events
    assert row.said in verdict.message
    assert (verdict.answer is not None) == (row.schema and verdict.ok)
