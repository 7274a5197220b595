"""What a model's service answered an agent program, by its HTTP status, in words for people."""

from __future__ import annotations

from fanout_server.agents.base import Verdict
from fanout_server.agents.heard import sentence
from fanout_server.model import FailureKind

_KINDS = {
    401: FailureKind.NOT_SIGNED_IN,
    403: FailureKind.NOT_SIGNED_IN,
    402: FailureKind.BUDGET_REACHED,
    408: FailureKind.OVERLOADED,
    429: FailureKind.RATE_LIMITED,
}
_PASSING = {FailureKind.RATE_LIMITED, FailureKind.OVERLOADED}


def kind_of(status: int) -> FailureKind | None:
    """``None`` for a status that is no failure."""
    if status in _KINDS:
        return _KINDS[status]
    if 500 <= status <= 599:  # noqa: PLR2004 - the statuses of a server's own failures
        return FailureKind.OVERLOADED
    return FailureKind.REFUSED if 400 <= status <= 499 else None  # noqa: PLR2004 - those of a client's


def passes(kind: FailureKind) -> bool:
    """Whether the same request may be taken later."""
    return kind in _PASSING


def verdict(name: str, status: int, said: str, sign_in: str, retry_after: float | None = None) -> Verdict | None:
    """On an attempt that ended because the service would not go on. ``sign_in`` says how to sign in.

    ``None`` for a status that is no failure.
    """
    kind = kind_of(status)
    if kind is None:
        return None
    told = f"the service answered {status}: {sentence(said) or 'nothing more'}"
    return verdict_of(name, kind, told, sign_in, retry_after)


def verdict_of(name: str, kind: FailureKind, told: str, sign_in: str, retry_after: float | None = None) -> Verdict:
    """The same where the program told no status, but what there is to say about it."""
    message = f"{name}: {_told(kind, sign_in)} ({told})"
    return Verdict(kind, message, retryable=passes(kind), retry_after=retry_after if passes(kind) else None)


def _told(kind: FailureKind, sign_in: str) -> str:
    match kind:
        case FailureKind.NOT_SIGNED_IN:
            return f"not signed in, or the key is not valid; {sign_in}"
        case FailureKind.BUDGET_REACHED:
            return "the account has no credit left; add some, or set `agent` or `model` to another"
        case FailureKind.RATE_LIMITED:
            return "the account's limit is reached; wait, lower `jobs`, or set `model` to another"
        case FailureKind.OVERLOADED:
            return "the model's service is overloaded or down; try again later"
        case _:
            return "the model's service refused the request; check `model` and what the prompt asks for"
