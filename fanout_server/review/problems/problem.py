"""One problem, as a checker told of it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from fanout_server.model import Severity


@frozen
class Told:
    """``path`` is as it was printed. Lines and columns count from 1, as all checkers do; 0 stands for none.

    ``outer`` are paths and lines further out, for a place that may lie outside of the checkout.
    """

    path: str
    message: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    code: str = ""
    severity: Severity = Severity.ERROR
    tool: str = ""
    outer: tuple[tuple[str, int], ...] = ()


_SEVERITIES: Mapping[str, Severity] = {
    "warning": Severity.WARNING,
    "warn": Severity.WARNING,
    "w": Severity.WARNING,
    "note": Severity.INFORMATION,
    "info": Severity.INFORMATION,
    "information": Severity.INFORMATION,
    "hint": Severity.HINT,
    "help": Severity.HINT,
}


def severity_of(word: object) -> Severity:
    """By what most checkers call it; what none of them calls anything else is an error."""
    return _SEVERITIES.get(str(word).strip().lower(), Severity.ERROR)
