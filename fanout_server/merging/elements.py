"""The children of a node with all that is around them, so that together they are the whole text of the node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attrs import evolve, frozen

from fanout_server.merging import places
from fanout_server.merging.nodes import Node
from fanout_server.merging.places import Key, Place

_SEPARATORS = frozenset({",", ";"})
# What belongs to the declaration below it.
_LEADS = frozenset({"decorator", "attribute_item", "attribute_list"})


@frozen
class Element:
    """``lead``, the child, its ``separator``, and the comment that follows on its line (``trail``).

    ``lead`` has the white space before it, and the comments right above. ``key`` is the child's only one in its node.
    What comes after the last child is the lead of an element without a ``node``.
    """

    key: Key
    node: Node | None
    lead: str
    separator: str = ""
    trail: str = ""
    is_first: bool = False

    @property
    def core(self) -> str:
        return "" if self.node is None else self.node.text

    @property
    def is_item(self) -> bool:
        """Whether it is something, no bracket and no key word."""
        return self.node is not None and self.node.named

    @property
    def is_comment(self) -> bool:
        return self.node is not None and _is_comment(self.node)

    def says(self) -> tuple[str, str, str]:
        """What is to be compared: white space around it says nothing."""
        return self.lead.strip(), self.core, self.trail.strip()


def of(node: Node, place: Place) -> list[Element]:
    found: list[Element] = []
    seen: Counter[Key] = Counter()
    lead: list[Node] = []
    end = node.start
    is_first = True

    def put(child: Node | None, start: int, stop: int) -> None:
        nonlocal is_first
        one = ("end", "") if child is None else places.key(child, place)
        seen[one] += 1
        # The second of its kind has a key of its own.
        key = one if seen[one] == 1 else (one[0], f"{one[1]} #{seen[one]}")
        first = is_first and child is not None and child.named
        found.append(Element(key, child, node.source[start:stop], is_first=first))
        is_first = is_first and not first

    def let_go() -> None:
        """Comments that stand for themselves."""
        nonlocal end
        for comment in lead:
            put(comment, end, comment.start)
            end = comment.end
        lead.clear()

    for child in node.children:
        between = node.source[(lead[-1].end if lead else end) : child.start]
        on_the_line = found and not lead and "\n" not in between
        is_separator = not child.named and child.text in _SEPARATORS and place is not Place.FIXED
        if is_separator and on_the_line and not found[-1].separator:
            found[-1] = evolve(found[-1], separator=between + child.text)
            end = child.end
            continue
        if _is_comment(child) and on_the_line and not found[-1].trail:
            found[-1] = evolve(found[-1], trail=between + child.text.rstrip("\n"))
            end = child.start + len(child.text.rstrip("\n"))
            continue
        if lead and (between.count("\n") > 1 or not child.named):
            let_go()
        if place is not Place.FIXED and (_is_comment(child) or child.kind in _LEADS):
            lead.append(child)
            continue
        put(child, end, child.start)
        lead.clear()
        end = child.end
    let_go()
    put(None, end, node.end)
    return found


def usual_lead(elements: Sequence[Element]) -> str | None:
    """The white space that begins a line of its own for one more of these."""
    leads = [one.lead for one in elements if one.is_item and not one.is_first and "\n" in one.lead]
    spaces = [lead[: len(lead) - len(lead.lstrip())] for lead in leads]
    spaces = [space for space in spaces if "\n" in space]
    return min(spaces, key=len) if spaces else None


def _is_comment(node: Node) -> bool:
    return node.named and "comment" in node.kind
