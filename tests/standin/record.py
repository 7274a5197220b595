"""What the stand-in was asked, one JSON line for each request. Keys are not written down."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
from attrs import frozen


@frozen
class Recorded:
    """``status`` is what was answered, 0 where nothing was. ``step`` counts the tools that had answered before,
    ``turns`` the prompts of the session so far.
    """

    wire: str
    model: str
    status: int
    prompt: str
    step: int
    turns: int
    stream: bool
    tools: tuple[str, ...]

    def to_line(self) -> str:
        return json.dumps(attrs.asdict(self)) + "\n"


def recorded(log: Path) -> tuple[Recorded, ...]:
    """All that was asked so far. A last line that is still being written is left out."""
    whole = log.read_text().rpartition("\n")[0]
    return tuple(_from_line(line) for line in whole.splitlines())


def _from_line(line: str) -> Recorded:
    data = json.loads(line)
    return Recorded(**{**data, "tools": tuple(data["tools"])})
