"""Files that could be parsed at the base and cannot be parsed now."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator

from fanout_server.model import Finding, Severity
from fanout_server.review.material import Material
from fanout_server.review.merged import Changed, named

CODE = "unit/syntax-error"
# Their macros can make sense of what no parser can.
_UNSURE = frozenset({"c", "cpp"})


def find(material: Material) -> Iterator[Finding]:
    for one in material.files:
        if one.after is None:
            continue
        error = _in_data(one) or _in_code(material, one)
        if error is None:
            continue
        line, what, severity = error
        line = max(0, min(line, len(one.lines) - 1))
        units = _authors(one, line)
        message = (
            f"{named(units, material.titles)} left '{one.path}' with a syntax error in line {line + 1}: {what}."
            " Have the unit done again, or mend the line."
        )
        yield Finding(CODE, severity, message, path=one.path, range=one.range(line), units=units)


def _in_code(material: Material, one: Changed) -> tuple[int, str, Severity] | None:
    after = material.after(one)
    if after is None or not after.errors:
        return None
    known: Counter[str] = Counter()
    before = material.before(one)
    if before is not None:
        old = (one.before or "").split("\n")
        known = Counter(old[line].strip() for line, _ in before.errors if line < len(old))
    lines = one.lines
    new: list[tuple[int, str]] = []
    for line, what in after.errors:
        text = lines[line].strip() if line < len(lines) else ""
        if known[text] > 0:
            known[text] -= 1
        else:
            new.append((line, what))
    if not new or (before is not None and len(after.errors) <= len(before.errors)):
        return None
    line, what = next((error for error in new if error[0] in one.added), new[0])
    return line, what, Severity.WARNING if after.language in _UNSURE else Severity.ERROR


def _in_data(one: Changed) -> tuple[int, str, Severity] | None:
    """JSON and TOML, where the base's own was right: some files of that name hold comments."""
    kind = one.path.rpartition(".")[2].lower()
    if kind not in {"json", "toml"} or one.after is None:
        return None
    if one.before is not None and _data_error(kind, one.before) is not None:
        return None
    error = _data_error(kind, one.after)
    if error is None or (one.before is None and kind == "json" and "//" in one.after):
        return None
    return *error, Severity.ERROR


def _data_error(kind: str, text: str) -> tuple[int, str] | None:
    try:
        if kind == "json":
            json.loads(text or "null")
        else:
            tomllib.loads(text.replace("\r\n", "\n"))
    except json.JSONDecodeError as error:
        return error.lineno - 1, error.msg
    except tomllib.TOMLDecodeError as error:
        found = str(error)
        number = found.rpartition("line ")[2].partition(",")[0]
        return (int(number) - 1 if number.isdigit() else text.count("\n")), found.partition(" (at")[0]
    except (RecursionError, ValueError):
        return 0, "it is nested too deep, or has a number that is too long"
    return None


def _authors(one: Changed, line: int) -> tuple[str, ...]:
    """Of the nearest line before that a unit added: where one error begins, the parser may see it later only."""
    before = [number for number in one.added if number <= line]
    near = max(before) if before else min(one.added, default=None)
    return one.units if near is None else one.added[near]
