"""What a unit has used, over all its attempts: agents tell it as a sum, some of them of the whole session."""

from __future__ import annotations

from attrs import frozen

from fanout_server.model import Tokens

_NONE = Tokens()


@frozen
class Use:
    """``cost`` in dollars and ``tokens`` are ``None`` where nobody told."""

    cost: float | None = None
    tokens: Tokens | None = None


class Meter:
    """``cumulative``: a session that goes on tells what all of it has used, not its last attempt alone."""

    def __init__(self, *, cumulative: bool) -> None:
        self._cumulative = cumulative
        self._before = Use()
        self._told = Use()
        self._known = Use()
        self.total = Use()

    def begin(self, *, goes_on: bool) -> None:
        """Another attempt. ``goes_on``: in the session of the one before."""
        self._known = self._told if goes_on and self._cumulative else Use()
        self._before = self.total
        self._told = self._known

    def take(self, cost: float | None, tokens: Tokens | None) -> Use:
        """What the attempt is said to have used so far, in its session; the new total."""
        self._told = Use(self._told.cost if cost is None else cost, self._told.tokens if tokens is None else tokens)
        self.total = Use(
            _more(self._before.cost, self._told.cost, self._known.cost),
            _more_tokens(self._before.tokens, self._told.tokens, self._known.tokens),
        )
        return self.total


def _more(before: float | None, told: float | None, known: float | None) -> float | None:
    if told is None:
        return before
    return (before or 0.0) + max(0.0, told - (known or 0.0))


def _more_tokens(before: Tokens | None, told: Tokens | None, known: Tokens | None) -> Tokens | None:
    if told is None:
        return before
    known = known or _NONE
    news = Tokens(
        max(0, told.input - known.input), max(0, told.cached - known.cached), max(0, told.output - known.output)
    )
    return (before or _NONE) + news
