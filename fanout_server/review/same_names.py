"""Two units that each added something of the same name to one module, so that one hides the other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from fanout_server.model import Finding, Related, Severity
from fanout_server.review.facts import Facts
from fanout_server.review.material import Material
from fanout_server.review.merged import Changed, named
from fanout_server.syntax.symbols import spoken

CODE = "merge/same-name-added"
# In these, functions of one name are told apart by what they take.
_OVERLOADING = frozenset({"cpp", "java", "kotlin", "swift", "scala", "csharp", "solidity"})
# Of these a folder is one module.
_FOLDERS = frozenset({"go", "java", "kotlin"})
_MANY_TIMES = frozenset({"init", "_", "main", "default", "constructor"})
_REOPENED = frozenset({"ruby", "csharp", "swift", "dart"})
_BINDINGS = {
    "python": re.compile(r"([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?=(?!=)"),
    "javascript": re.compile(r"(?:export[ \t]+)?(?:const|let)[ \t]+([A-Za-z_$][\w$]*)"),
    "go": re.compile(r"(?:var|const)[ \t]+(\w+)"),
    "rust": re.compile(r"(?:pub(?:\([a-z]+\))?[ \t]+)?(?:const|static)[ \t]+(?:mut[ \t]+)?(\w+)[ \t]*:"),
}
_BINDINGS["typescript"] = _BINDINGS["tsx"] = _BINDINGS["javascript"]


@frozen
class _Added:
    changed: Changed
    line: int
    name: str
    units: tuple[str, ...]
    scope: str


def find(material: Material) -> Iterator[Finding]:
    by_name: dict[tuple[str, str], list[_Added]] = {}
    for one in material.files:
        after = material.after(one)
        if after is None:
            continue
        for added in _added(one, after, material.before(one)):
            by_name.setdefault((added.scope, added.name), []).append(added)
    for found in by_name.values():
        first = found[0]
        other = next((one for one in found[1:] if not set(one.units) & set(first.units)), None)
        if other is None:
            continue
        units = tuple(dict.fromkeys((*other.units, *first.units)))
        where = "" if other.changed is first.changed else f" in '{first.changed.path}'"
        message = (
            f"{named(other.units, material.titles)} and {named(first.units, material.titles)} both added"
            f" '{first.name}'{where}, so only one of them counts. Keep one, or give one another name."
        )
        related = (
            Related(
                first.changed.path,
                f"'{first.name}' of {named(first.units, material.titles)}",
                first.changed.range(first.line),
            ),
        )
        yield Finding(
            CODE, Severity.ERROR, message, other.changed.path, other.changed.range(other.line), units, related
        )


def _added(one: Changed, after: Facts, before: Facts | None) -> Iterator[_Added]:
    known = {spoken(symbol.name) for symbol in before.symbols} if before is not None else set()
    scope = _scope(one, after)
    names: list[tuple[int, str]] = []
    for symbol in after.symbols:
        name = spoken(symbol.name)
        if name in known or name in _MANY_TIMES or name.rpartition(".")[2] in _MANY_TIMES:
            continue
        if after.language == "rust" and symbol.head.startswith(("impl", "#", "unsafe impl")):
            continue
        if (
            after.language in _REOPENED
            and symbol.is_top
            and re.search(r"\b(class|module|partial|extension)\b", symbol.head)
        ):
            continue
        is_again = re.search(
            r"@(\w+\.)?(overload|setter|getter|deleter|property)\b|\.(setter|deleter|register)\b", symbol.head
        )
        if is_again:
            continue
        line = next(
            (number for number in range(symbol.line, symbol.end + 1) if _names(one.lines[number], name)), symbol.line
        )
        key = symbol.head if after.language in _OVERLOADING else name
        names.append((line, key if after.language in _OVERLOADING and not symbol.is_top else name))
    pattern = _BINDINGS.get(after.language)
    if pattern is not None:
        old = {found[1] for text in (one.before or "").split("\n") if (found := pattern.match(text))}
        within = [range(symbol.line, symbol.end + 1) for symbol in after.symbols]
        spans = {number for part in within for number in part}
        for number, text in one.new_lines():
            bound = pattern.match(text)
            if bound is not None and bound[1] not in old | known and number not in spans:
                names.append((number, bound[1]))
    for line, name in names:
        units = one.added.get(line)
        if units:
            yield _Added(one, line, name, units, scope)


def _names(line: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name.rpartition('.')[2])}(?!\w)", line) is not None


def _scope(one: Changed, after: Facts) -> str:
    if after.language not in _FOLDERS:
        return one.path
    package = re.search(r"^\s*package\s+([\w.]+)", one.after or "", re.MULTILINE)
    return f"{one.path.rpartition('/')[0]}\0{package[1] if package else ''}"
