"""How a program ended, where the program itself said nothing of use about it."""

from __future__ import annotations

from fanout_server.agents.base import Verdict
from fanout_server.agents.output import last_line
from fanout_server.agents.process import Ended
from fanout_server.model import FailureKind

# What shells and env(1) answer for a program that is no program; trying again changes nothing.
NEVER_RAN = {126, 127}

_KINDS = {
    "timeout": FailureKind.TIMED_OUT,
    "stalled": FailureKind.STALLED,
    "not-started": FailureKind.NOT_INSTALLED,
}


def cut_short(ended: Ended) -> Verdict | None:
    """The verdict on what did not come to its own end; ``None`` where it did."""
    kind = _KINDS.get(ended.reason)
    if kind is None:
        return None
    return Verdict(kind, _told(ended), retryable=kind is FailureKind.STALLED)


def by_status(ended: Ended) -> Verdict:
    """By the exit status alone."""
    cut = cut_short(ended)
    if cut is not None:
        return cut
    if ended.exit == 0:
        return Verdict(None, ended.message)
    return Verdict(FailureKind.CRASHED, _told(ended), retryable=ended.exit not in NEVER_RAN)


def _told(ended: Ended) -> str:
    said = last_line(ended.tail)
    return f"{ended.message}: {said}" if said else ended.message


class ByStatus:
    """A reader for programs whose output is for people."""

    def line(self, data: bytes) -> tuple[()]:
        del data
        return ()

    def verdict(self, ended: Ended) -> Verdict:
        return by_status(ended)
