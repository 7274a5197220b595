"""What follows an attempt that failed: its kind decides."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from fanout_server.agents.base import Abilities
from fanout_server.model import FailureKind

_LONGEST_BACKOFF = 60.0
_HOPELESS = {FailureKind.NOT_INSTALLED, FailureKind.NOT_SIGNED_IN}
REFUSED = {FailureKind.RATE_LIMITED, FailureKind.OVERLOADED}

# For kinds after which the same session may well go on, what it is told.
_ADVICE = {
    FailureKind.TURN_LIMIT: "You were stopped at the limit of turns. Go on from where you are and finish the task.",
    FailureKind.NO_CHANGE: (
        "You ended without changing any file, but the task asks for changes. Make them now, in the files themselves."
    ),
    FailureKind.PERMISSION_DENIED: (
        "You were not allowed to do something that you tried. Finish the task without it: files in the current folder"
        " may be edited, and nothing else is needed."
    ),
}


class Step(Enum):
    """``AGAIN`` starts from the base. ``GO_ON`` stays where the work is, in the same session where there is one.

    ``LATER`` costs no try: it was not the agent's fault.
    """

    AGAIN = "again"
    GO_ON = "go on"
    LATER = "later"
    FAIL = "fail"


@frozen
class Failure:
    """Why an attempt failed. ``feedback`` is for the agent's next try; ``session`` is the one that it left."""

    kind: FailureKind
    message: str
    retryable: bool = True
    feedback: str | None = None
    retry_after: float | None = None
    session: str = ""


@frozen
class Tries:
    """``made`` does not count those that a service refused; ``allowed`` is the option ``attempts``.

    ``gave_up`` is why the service is not asked again.
    """

    made: int
    allowed: int
    gave_up: str | None = None


def is_hopeless(failure: Failure, abilities: Abilities) -> bool:
    """Whether no other unit would fare better. The program of a command may differ from unit to unit."""
    return abilities.models and failure.kind in _HOPELESS


def next_step(failure: Failure, tries: Tries, abilities: Abilities) -> Step:
    kind = failure.kind
    if is_hopeless(failure, abilities):
        return Step.FAIL
    if kind in REFUSED:
        return Step.FAIL if tries.gave_up else Step.LATER
    if tries.made >= tries.allowed:
        return Step.FAIL
    if kind is FailureKind.VERIFY_FAILED:
        return Step.GO_ON if failure.retryable else Step.FAIL
    if kind is FailureKind.BAD_ANSWER:
        return Step.GO_ON if abilities.resume and failure.session else Step.AGAIN
    if kind in _ADVICE:
        return Step.GO_ON if abilities.resume and failure.session else Step.FAIL
    return Step.AGAIN if failure.retryable else Step.FAIL


def delay(step: Step, tries: Tries, backoff: float) -> float:
    """Seconds until the next try. ``backoff`` is what the first one waits. For a service the limiter waits."""
    return min(backoff * 2.0 ** (tries.made - 1), _LONGEST_BACKOFF) if step is Step.AGAIN else 0.0


def advice(failure: Failure, step: Step) -> str | None:
    """What the agent is told with its next try: in the same place, or of its answer, which is the same anywhere."""
    if step is not Step.GO_ON and failure.kind is not FailureKind.BAD_ANSWER:
        return None
    return failure.feedback or _ADVICE.get(failure.kind)
