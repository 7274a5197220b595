"""A change that was left alone becomes a finding, with what the run made of the file at hand."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from fanout_server.apply import paths
from fanout_server.apply.combine import Clash
from fanout_server.apply.content import Content, FileChange
from fanout_server.model import Finding, Range, Related, Severity

CODE = "merge/conflict"
SIDE_BASE, SIDE_RESULT = ".base", ".result"
_SHOWN_PLACES = 5


@frozen
class Wording:
    """``failed`` gets ``units`` and ``path``; ``base`` and ``result`` say what the two sides are."""

    failed: str
    base: str
    result: str


APPLYING = Wording(
    "The result of {units} for {path} was not applied", "what the run started from", "what the run made of it"
)
TAKING_BACK = Wording(
    "What {units} did to {path} was not taken back", "what the run had made of it", "what stood there before"
)


@frozen
class Keeper:
    """Writes both sides of conflicts below ``sides``, or nothing where that is ``None``."""

    sides: Path | None
    wording: Wording = APPLYING

    def finding(self, change: FileChange, clash: Clash) -> Finding:
        related, trouble = self._kept(change)
        at = clash.path or change.path
        path = paths.shown(change.path)
        moved = f", the new name of '{paths.shown(at)}'," if at != change.path else ""
        where = f" ({_places(clash.ranges)})" if clash.ranges else ""
        failed = self.wording.failed.format(units=_units(change.units), path=f"'{path}'{moved}")
        message = f"{failed}: {clash.reason}{where}. What you have is as it was. {_next_step(related, trouble)}"
        also = tuple(Related(at, "changed by both here too", spot) for spot in clash.ranges[1:])
        first = clash.ranges[0] if clash.ranges else None
        return Finding(CODE, Severity.ERROR, message, at, first, change.units, (*also, *related))

    def _kept(self, change: FileChange) -> tuple[tuple[Related, ...], str]:
        """Where the sides now are, and what went wrong with that."""
        if self.sides is None:
            return (), ""
        kept: list[Related] = []
        sides = ((change.old, SIDE_BASE, self.wording.base), (change.new, SIDE_RESULT, self.wording.result))
        try:
            for content, ending, message in sides:
                if content is not None:
                    kept.append(Related(str(write_side(self.sides, change.path + ending, content)), message))
        except (OSError, paths.UnsafePath) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            return (), f"The other side could not be kept in '{self.sides}': {reason}. "
        return tuple(kept), ""


def write_side(sides: Path, path: str, content: Content) -> Path:
    """Where it is now. Raises OSError, UnsafePath."""
    target = sides / paths.check(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.data)
    return target.absolute()


def _next_step(related: tuple[Related, ...], trouble: str) -> str:
    if related:
        names = " and ".join(f"'{paths.shown(one.path)}'" for one in related)
        return f"Compare it with {names} and take over what you want."
    return f"{trouble}Look at the run's diff and take over what you want."


def _units(units: tuple[str, ...]) -> str:
    if not units:
        return "the run"
    *others, last = units
    return f"units {', '.join(others)} and {last}" if others else f"unit {last}"


def _places(ranges: tuple[Range, ...]) -> str:
    """``lines 3-5 and 9``, counted from 1 as editors show them."""
    lines = [_lines(one) for one in ranges]
    if len(lines) > _SHOWN_PLACES:
        lines = [*lines[:_SHOWN_PLACES], f"{len(lines) - _SHOWN_PLACES} more places"]
    *others, last = lines
    return f"lines {', '.join(others)} and {last}" if others else f"line{'s' if '-' in last else ''} {last}"


def _lines(one: Range) -> str:
    first = one.start.line + 1
    # A range that ends before the first character of a line does not hold that line.
    last = max(first, one.end.line + (1 if one.end.character else 0))
    return str(first) if first == last else f"{first}-{last}"
