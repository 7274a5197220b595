"""Units whose new files are written otherwise than the repository's own, or than those of the other units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from fanout_server.model import Finding, Related, Severity
from fanout_server.review.duplicates import distance
from fanout_server.review.material import Material
from fanout_server.review.merged import Changed, decode, is_generated, named
from fanout_server.review.style import WORDS, habits, is_test

OUTLIER = "review/style-outlier"
SPLIT = "review/style-split"

_SHARED_BY = 0.9
_LEAST_SIBLINGS = 5
_MOST_SIBLINGS = 20
_SHARED_BY_UNITS = 0.75
_LEAST_UNITS = 4
_MOST_FILES = 500
_AT_ONCE = 300


_Kind = tuple[str, bool]
"""The ending of a file's name, and whether it is a test."""


@frozen
class _Written:
    changed: Changed
    habits: Mapping[str, str]
    kind: _Kind

    @property
    def folder(self) -> str:
        return self.changed.path.rpartition("/")[0]


def find(material: Material) -> Iterator[Finding]:
    """One finding for each unit and feature. Raises OutOfTime."""
    new = list(_new(material))[:_MOST_FILES]
    known = _known(material, new) if new else {}
    judged: set[tuple[_Kind, str]] = set()
    told: set[tuple[tuple[str, ...], str]] = set()
    for one in new:
        beside = known[one.folder, one.kind]
        for feature, value in one.habits.items():
            usual = _usual(beside.get(feature, Counter()), _SHARED_BY, _LEAST_SIBLINGS)
            if usual is None:
                continue
            judged.add((one.kind, feature))
            if usual[0] != value and (one.changed.units, feature) not in told:
                told.add((one.changed.units, feature))
                yield _outlier(
                    material, one, feature, f"{usual[1]} of {usual[2]} files beside it in the repository have", usual[0]
                )
    yield from _by_majority(material, new, judged)


def _by_majority(material: Material, new: Sequence[_Written], judged: set[tuple[_Kind, str]]) -> Iterator[Finding]:
    """Where the repository has no habit: most units show one, or there is none."""
    by_feature: dict[tuple[_Kind, str], dict[tuple[str, ...], _Written]] = {}
    for one in new:
        for feature in one.habits:
            if (one.kind, feature) not in judged:
                by_feature.setdefault((one.kind, feature), {}).setdefault(one.changed.units, one)
    for (_, feature), written in by_feature.items():
        counts = Counter(one.habits[feature] for one in written.values())
        if len(counts) < 2 or len(written) < _LEAST_UNITS:  # noqa: PLR2004
            continue
        usual = _usual(counts, _SHARED_BY_UNITS, _LEAST_UNITS)
        if usual is None:
            yield _split(feature, list(written.values()))
            continue
        for one in written.values():
            if one.habits[feature] != usual[0]:
                yield _outlier(material, one, feature, f"{usual[1]} of {usual[2]} units have", usual[0])


def _new(material: Material) -> Iterator[_Written]:
    for one in material.files:
        if one.before is None and one.after is not None and one.added and not is_generated(one.path, one.after):
            found = habits(one.path, one.after, material.after(one))
            if found:
                yield _Written(one, found, _kind(one.path))


def _by_kind(material: Material) -> dict[_Kind, dict[str, list[str]]]:
    """The base's files, by their kind and folder."""
    found: dict[_Kind, dict[str, list[str]]] = {}
    for path in material.base.paths():
        if not is_generated(path):
            found.setdefault(_kind(path), {}).setdefault(path.rpartition("/")[0], []).append(path)
    return found


def _kind(path: str) -> _Kind:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2] if "." in name else name, is_test(path)


def _known(material: Material, new: Sequence[_Written]) -> dict[tuple[str, _Kind], Mapping[str, Counter[str]]]:
    """Folder and kind -> what the files of that kind show there."""
    by_kind = _by_kind(material)
    beside = {(one.folder, one.kind): _beside(by_kind.get(one.kind, {}), one.folder) for one in new}
    shown = _shown(material, dict.fromkeys(path for paths in beside.values() for path in paths))
    return {key: _counted(shown[path] for path in paths if path in shown) for key, paths in beside.items()}


def _beside(folders: Mapping[str, list[str]], folder: str) -> list[str]:
    """Files of the folder, else of the nearest ones."""
    here = folders.get(folder, [])
    if len(here) < _LEAST_SIBLINGS:
        near = sorted(folders, key=lambda other: (distance(other, {folder}), other))[:_MOST_SIBLINGS]
        here = [path for other in near for path in folders[other]]
    return here[:_MOST_SIBLINGS]


def _shown(material: Material, wanted: Iterable[str]) -> dict[str, Mapping[str, str]]:
    """The habits of files of the base, some hundred at a time: they may be large."""
    paths = list(wanted)
    found: dict[str, Mapping[str, str]] = {}
    for at in range(0, len(paths), _AT_ONCE):
        some = paths[at : at + _AT_ONCE]
        read = ((path, decode(data)) for path, data in zip(some, material.base.read(some), strict=True))
        texts = [(path, text) for path, text in read if text is not None]
        found |= zip((path for path, _ in texts), material.habits(texts), strict=True)
    return found


def _counted(shown: Iterable[Mapping[str, str]]) -> Mapping[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for habits_of_one in shown:
        for feature, value in habits_of_one.items():
            found.setdefault(feature, Counter())[value] += 1
    return found


def _usual(counts: Counter[str], share: float, least: int) -> tuple[str, int, int] | None:
    """The value that most have, how many, and of how many."""
    total = counts.total()
    if total < least:
        return None
    value, count = counts.most_common(1)[0]
    return (value, count, total) if count >= share * total else None


def _outlier(material: Material, one: _Written, feature: str, who: str, usual: str) -> Finding:
    message = (
        f"{named(one.changed.units, material.titles)} has {_said(feature, one.habits[feature])} where {who}"
        f" {_said(feature, usual)}. Have the unit done again with a note, or leave it."
    )
    return Finding(OUTLIER, Severity.HINT, message, one.changed.path, one.changed.range(0), one.changed.units)


def _split(feature: str, written: Sequence[_Written]) -> Finding:
    groups: dict[str, list[_Written]] = {}
    for one in written:
        groups.setdefault(one.habits[feature], []).append(one)
    parts = [f"{len(some)} {_said(feature, value)}" for value, some in groups.items()]
    units = tuple(dict.fromkeys(unit for one in written for unit in one.changed.units))
    related = tuple(
        Related(some[0].changed.path, f"has {_said(feature, value)}", some[0].changed.range(0))
        for value, some in groups.items()
    )
    message = f"The units do not agree: {', '.join(parts)}. Say in the instruction which it is to be, or leave it."
    first = written[0].changed
    return Finding(SPLIT, Severity.HINT, message, first.path, first.range(0), units, related[1:])


def _said(feature: str, value: str) -> str:
    return WORDS[feature].format(value)
