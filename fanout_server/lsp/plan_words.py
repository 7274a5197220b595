"""How units and runs are told of in a few words, in hints, hovers and lenses."""

from __future__ import annotations

import time

from fanout_server.model import UnitState, UnitView
from fanout_server.planning.estimate import money

_MINUTE, _HOUR = 60, 3600


def duration(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    whole = int(seconds)
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def seconds_of(unit: UnitView) -> float | None:
    """How long the unit has taken so far, ``None`` while it does not run."""
    if unit.state.ended:
        return unit.seconds
    if unit.started is None or unit.state is UnitState.QUEUED:
        return None
    return max(0.0, time.time() - unit.started)


def one_unit(unit: UnitView) -> str:
    """``running 0:42 $0.12``, ``failed (stalled) 5:00``, ``queued``, ``done, of run 1124-0203-k7qd``."""
    if unit.kept:
        return f"{unit.state}, of run {unit.kept}"
    parts = [str(unit.state)]
    if unit.state is UnitState.FAILED and unit.kind is not None:
        parts.append(f"({str(unit.kind).replace('-', ' ')})")
    elif unit.attempts > 1 and not unit.state.ended:
        parts.append(f"(attempt {unit.attempts})")
    seconds = seconds_of(unit)
    if seconds is not None:
        parts.append(duration(seconds))
    if unit.cost is not None:
        parts.append(money(unit.cost))
    return " ".join(parts)


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def fenced(text: str, language: str = "text") -> str:
    """A Markdown code block that holds ``text``, whatever backticks are in it."""
    longest = run = 0
    for letter in text:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def inline(text: str) -> str:
    """``text`` as code within a line of Markdown."""
    shown = " ".join(text.split()) or " "
    fence = "`"
    while fence in shown:
        fence += "`"
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"
