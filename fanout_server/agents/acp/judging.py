"""How an attempt by an ACP agent ended, from what was said and how the program went."""

from __future__ import annotations

from attrs import define, evolve, field

from fanout_server.agents.acp import trouble
from fanout_server.agents.acp.rpc import Failed
from fanout_server.agents.acp.updates import Updates, clean
from fanout_server.agents.base import Verdict
from fanout_server.agents.endings import NEVER_RAN, cut_short
from fanout_server.agents.output import last_line
from fanout_server.agents.process import Ended
from fanout_server.model import FailureKind

_NAMED = 3

_STOPS = {
    "max_tokens": (FailureKind.TURN_LIMIT, "it used up the tokens of its model for one turn: make the units smaller"),
    "max_turn_requests": (
        FailureKind.TURN_LIMIT,
        "it reached its limit of requests in one turn: make the units smaller",
    ),
    "refusal": (FailureKind.REFUSED, "it refuses the task: word it differently"),
    "cancelled": (FailureKind.CANCELLED, "its turn was cancelled"),
}


@define
class Course:
    """What happened so far. ``stop`` is the agent's reason for the end of its turn.

    ``noise`` is its last line that is no protocol, ``problem`` a verdict of its own, ``deaf`` why it was told no more.
    """

    session: str
    may_write: bool
    stop: str = ""
    problem: Verdict | None = None
    deaf: str = ""
    noise: bytes = b""
    written: int = 0
    denied: list[str] = field(factory=list)

    def deny(self, what: str) -> None:
        if len(self.denied) < _NAMED and what not in self.denied:
            self.denied.append(what)


def judge(course: Course, updates: Updates, ended: Ended) -> Verdict:
    found = cut_short(evolve(ended, tail=b"")) or _by_stop(course, updates) or course.problem
    if found is None:
        said = last_line(course.noise) or course.deaf
        message = f"{ended.message} before its turn was over" + (f": {said}" if said else "")
        found = Verdict(FailureKind.CRASHED, message, retryable=ended.exit not in NEVER_RAN)
    return evolve(found, session=course.session, cost=updates.cost, tokens=updates.tokens)


def of_error(failure: Failed) -> Verdict:
    """For a request of ours that the agent answered with an error."""
    message = clean(str(failure))
    if failure.details and failure.details not in message:
        message = f"{message}: {clean(failure.details)}"
    kind = trouble.in_error(failure.code, message)
    if kind is FailureKind.NOT_SIGNED_IN:
        message = f"it is not signed in ({message}): start it once by hand and sign in, or set its key with `env`"
    return Verdict(kind, message, retryable=kind in trouble.RETRYABLE)


def _by_stop(course: Course, updates: Updates) -> Verdict | None:
    if not course.stop:
        return None
    said = updates.said.strip()
    if course.stop != "end_turn":
        unknown = (
            FailureKind.CRASHED,
            f"it ended its turn for a reason that is not known: {clean(course.stop)[:100]!r}",
        )
        kind, message = _STOPS.get(course.stop, unknown)
        return Verdict(kind, f"{message} ({last_line(said.encode())})" if said else message)
    trouble_kind = trouble.in_text(said) if updates.calls == 0 else None
    if trouble_kind is not None:
        return Verdict(trouble_kind, said, retryable=trouble_kind in trouble.RETRYABLE)
    if course.denied and course.may_write and not (updates.edits or course.written):
        message = f"it was not allowed what it wanted ({'; '.join(course.denied)}): widen `allow` or `owns`"
        return Verdict(FailureKind.PERMISSION_DENIED, message)
    return Verdict(None, said or "ended its turn")
