"""How an attempt by an ACP agent ended, from what was said and how the program went."""

from __future__ import annotations

from attrs import define, evolve, field

from fanout_server.agents import service
from fanout_server.agents.acp import trouble
from fanout_server.agents.acp.rpc import Failed
from fanout_server.agents.acp.updates import Updates
from fanout_server.agents.base import Verdict
from fanout_server.agents.endings import NEVER_RAN, cut_short
from fanout_server.agents.heard import sentence
from fanout_server.agents.noise import Noise
from fanout_server.agents.process import Ended
from fanout_server.agents.secret import masked
from fanout_server.model import FailureKind

_NAMED = 3
SIGN_IN = "start its program once by hand and sign in, or set its key with `env`"

_STOPS = {
    "max_tokens": (FailureKind.TURN_LIMIT, "used up the tokens of its model for one turn: make the units smaller"),
    "max_turn_requests": (
        FailureKind.TURN_LIMIT,
        "reached its limit of requests a turn: make the units smaller",
    ),
    "refusal": (FailureKind.REFUSED, "refuses the task: word it differently"),
    "cancelled": (FailureKind.CANCELLED, "says that its turn was cancelled"),
}


@define
class Course:
    """What happened so far. ``stop`` is the agent's reason for the end of its turn.

    ``noise`` is what it printed besides, ``problem`` a verdict of its own, ``deaf`` why it was told no more.
    """

    session: str
    may_write: bool
    stop: str = ""
    problem: Verdict | None = None
    deaf: str = ""
    noise: Noise = field(factory=Noise)
    written: int = 0
    denied: list[str] = field(factory=list)

    def deny(self, what: str) -> None:
        if len(self.denied) < _NAMED and what not in self.denied:
            self.denied.append(what)


def judge(name: str, course: Course, updates: Updates, ended: Ended) -> Verdict:
    found = _judged(name, course, updates, ended)
    return evolve(
        found,
        message=masked(found.message),
        session=course.session,
        cost=updates.cost,
        tokens=updates.tokens,
    )


def of_error(name: str, failure: Failed) -> Verdict:
    """For a request of ours that the agent answered with an error."""
    told = str(failure)
    if failure.details and failure.details not in told:
        told = f"{told}: {failure.details}"
    kind = trouble.in_error(failure.code, told)
    if kind is None:
        return Verdict(FailureKind.CRASHED, f"{name} met an error: {sentence(told)}", retryable=True)
    return service.verdict_of(name, kind, sentence(told), SIGN_IN)


def _judged(name: str, course: Course, updates: Updates, ended: Ended) -> Verdict:
    # An end that was told is one, even where the program then hung. "cancelled" may be our own doing.
    if course.stop not in {"", "cancelled"}:
        return _by_stop(name, course, updates)
    cut = cut_short(evolve(ended, tail=b""))
    if cut is not None:
        return cut
    if course.stop:
        return _by_stop(name, course, updates)
    if course.problem is not None:
        return course.problem
    said = course.noise.text or course.deaf
    message = f"{name}: {ended.message} before its turn was over" + (f": {said}" if said else "")
    return Verdict(FailureKind.CRASHED, message, retryable=ended.exit not in NEVER_RAN)


def _by_stop(name: str, course: Course, updates: Updates) -> Verdict:
    said = updates.speech.text.strip()
    if course.stop != "end_turn":
        unknown = (FailureKind.CRASHED, f"ended its turn for a reason that is not known, {sentence(course.stop)!r}")
        kind, message = _STOPS.get(course.stop, unknown)
        return Verdict(kind, f"{name} {message}" + (f" ({sentence(said)})" if said else ""))
    kind_told = trouble.in_text(said) if updates.calls == 0 else None
    if kind_told is not None:
        return service.verdict_of(name, kind_told, sentence(said), SIGN_IN)
    if course.denied and course.may_write and not (updates.edits or course.written):
        message = f"{name} was not allowed what it wanted ({'; '.join(course.denied)}): widen `allow` or `owns`"
        return Verdict(FailureKind.PERMISSION_DENIED, message)
    return Verdict(None, said)
