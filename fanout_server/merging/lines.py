"""Two sides of a text, merged by lines as git does it, and where they clash."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from fanout_server.repo.hunks import Hunk, hunks


@frozen
class Clash:
    """Lines that both sides changed, each in its way, and how many lines stand before them in the base."""

    base: str
    ours: str
    theirs: str
    at: int


def merge(base: str, ours: str, theirs: str) -> str | None:
    """``None`` where they clash."""
    found = pieces(base, ours, theirs)
    texts = [one for one in found if isinstance(one, str)]
    return "".join(texts) if len(texts) == len(found) else None


def merge_beside(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """As ``merge``, but what ours only added above or below lines that theirs changed is no clash."""
    try:
        found = pieces(*(data.decode() for data in (base, ours, theirs)))
    except UnicodeDecodeError:
        return None
    merged: list[str] = []
    for piece in found:
        if isinstance(piece, str):
            merged.append(piece)
        elif piece.ours.startswith(piece.base):
            merged.append(piece.theirs + piece.ours[len(piece.base) :])
        elif piece.ours.endswith(piece.base):
            merged.append(piece.ours[: len(piece.ours) - len(piece.base)] + piece.theirs)
        else:
            return None
    return "".join(merged).encode()


def pieces(base: str, ours: str, theirs: str) -> list[str | Clash]:
    """The merged text in order. Changes that overlap or touch clash, unless they are the same."""
    old, mine, other = (split(text) for text in (base, ours, theirs))
    data = base.encode()
    groups = _groups(hunks(data, ours.encode()), hunks(data, theirs.encode()))
    found: list[str | Clash] = []
    done = grown_ours = grown_theirs = 0
    for start, end, own, others in groups:
        found.append("".join(old[done:start]))
        first_ours, first_theirs = start + grown_ours, start + grown_theirs
        grown_ours += _growth(own)
        grown_theirs += _growth(others)
        at_base = "".join(old[start:end])
        at_ours = "".join(mine[first_ours : end + grown_ours])
        at_theirs = "".join(other[first_theirs : end + grown_theirs])
        if not others or at_ours == at_theirs:
            found.append(at_ours)
        else:
            found.append(at_theirs if not own else Clash(at_base, at_ours, at_theirs, start))
        done = end
    found.append("".join(old[done:]))
    return found


def split(text: str) -> list[str]:
    """With their line feeds; nothing else ends a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _groups(ours: Sequence[Hunk], theirs: Sequence[Hunk]) -> list[tuple[int, int, list[Hunk], list[Hunk]]]:
    """First line, end, and the changes of both sides that lie in there and touch each other."""
    tagged = [(hunk, True) for hunk in ours] + [(hunk, False) for hunk in theirs]
    found: list[tuple[int, int, list[Hunk], list[Hunk]]] = []
    for hunk, is_ours in sorted(tagged, key=lambda pair: pair[0].old_start):
        end = hunk.old_start + hunk.old_lines
        if found and hunk.old_start <= found[-1][1]:
            start, known, own, others = found.pop()
            found.append((start, max(known, end), own, others))
        else:
            found.append((hunk.old_start, end, [], []))
        _, _, own, others = found[-1]
        (own if is_ours else others).append(hunk)
    return found


def _growth(side: Sequence[Hunk]) -> int:
    return sum(hunk.new_lines - hunk.old_lines for hunk in side)
