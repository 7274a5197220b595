"""The rungs of the ladder that merge a text, each tried where the one before it gives nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fanout_server.agents import languages
from fanout_server.merging import checks, lines, prose, trees
from fanout_server.merging.confidence import Confidence

# A parser can read these, but they are prose, or have no places in which two may add.
_NOT_BY_TREE = frozenset({"markdown", "html"})


def answer(path: str, base: str, ours: str, theirs: str) -> tuple[str, str, str] | None:
    """The merged text, how it was merged (``spaces``, ``syntax``, ``list``) and the confidence; or nothing."""
    for language, way, merged, confidence in _tries(path, _readings(path), base, ours, theirs):
        if checks.keeps_all(base, ours, theirs, merged) and checks.is_sound((ours, theirs), merged, language):
            return merged, way, str(confidence)
    return None


def is_sound(path: str, sides: Sequence[str], merged: str) -> bool:
    """As ``checks.is_sound``, in one of the languages that the file may be in."""
    readings = _readings(path)
    if not readings:
        return checks.is_sound(sides, merged, None)
    return any(checks.is_sound(sides, merged, language) for language in readings)


def _readings(path: str) -> list[str]:
    readings = [one for one in languages.of_path(path) if one not in _NOT_BY_TREE]
    if not readings and path.rpartition("/")[2] in {"BUILD", "WORKSPACE", "SConstruct"}:
        return ["python"]
    return readings


def _tries(
    path: str, readings: list[str], base: str, ours: str, theirs: str
) -> Iterator[tuple[str | None, str, str, Confidence]]:
    by_spaces = _spaces(base, ours, theirs)
    if by_spaces is not None:
        yield next(iter(readings), None), "spaces", by_spaces, Confidence.HIGH
    for language in readings:
        try:
            merged, confidence = trees.merge(base, ours, theirs, language)
        except (trees.Unmergeable, RecursionError):
            continue
        yield language, "syntax", merged, confidence
    if prose.is_prose(path):
        listed = prose.merge(base, ours, theirs)
        if listed is not None:
            yield None, "list", listed, Confidence.MEDIUM


def _spaces(base: str, ours: str, theirs: str) -> str | None:
    """Where in each clash one side changed no more than the ends of lines and spaces within them, the other's lines."""
    merged: list[str] = []
    for piece in lines.pieces(base, ours, theirs):
        if isinstance(piece, str):
            merged.append(piece)
            continue
        old, mine, other = (_said(text) for text in (piece.base, piece.ours, piece.theirs))
        if mine in (old, other):
            merged.append(piece.theirs if mine == old else piece.ours)
        elif other == old:
            merged.append(piece.ours)
        else:
            return None
    return "".join(merged)


def _said(text: str) -> list[tuple[str, list[str]]]:
    """Each line's indentation, which may mean something, and its words. Blank lines say nothing."""
    return [(line[: len(line) - len(line.lstrip())], line.split()) for line in text.split("\n") if line.strip()]
