"""Where two texts differ, and when it is better to say that they differ in fewer, larger places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import evolve, frozen


@frozen
class Span:
    """``old_start`` up to ``old_end`` of one text became ``new_start`` up to ``new_end`` of the other."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int

    def shifted(self, old: int, new: int) -> Span:
        return Span(self.old_start + old, self.old_end + old, self.new_start + new, self.new_end + new)


def joined(spans: Iterable[Span], is_near: Callable[[int, int], bool] | None = None) -> list[Span]:
    """Spans in order -> those that touch, and those with a near one before them, as one.

    ``is_near`` gets the part of the old text between two spans.
    """
    found: list[Span] = []
    for span in spans:
        last = found[-1] if found else None
        if last and (last.old_end == span.old_start or (is_near and is_near(last.old_end, span.old_start))):
            found[-1] = evolve(last, old_end=span.old_end, new_end=span.new_end)
        else:
            found.append(span)
    return found


def at_most(spans: Sequence[Span], limit: int) -> list[Span]:
    """Joined over the narrowest gaps, until there are no more than ``limit``."""
    if len(spans) <= limit:
        return list(spans)
    gaps = range(1, len(spans))
    widest = sorted(gaps, key=lambda gap: spans[gap - 1].old_end - spans[gap].old_start)[: limit - 1]
    starts = [0, *sorted(widest)]
    ends = [*starts[1:], len(spans)]
    return [
        evolve(spans[start], old_end=spans[end - 1].old_end, new_end=spans[end - 1].new_end)
        for start, end in zip(starts, ends, strict=True)
    ]
