"""What ``check`` came to on a tree, kept as long as the process lives: the same tree is not checked twice."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import anyio
from attrs import field, frozen

from fanout_server.review.problems.reading import Problem

# More than one search makes, and of each up to a thousand problems.
_MOST = 128


@frozen
class Checked:
    """How ``check`` ended, and what it told of. ``how`` is for people, ``said`` the end of what it printed.

    Where it could not be ``started`` nothing is known of the tree.
    """

    how: str
    problems: tuple[Problem, ...]
    said: str
    log: Path
    passed: bool = False
    started: bool = True


@frozen
class Kept:
    """Of one tree. Who holds the ``lock`` finds ``checked``, or fills it."""

    lock: anyio.Lock = field(factory=anyio.Lock)
    checked: list[Checked] = field(factory=list)


class Verdicts:
    """By run and tree. What a run's check comes to may be another in the next run: programs change meanwhile."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()

    def of(self, run: str, tree: str) -> Kept:
        """To be filled by whoever first holds its lock."""
        kept = self._kept.setdefault((run, tree), Kept())
        self._kept.move_to_end((run, tree))
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return kept
