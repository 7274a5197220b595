"""What history says of files that were changed together: information, no more (its precision is 40 to 79 %)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

# Fewer commits than this, or less than half of a file's commits, say nothing.
SUPPORT = 3
CONFIDENCE = 0.5
# A commit of more files than this is a clean-up or an import, not one change.
_MOST_TOGETHER = 30


@frozen
class Together:
    """``other`` was changed in ``count`` of the ``commits`` that changed ``path``."""

    path: str
    other: str
    count: int
    commits: int


def together(history: Iterable[Sequence[str]], paths: Iterable[str]) -> tuple[Together, ...]:
    """For each of ``paths`` what mostly changed with it, the most frequent first."""
    wanted = frozenset(paths)
    commits: Counter[str] = Counter()
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for changed in history:
        if 0 < len(changed) <= _MOST_TOGETHER:
            for path in wanted.intersection(changed):
                commits[path] += 1
                pairs[path].update(other for other in changed if other != path)
    found = [
        Together(path, other, count, commits[path])
        for path, others in pairs.items()
        for other, count in others.items()
        if count >= SUPPORT and count >= CONFIDENCE * commits[path]
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.path, one.other)))


def by_other(found: Iterable[Together]) -> Iterator[tuple[str, tuple[Together, ...]]]:
    """For each file that changed with others, all that it changed with."""
    sorted_out: Mapping[str, list[Together]] = defaultdict(list)
    for one in found:
        sorted_out[one.other].append(one)
    yield from ((other, tuple(those)) for other, those in sorted_out.items())
