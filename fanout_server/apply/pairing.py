"""Which of some lines became which of some others."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from fanout_server.apply.inline import words

_ALIKE = 0.4


@frozen
class _Line:
    words: frozenset[str]
    size: int

    @classmethod
    def of(cls, text: str) -> _Line:
        found = words(text)
        return cls(found, _size(found))

    def likeness(self, other: _Line) -> float:
        """From 0 to 1: by the words they share, the long ones more."""
        if not self.size or not other.size or self.words.isdisjoint(other.words):
            return 0.0
        return 2 * _size(self.words & other.words) / (self.size + other.size)


def cost(old: Sequence[str], new: Sequence[str]) -> int:
    """What ``pairs`` has to look at: each line is compared with each, word by word."""
    return len(old) * len(new) + min(
        len(old) * sum(len(line) for line in new), len(new) * sum(len(line) for line in old)
    )


def pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Indexes of lines that are alike, in order and none twice: those that make most of it in all."""
    old_lines, new_lines = [_Line.of(line) for line in old], [_Line.of(line) for line in new]
    # best[i][j] is the most that the lines from i and from j on can make.
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    likeness = [[one.likeness(other) for other in new_lines] for one in old_lines]
    for i in reversed(range(len(old))):
        row, below, alike = best[i], best[i + 1], likeness[i]
        for j in reversed(range(len(new))):
            most = max(below[j], row[j + 1])
            if alike[j] >= _ALIKE:
                most = max(most, below[j + 1] + alike[j])
            row[j] = most
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if likeness[i][j] >= _ALIKE and best[i][j] == best[i + 1][j + 1] + likeness[i][j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _size(found: frozenset[str]) -> int:
    return sum(map(len, found))
