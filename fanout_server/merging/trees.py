"""Two sides of a text, merged node by node.

Children are matched by what they are known by (their name, key or path), not by their lines. What only one side changed
is taken; what both changed is looked into further. Both may add in one place where that means nothing (high
confidence), or where it is what two people would do by hand (medium). Everything else stays a conflict.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from attrs import define, evolve

from fanout_server.merging import elements, lines, places
from fanout_server.merging.confidence import Confidence
from fanout_server.merging.elements import Element
from fanout_server.merging.nodes import Node, parse
from fanout_server.merging.places import Place
from fanout_server.merging.sequences import Chunk, align

_DEEPEST = 120


class Unmergeable(Exception):
    """The sides do not fit together."""


def merge(base: str, ours: str, theirs: str, language: str) -> tuple[str, Confidence]:
    """Raises Unmergeable."""
    merging = _Merging()
    text = merging.node(parse(base, language), parse(ours, language), parse(theirs, language), 0)
    return text, merging.confidence


@define
class _Merging:
    confidence: Confidence = Confidence.HIGH

    def node(self, base: Node, ours: Node, theirs: Node, depth: int) -> str:
        simple = _simple(base.text, ours.text, theirs.text)
        if simple is not None:
            return simple
        # What lines can do they do, as git does it.
        if "\n" in base.text and (by_lines := lines.merge(base.text, ours.text, theirs.text)) is not None:
            return by_lines
        if depth > _DEEPEST or not base.kind == ours.kind == theirs.kind:
            raise Unmergeable
        # A text, a number or a name: both made another of it.
        if any(not side.children and side.text.strip() for side in (base, ours, theirs)):
            raise Unmergeable
        return self._children(base, ours, theirs, depth)

    def _children(self, base: Node, ours: Node, theirs: Node, depth: int) -> str:
        place = places.of(base)
        if not place is places.of(ours) is places.of(theirs):
            place = Place.FIXED
        sides = tuple(elements.of(node, place) for node in (base, ours, theirs))
        _check_names(*sides)
        merged: list[Element] = []
        cores: list[str] = []
        for part in align(*sides):
            if isinstance(part, Chunk):
                chosen = self._chunk(part, place)
                merged += chosen
                cores += [one.core for one in chosen]
            else:
                element, core = self._stable(*part, depth)
                merged.append(element)
                cores.append(core)
        _check_doubles(merged, *sides)
        leads = _leads(merged, sides, base)
        if place is not Place.FIXED and places.has_commas(base):
            merged = _with_commas(merged, sides)
        elif places.separates_on_a_line(base):
            merged = _separated(merged, leads)
        return _written(merged, cores, leads)

    def _stable(self, base: Element, ours: Element, theirs: Element, depth: int) -> tuple[Element, str]:
        lead = _around(base.lead, ours.lead, theirs.lead)
        trail = _around(base.trail, ours.trail, theirs.trail)
        separator = _around(base.separator, ours.separator, theirs.separator)
        element = evolve(ours, lead=lead, trail=trail, separator=separator, is_first=ours.is_first and theirs.is_first)
        if base.node is None or ours.node is None or theirs.node is None:
            return element, ""
        return element, self.node(base.node, ours.node, theirs.node, depth + 1)

    def _chunk(self, chunk: Chunk, place: Place) -> list[Element]:
        _check_gone(chunk)
        new_ours, new_theirs = chunk.added()
        is_same = len(chunk.mine) == len(chunk.base) and not new_ours
        if is_same:
            return [*chunk.theirs]
        if len(chunk.others) == len(chunk.base) and not new_theirs:
            return [*chunk.ours]
        if [one.says() for one in chunk.ours] == [one.says() for one in chunk.theirs]:
            return [*chunk.ours]
        if chunk.base and place not in {Place.SET, Place.ORDERED}:
            self._check_beside(chunk, place)
        if new_ours and new_theirs:
            new_theirs = self._both(new_ours, new_theirs, place)
        gone = {at for old, at in chunk.mine.items() if old not in chunk.others}
        return [*(one for at, one in enumerate(chunk.ours) if at not in gone), *new_theirs]

    def _check_beside(self, chunk: Chunk, place: Place) -> None:
        """One side took out what stands beside what the other added. Raises Unmergeable."""
        new_ours, new_theirs = chunk.added()
        every = [one for one in (*chunk.base, *new_ours, *new_theirs) if not one.is_comment]
        if (new_ours and new_theirs) or not (place is Place.LIST or _calls_the_same(every, place)):
            raise Unmergeable
        self.confidence = Confidence.MEDIUM

    def _both(self, ours: Sequence[Element], theirs: Sequence[Element], place: Place) -> list[Element]:
        """What of theirs comes after ours: all but what is the same in both."""
        known = {one.key: one.says() for one in ours}
        same = [one for one in theirs if known.get(one.key) == one.says()]
        if any(not places.is_own(one.key) for one in same):
            raise Unmergeable
        rest = [one for one in theirs if one not in same]
        both = [one for one in (*ours, *rest) if not one.is_comment]
        if any(one.node is None or not one.node.named for one in both):
            raise Unmergeable
        named = all(places.is_own(one.key) for one in both)
        if named and place is Place.SET:
            return rest
        if not (place is Place.LIST or (named and place is Place.ORDERED) or _calls_the_same(both, place)):
            raise Unmergeable
        self.confidence = Confidence.MEDIUM
        return rest


def _simple(base: str, ours: str, theirs: str) -> str | None:
    if ours in (base, theirs):
        return theirs
    return ours if theirs == base else None


def _around(base: str, ours: str, theirs: str) -> str:
    """Of what is around a child; of white space ours wins."""
    simple = _simple(base, ours, theirs)
    if simple is not None:
        return simple
    said = [one.split() for one in (base, ours, theirs)]
    if said[0] == said[1]:
        return theirs if said[2] != said[0] else ours
    if said[2] in (said[0], said[1]):
        return ours
    by_lines = lines.merge(base, ours, theirs)
    if by_lines is None:
        raise Unmergeable
    return by_lines


def _calls_the_same(both: Sequence[Element], place: Place) -> bool:
    if place not in {Place.SET, Place.STATEMENTS}:
        return False
    called = {None if one.node is None else places.callee(one.node) for one in both}
    return len(called) == 1 and None not in called


def _check_gone(chunk: Chunk) -> None:
    """What one side took out the other must have left as it was. Raises Unmergeable."""
    for at, old in enumerate(chunk.base):
        for kept, side in ((chunk.mine, chunk.ours), (chunk.others, chunk.theirs)):
            if at in kept and side[kept[at]].says() != old.says():
                raise Unmergeable


def _check_names(base: Sequence[Element], ours: Sequence[Element], theirs: Sequence[Element]) -> None:
    """Both may add the same name only if they add the same. Raises Unmergeable."""
    old = {one.key for one in base}
    new_ours = {one.key: one for one in ours if one.key not in old and places.is_own(one.key)}
    new_theirs = {one.key: one for one in theirs if one.key not in old and places.is_own(one.key)}
    for key, one in new_ours.items():
        other = new_theirs.get(key)
        if other is not None and one.says() != other.says() and key[0] == "name":
            raise Unmergeable
    same = {key for key, one in new_ours.items() if key in new_theirs and one.says() == new_theirs[key].says()}
    bound_ours, bound_theirs = (
        {word for key, one in new.items() if key[0] in {"import", "export"} and key not in same for word in _bound(one)}
        for new in (new_ours, new_theirs)
    )
    if bound_ours & bound_theirs:
        raise Unmergeable


def _bound(element: Element) -> set[str]:
    """The names that an import brings in, as far as can be told without knowing the language."""
    text = element.core.partition(" import ")[2] if element.core.startswith("from ") else element.core
    braced = re.findall(r"\{([^{}]*)\}", text)
    if braced or text != element.core:
        names = ",".join(braced) if braced else text
        return {words[-1] for part in names.strip("()").split(",") if (words := re.findall(r"\w+", part))}
    if "source" in text or element.key[0] == "export":
        return set()
    words = re.findall(r"\w+", text.partition(" from ")[0])
    return set(words[-1:])


def _check_doubles(
    merged: Sequence[Element], base: Sequence[Element], ours: Sequence[Element], theirs: Sequence[Element]
) -> None:
    """Nothing is there more often than on one of the sides. Raises Unmergeable."""
    most = _counted(base) | _counted(ours) | _counted(theirs)
    if _counted(merged) - most:
        raise Unmergeable


def _counted(side: Sequence[Element]) -> Counter[tuple[str, ...]]:
    """There may be several imports from one module, of different names."""
    return Counter((*one.key, one.core) if one.key[0] in {"import", "export"} else one.key for one in side)


def _with_commas(merged: list[Element], sides: Sequence[Sequence[Element]]) -> list[Element]:
    """One comma after each but the last, which has one where the sides have it."""
    used = [one.separator for side in sides for one in side if one.separator]
    comma = min(used, key=len) if used else ","
    ends = [next((one.separator for one in reversed(side) if one.is_item and not one.is_comment), "") for side in sides]
    last = ends[2] if bool(ends[1]) == bool(ends[0]) else ends[1]
    items = [at for at, one in enumerate(merged) if one.is_item and not one.is_comment]
    found = [evolve(one, separator="") for one in merged]
    # In an import of Python and the like, words and the module stand before what is listed.
    listed = [at for at in items if not (at == items[0] and _stands_alone(merged, at))]
    for at in listed[:-1]:
        found[at] = evolve(found[at], separator=merged[at].separator or comma)
    if listed and last:
        found[listed[-1]] = evolve(found[listed[-1]], separator=merged[listed[-1]].separator or comma)
    return found


def _separated(merged: list[Element], leads: Sequence[str]) -> list[Element]:
    """A semicolon between two on one line, as between others here; a line end does as well."""
    used = [one.separator for one in merged if one.separator]
    found = [*merged]
    for at, (one, after) in enumerate(itertools.pairwise(merged)):
        if one.is_item and not one.is_comment and after.is_item and not one.separator and "\n" not in leads[at + 1]:
            found[at] = evolve(one, separator=min(used, key=len) if used else ";")
    return found


def _stands_alone(merged: Sequence[Element], at: int) -> bool:
    """Whether no comma comes after it, but a word or a bracket."""
    return (
        at + 1 < len(merged)
        and not merged[at + 1].is_item
        and merged[at + 1].node is not None
        and any(one.is_item for one in merged[at + 2 :])
    )


def _leads(merged: Sequence[Element], sides: Sequence[Sequence[Element]], node: Node) -> list[str]:
    """What stood first in its side and does so no more needs white space before it."""
    usual = next((lead for side in sides if (lead := elements.usual_lead(side)) is not None), None)
    found: list[str] = []
    has_item = False
    for one in merged:
        lead = one.lead
        if one.is_item and has_item and one.is_first:
            space = usual if usual is not None else _own_line(node)
            if "\n" not in lead:
                lead = " " + lead.lstrip(" ") if usual is None and places.has_commas(node) else space + lead.lstrip()
        has_item = has_item or one.is_item
        found.append(lead)
    return found


def _own_line(node: Node) -> str:
    """A line end, and the indentation of the line on which the node begins."""
    begin = node.source.rfind("\n", 0, node.start) + 1
    line = node.source[begin : node.start]
    return "\n" + line[: len(line) - len(line.lstrip())]


def _written(merged: Sequence[Element], cores: Sequence[str], leads: Sequence[str]) -> str:
    parts = [
        part
        for element, core, lead in zip(merged, cores, leads, strict=True)
        for part in (lead, core, element.separator, element.trail)
    ]
    return "".join(parts)
