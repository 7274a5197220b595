"""A definition that one unit removed, or gave another name, and that another unit's new lines still name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from fanout_server.model import Finding, Position, Range, Related, Severity
from fanout_server.review.facts import shown
from fanout_server.review.material import Material
from fanout_server.review.merged import Changed, decode, named
from fanout_server.syntax.symbols import spoken

CODE = "merge/removed-but-used"
_MOST_NAMES = 200
_MOST_FILES = 50
_SHORTEST = 3


@frozen
class _Removed:
    name: str
    changed: Changed
    line: int
    units: tuple[str, ...]


def find(material: Material) -> Iterator[Finding]:
    removed = list(_removed(material))[:_MOST_NAMES]
    if not removed:
        return
    added = [(one, _code(material, one)) for one in material.files if one.added]
    for gone in removed:
        word = re.compile(rf"(?<![\w$]){re.escape(gone.name)}(?![\w$])")
        uses = [
            (one, number, hit)
            for one, lines in added
            for number in sorted(one.added)
            if not set(one.added[number]) <= set(gone.units)
            and number < len(lines)
            and (hit := word.search(lines[number]))
        ]
        if not uses or _is_defined(material, gone):
            continue
        one, number, hit = uses[0]
        units = tuple(unit for unit in one.added[number] if unit not in gone.units)
        message = (
            f"{named(units, material.titles)} uses '{gone.name}', which {named(gone.units, material.titles)} removed"
            f" from '{gone.changed.path}' or gave another name. Use what is there now, or bring it back."
        )
        start = Position(gone.line, 0)
        related = (
            Related(gone.changed.path, f"'{gone.name}' was here", Range(start, start)),
            *(
                Related(more.path, "used here too", more.range(line, at.start(), at.end()))
                for more, line, at in uses[1:10]
            ),
        )
        place = one.range(number, hit.start(), hit.end())
        yield Finding(CODE, Severity.WARNING, message, one.path, place, (*units, *gone.units), related)


def _removed(material: Material) -> Iterator[_Removed]:
    for one in material.files:
        before = material.before(one)
        if before is None:
            continue
        after = material.after(one)
        kept = {spoken(symbol.name) for symbol in after.symbols} if after is not None else set()
        for symbol in before.symbols:
            name = spoken(symbol.name)
            if not symbol.is_top or name in kept or "." in name or len(name) < _SHORTEST:
                continue
            word = re.compile(rf"(?<![\w$]){re.escape(name)}(?![\w$])")
            # It may be a value by now, or come from elsewhere and be handed on.
            if (
                one.after is not None
                and after is not None
                and _binds(word, shown(one.after, after, comments=False, texts=False))
            ):
                continue
            units = _removers(material, one, name)
            if units:
                yield _Removed(
                    name, one, symbol.line if one.after is None else min(symbol.line, len(one.lines) - 1), units
                )


def _removers(material: Material, one: Changed, name: str) -> tuple[str, ...]:
    if len(one.units) < 2 or not one.versions:  # noqa: PLR2004
        return one.units
    found: list[str] = []
    for unit in one.units:
        made = material.facts(one.path, one.versions.get(unit))
        if made is None or name not in {spoken(symbol.name) for symbol in made.symbols}:
            found.append(unit)
    return tuple(found)


def _code(material: Material, one: Changed) -> list[str]:
    """The lines of a file without comments and texts; of what cannot be parsed none."""
    after = material.after(one)
    if after is None or one.after is None:
        return []
    return shown(one.after, after, comments=False, texts=False).split("\n")


def _binds(word: re.Pattern[str], code: str) -> bool:
    name = word.pattern
    return (
        re.search(rf"{name}\s*(:[^=\n]+)?=[^=]|\bimport\b[^\n]*{name}|\bas\s+{name}|\bfor\s+{name}", code) is not None
    )


def _is_defined(material: Material, gone: _Removed) -> bool:
    """Anywhere in the merged tree, also as a variable, or as what an import brings from where it never was."""
    paths = list(material.base.naming(gone.name))[:_MOST_FILES]
    module = gone.changed.path.rpartition("/")[2].rpartition(".")[0] or gone.changed.path
    if module in {"__init__", "index", "mod"}:
        module = gone.changed.path.rpartition("/")[0].rpartition("/")[2]
    word = re.escape(gone.name)
    for path, data in zip(paths, material.base.read_merged(paths), strict=True):
        text = decode(data)
        found = material.facts(path, text)
        if found is None or text is None:
            continue
        if any(spoken(symbol.name).rpartition(".")[2] == gone.name for symbol in found.symbols):
            return True
        code = shown(text, found, comments=False, texts=False)
        if re.search(rf"(?<![\w$.]){word}\s*(:[^=\n]+)?=[^=>]|\b(as|let|var|const|val|fn|func|def)\s+{word}\b", code):
            return True
        # Texts stay here: in many languages the module's name is one.
        imported = re.search(rf"^[^\n]*\b(import|require|use|from)\b[^\n]*\b{word}\b[^\n]*$", text, re.MULTILINE)
        if (
            imported is not None
            and module not in imported[0]
            and not re.search(r"from\s+['\"]?\.+['\"]?\s", imported[0])
        ):
            return True
    return False
