"""What is left in a file by mistake: marks of a conflict, debug output, and places to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from fanout_server.model import Finding, Severity
from fanout_server.review.facts import Facts, shown
from fanout_server.review.material import Material
from fanout_server.review.merged import Changed, is_generated, named

MARKERS = "review/conflict-markers"
DEBUG = "review/debug-output"
PLACEHOLDER = "review/placeholder"

_MOST = 20
_SIDES = (re.compile(r"<{7} \S"), re.compile(r">{7} \S"))
_JS = (
    re.compile(r"^\s*debugger\s*;?\s*$"),
    re.compile(r"\bconsole\.(log|debug|trace|dir|table)\s*\("),
)
# Of each language what nobody leaves on purpose, and what only those leave who have it elsewhere too.
_DEBUG = {
    "python": (
        re.compile(r"\bbreakpoint\(\)|\bi?pdb\.(set_trace|pm)\(|^\s*import i?pdb\b"),
        re.compile(r"(?<![\w.])p?print\("),
    ),
    "javascript": _JS,
    "typescript": _JS,
    "tsx": _JS,
    "rust": (re.compile(r"\bdbg!\s*[(\[{]"), re.compile(r"\be?println!\s*[(\[{]")),
    "go": (re.compile(r"\bspew\.Dump\(|^\s*println\("), re.compile(r"\bfmt\.Print(ln|f)?\(")),
    "ruby": (re.compile(r"\bbinding\.(pry|irb|break)\b|^\s*(byebug|debugger)\s*$"), re.compile(r"^\s*(puts|pp|p)[ (]")),
    "php": (re.compile(r"\b(var_dump|print_r|dd)\("), re.compile(r"\berror_log\(")),
    "java": (re.compile(r"\.printStackTrace\(\)"), re.compile(r"\bSystem\.(out|err)\.print")),
}
# Programs whose output is their purpose.
_TALKS = re.compile(
    r"(^|/)(scripts?|tools?|bin|cli|examples?|demos?|benchmarks?|bench|tests?|__tests__|spec)/|(^|/)(__main__|cli|main|manage|setup|conftest)\.\w+$|\.(test|spec)\.\w+$|(^|/)test_\w+\.py$|_test\.\w+$",
    re.IGNORECASE,
)
_ELIDED = re.compile(
    r"\b(your|actual|real)\s+(code|implementation|logic)\s+(goes\s+)?here\b"
    r"|\b(implementation|logic|code|content)\s+(goes|would go)\s+here\b"
    r"|\b(rest|remainder)\s+of\s+(the\s+|your\s+)?(\w+\s+)?(code|file|implementation|function|class|method|component|tests?|module)\b[^.]{0,20}(unchanged|here|same|\.\.\.|…|$)"
    r"|(\.\.\.|…)\s*(the\s+)?(existing|remaining|other|previous|rest|same)\b"
    r"|\b(existing|remaining|previous)\s+code\b[^.]{0,20}(\.\.\.|…|unchanged|here)",
    re.IGNORECASE,
)
_OPEN = re.compile(r"\b(TODO|FIXME|XXX|TBD)\b")
_DOTS = re.compile(r"^\W*(\.\.\.|…)\W*$")
_UNMADE = {"rust": re.compile(r"\b(todo|unimplemented)!\s*\("), "kotlin": re.compile(r"\bTODO\(")}


def markers(material: Material) -> Iterator[Finding]:
    """Once for each file."""
    for one in material.files:
        lines = list(one.new_lines())
        found = [next((number for number, text in lines if side.match(text)), None) for side in _SIDES]
        if None in found or found[0] is None:
            continue
        units = one.added[found[0]]
        message = (
            f"{named(units, material.titles)} left the marks of a conflict in '{one.path}'. Choose what is to stay"
            " between them, and take the marks out."
        )
        yield Finding(MARKERS, Severity.ERROR, message, one.path, one.range(found[0]), units)


def debug_output(material: Material) -> Iterator[Finding]:
    """Only where the file had none before."""
    for one in material.files:
        after = material.after(one)
        patterns = _DEBUG.get(after.language) if after is not None else None
        if after is None or patterns is None:
            continue
        before = material.before(one)
        old = "" if before is None else shown(one.before or "", before, comments=False, texts=False)
        lines = shown(one.after or "", after, comments=False, texts=False).split("\n")
        wanted = [pattern for number, pattern in enumerate(patterns) if number == 0 or _is_quiet(one)]
        wanted = [pattern for pattern in wanted if not any(pattern.search(line) for line in old.split("\n"))]
        hits = [number for number in sorted(one.added) if any(pattern.search(lines[number]) for pattern in wanted)]
        make = partial(_finding, material, one, code=DEBUG, severity=Severity.INFORMATION)
        what = "output for looking for an error, in a file that had none. Take it out, or dismiss this if it is meant"
        yield from (make(number, what) for number in hits[:_MOST])


def placeholders(material: Material) -> Iterator[Finding]:
    for one in material.files:
        if one.after is None or is_generated(one.path, one.after):
            continue
        after = material.after(one)
        make = partial(_finding, material, one, code=PLACEHOLDER, severity=Severity.WARNING)
        what = "a place that is still to be filled in. Have the unit done again, or write what belongs there"
        yield from (make(number, what) for number in _open_lines(one, after)[:_MOST])


def _only_comments(text: str, facts: Facts) -> list[str]:
    parts: list[str] = []
    at = 0
    for hidden in facts.hidden:
        if hidden.is_comment and hidden.start >= at:
            parts += [re.sub(r"[^\n]", " ", text[at : hidden.start]), text[hidden.start : hidden.end]]
            at = hidden.end
    return "".join([*parts, re.sub(r"[^\n]", " ", text[at:])]).split("\n")


def _open_lines(one: Changed, after: Facts | None) -> list[int]:
    if after is None:
        return [number for number, text in one.new_lines() if _ELIDED.search(text)]
    text = one.after or ""
    comments = _only_comments(text, after)
    code = shown(text, after, comments=False, texts=False).split("\n")
    unmade = _UNMADE.get(after.language)
    old = {line.strip() for line in (one.before or "").split("\n")}
    lines = one.lines
    return [
        number
        for number in sorted(one.added)
        if any(pattern.search(comments[number]) for pattern in (_ELIDED, _OPEN, _DOTS))
        or (unmade is not None and unmade.search(code[number]))
        # A comment that was only moved is not the unit's.
        if lines[number].strip() not in old
    ]


def _is_quiet(one: Changed) -> bool:
    return one.before is not None and not _TALKS.search(one.path)


def _finding(material: Material, one: Changed, number: int, what: str, *, code: str, severity: Severity) -> Finding:
    units = one.added[number]
    message = f"{named(units, material.titles)} added {what}."
    return Finding(code, severity, message, one.path, one.range(number), units)
