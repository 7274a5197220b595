"""Several agents that say the same of the same lines say it once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from attrs import evolve

from fanout_server.model import Finding, Range, Severity
from fanout_server.review.remarks import CODES

LEAST_ALIKE = 0.5
"""Of the words of two messages, counted as often in common."""

# So much of a word tells it from others: "interpolated" and "interpolation" are one.
_STEM = 5
_WORD = re.compile(r"[^\W_]+")
_SHORT = 2
_SMALL = frozenset(
    {"and", "are", "but", "can", "for", "from", "has", "its", "should", "that", "the", "this", "when", "with"}
)
_ORDER = list(Severity)


class Agreed:
    """The remarks of all units, in the order in which they came; what was settled stays away."""

    def __init__(self) -> None:
        self._by_unit: dict[str, tuple[Finding, ...]] = {}
        self._settled: list[Finding] = []
        self._agreed: list[Finding] = []
        self._places: dict[str | None, list[int]] = {}

    @property
    def findings(self) -> Sequence[Finding]:
        return self._agreed

    def put(self, unit: str, findings: Sequence[Finding]) -> None:
        """All that a unit says; what it said before goes."""
        if unit in self._by_unit:
            self.drop([unit])
        self._by_unit[unit] = tuple(findings)
        self._add(findings)

    def drop(self, units: Collection[str]) -> None:
        """What these units said; what another one said as well stays, as its own."""
        if not self._by_unit.keys() & set(units):
            return
        self._by_unit = {unit: found for unit, found in self._by_unit.items() if unit not in units}
        self._again()

    def settle(self, findings: Collection[Finding]) -> None:
        """Nobody wants to hear of these any more, whoever says it."""
        done = [one for one in findings if one.code in CODES or one in self._agreed]
        if done:
            self._settled += done
            self._again()

    def _again(self) -> None:
        self._agreed, self._places = [], {}
        for findings in self._by_unit.values():
            self._add(findings)

    def _add(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            if any(_is_same(finding, one) for one in self._settled):
                continue
            near = self._places.setdefault(finding.path, [])
            at = next((place for place in near if _is_same(self._agreed[place], finding)), None)
            if at is None:
                near.append(len(self._agreed))
                self._agreed.append(finding)
            else:
                self._agreed[at] = _joined(self._agreed[at], finding)


def _joined(first: Finding, other: Finding) -> Finding:
    """In the words of the first; as severe as the more severe one."""
    severity = min(first.severity, other.severity, key=_ORDER.index)
    units = tuple(dict.fromkeys((*first.units, *other.units)))
    return evolve(first, severity=severity, units=units)


def _is_same(one: Finding, other: Finding) -> bool:
    if one.code not in CODES or other.code not in CODES:
        return one == other
    return one.path == other.path and _meet(one.range, other.range) and _alike(one.message, other.message)


def _meet(one: Range | None, other: Range | None) -> bool:
    """By lines: who quotes a line and who quotes a word of it mean the same."""
    if one is None or other is None:
        return one is other
    return one.start.line <= other.end.line and other.start.line <= one.end.line


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    first, second = _stems(one), _stems(other)
    total = sum(first.values()) + sum(second.values())
    common = sum(min(count, second.get(stem, 0)) for stem, count in first.items())
    return bool(total) and 2 * common / total >= LEAST_ALIKE


def _stems(message: str) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for word in _WORD.findall(message.lower()):
        if len(word) > _SHORT and word not in _SMALL:
            found[word[:_STEM]] = found.get(word[:_STEM], 0) + 1
    return found
