"""What agents tell while they work, whatever program it is. An adapter makes these of its program's output."""

from __future__ import annotations

from attrs import frozen

from fanout_server.model import FailureKind, Tokens


@frozen
class Started:
    """The program is at work. ``session`` is the name by which it can be resumed, empty where there is none."""

    session: str = ""
    model: str = ""


@frozen
class Said:
    """Text for the user. Where the program tells it piece by piece, ``text`` is a piece."""

    text: str


@frozen
class UsedTool:
    """``name`` as the program calls it. ``path`` is the file that it is about, ``command`` what is run."""

    name: str
    path: str = ""
    command: str = ""


@frozen
class Denied:
    """The program was not allowed to use a tool."""

    name: str
    path: str = ""
    command: str = ""


@frozen
class Retrying:
    """The program waits for its model's service and asks again by itself. ``delay`` is in seconds, where known."""

    kind: FailureKind
    attempt: int = 0
    delay: float | None = None


@frozen
class Used:
    """What the attempt has used so far, all together. ``cost`` is in dollars, ``None`` where the program tells none."""

    tokens: Tokens
    cost: float | None = None


@frozen
class Finished:
    """The program's own last word on the task. ``problem`` is empty where it takes it for done."""

    text: str = ""
    problem: str = ""


AgentEvent = Started | Said | UsedTool | Denied | Retrying | Used | Finished
