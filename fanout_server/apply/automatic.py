"""What was merged though git saw a conflict becomes a finding, with both sides at hand, and can be undone.

To undo such a step is a merge as well: from what it made of the file to what stood before it, into what the user has
now. So what other units and the user did since stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import evolve, frozen

from fanout_server.apply import paths
from fanout_server.apply.conflicts import write_side
from fanout_server.apply.content import REGULAR, Content
from fanout_server.apply.resolving import Choice, Unresolvable
from fanout_server.model import Finding, Related, Severity

CODE = "merge/auto-merged"
_BEFORE, _ALONE, _AFTER = ".before", ".unit", ".merged"
_WAYS: Mapping[str, str] = {
    "same": "they made the same of it",
    "spaces": "where they clashed, one of them changed only white space",
    "syntax": "by its syntax, both sides are in it",
    "list": "both added items to a list, and all of them are in it",
    "agent": "an agent brought both together",
    "agent, not word for word": "an agent brought both together, and not each word of both is in it once",
}

Merge = Callable[[str, bytes, bytes, bytes], bytes | None]
"""Merges a path's base, ours and theirs; ``None`` where they do not fit."""


@frozen
class Step:
    """How ``unit`` was merged with the ``others``: the file ``before`` it, of the unit ``alone``, and ``after``."""

    path: str
    unit: str
    others: tuple[str, ...]
    way: str
    confidence: str
    before: bytes
    alone: bytes
    after: bytes


def finding(step: Step, titles: Mapping[str, str], sides: Path | None) -> Finding:
    """With the sides written below ``sides``."""
    unit = titles.get(step.unit, step.unit)
    others = ", ".join(titles.get(other, other) for other in step.others) or "an earlier unit"
    related: list[Related] = []
    trouble = ""
    if sides is not None:
        kept = (
            (_BEFORE, step.before, f"without {unit}"),
            (_ALONE, step.alone, f"as {unit} has it alone"),
            (_AFTER, step.after, "as it was merged"),
        )
        try:
            for ending, data, message in kept:
                at = write_side(sides / "merged" / step.unit, step.path + ending, Content(REGULAR, data))
                related.append(Related(str(at), message))
        except (OSError, paths.UnsafePath) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            related, trouble = [], f" Its sides could not be kept in '{sides}': {reason}."
    message = (
        f"{unit} and {others} changed '{paths.shown(step.path)}' in the same places. It was merged automatically:"
        f" {_WAYS.get(step.way, step.way)} (confidence: {step.confidence}). Look at it; a quick fix leaves one side"
        f" out.{trouble}"
    )
    return Finding(
        CODE, Severity.INFORMATION, message, step.path, units=(step.unit, *step.others), related=tuple(related)
    )


def can_be_undone(found: Finding) -> bool:
    return found.code == CODE and len(_sides(found)) == len((_BEFORE, _ALONE, _AFTER))


def undo(found: Finding, now: Content, choice: Choice, merge: Merge) -> Content:
    """What the file becomes without the unit's part (``MINE``), or with nothing but that of both (``THEIRS``).

    Raises Unresolvable.
    """
    path = found.path or ""
    sides = _sides(found)
    try:
        wanted = Path(sides[_BEFORE if choice is Choice.MINE else _ALONE]).read_bytes()
        after = Path(sides[_AFTER]).read_bytes()
    except (OSError, KeyError) as error:
        raise Unresolvable(
            f"The sides of '{paths.shown(path)}' are kept no more, so the step cannot be undone. The units' diffs still"
            " have what each of them did."
        ) from error
    merged = merge(path, after, now.data, wanted)
    if merged is None:
        raise Unresolvable(
            f"'{paths.shown(path)}' was changed since in the same places, so the step cannot be undone by itself."
            f" Compare the file with '{sides[_BEFORE]}' and '{sides[_ALONE]}'."
        )
    return evolve(now, data=merged)


def _sides(found: Finding) -> dict[str, str]:
    return {
        ending: one.path for one in found.related for ending in (_BEFORE, _ALONE, _AFTER) if one.path.endswith(ending)
    }
