"""Problems in what checkers print for people: five patterns, which between them most tools keep to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fanout_server.review.problems.problem import Told, severity_of

_LONGEST_LINE = 2000
_WORD = r"(?:fatal error|error|warning|warn|note|info|information|hint|help|[EWCRFIN](?=:))"
_CODE = r"[A-Za-z][\w.-]*\d[\w.-]*"
# No blank before the first colon but within a name: "at 12:30: ..." is no file.
_FILE = r"(?P<path>(?:[A-Za-z]:[\\/])?[^\s:()\"'<>|][^:()\"<>|]*?)"

# src/a.py:3:5: error: message [code]     gcc, clang, mypy, ruff, flake8, pylint, pyright, go, shellcheck, rubocop
_COLONS = re.compile(
    rf"^\s*{_FILE}:(?P<line>\d+)(?::(?P<column>\d+))?(?:-\d+(?::\d+)?)?\s*(?::|\s-)\s*"
    rf"(?:(?P<severity>{_WORD})\s*:?\s+)?(?:(?P<code>{_CODE}|[A-Z]\w*/\w+):?\s+)?(?P<message>\S.*)$",
    re.IGNORECASE,
)
# src/a.ts(3,5): error TS2322: message    tsc, msbuild, csc
_BRACKETS = re.compile(
    rf"^\s*{_FILE}\((?P<line>\d+)(?:,(?P<column>\d+))?(?:,\d+,\d+)?\)\s*:\s*(?P<severity>{_WORD})?\s*"
    rf"(?P<code>{_CODE})?\s*:\s*(?P<message>\S.*)$",
    re.IGNORECASE,
)
# /src/a.js and below it "  3:5  error  message  code"     eslint, stylelint, biome's summary, standard
_HEADER = re.compile(r"^(?P<path>\S.*\.\w+):?$")
_ROW = re.compile(
    rf"^\s+(?:(?:line\s+)?)(?P<line>\d+):(?P<column>\d+)\s+(?:[^\w\s]\s+)?(?P<severity>{_WORD})?\s*(?P<message>\S.*)$",
    re.IGNORECASE,
)
# error[E0308]: message and below it " --> src/a.rs:3:5"   rustc, cargo, ruff's long form, ty
_HEAD = re.compile(
    rf"^(?:(?P<severity>error|warning|note|help)(?:\[(?P<code>[\w:-]+)\])?:\s+|(?P<rule>{_CODE})\s+(?:\[\*\]\s+)?)"
    r"(?P<message>\S.*)$"
)
_ARROW = re.compile(r"^\s*(?:-->|╭─\[|┌─|\s*at)\s*(?P<path>[^\s:].*?):(?P<line>\d+)(?::(?P<column>\d+))?\]?\s*$")
# File "src/a.py", line 3, in f and at its end "NameError: message"    Python's tracebacks
_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)')
_RAISED = re.compile(r"^(?P<code>[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit))(?::\s*(?P<message>.*))?$")

# At the end of a message: the name of the rule, in brackets or far to the right.
_CODE_AT_END = re.compile(r"\s+(?:\[(?P<a>[\w@/.:-]+)\]|\((?P<b>[a-z@][\w@/-]*)\)|\s(?P<c>[a-z@][\w@/-]*))$")


def read(text: str) -> list[Told]:
    """All problems that are located, in their order."""
    lines = [line.rstrip()[:_LONGEST_LINE] for line in text.split("\n")]
    return list(_read(lines))


def _read(lines: Sequence[str]) -> Iterator[Told]:
    head: re.Match[str] | None = None
    header = ""
    frames: list[tuple[str, int]] = []
    for line in lines:
        if not line:
            continue
        if (found := _FRAME.match(line)) is not None:
            frames.append((found["path"], int(found["line"])))
        elif frames and (found := _RAISED.match(line)) is not None:
            yield _raised(frames, found)
            frames = []
        elif (found := _ARROW.match(line)) is not None:
            if head is not None:
                yield _under(head, found)
                head = None
        elif (found := _BRACKETS.match(line) or _COLONS.match(line)) is not None:
            yield _one(found)
        elif header and (found := _ROW.match(line)) is not None:
            yield _one(found, header)
        elif (found := _HEAD.match(line)) is not None:
            head = found
        elif (found := _HEADER.match(line)) is not None:
            header = found["path"]


def _one(found: re.Match[str], path: str | None = None) -> Told:
    named = found.groupdict()
    message, code = _code_of(named["message"], named.get("code") or "")
    return Told(
        path or named["path"],
        message,
        int(named["line"]),
        int(named["column"] or 0),
        code=code,
        severity=severity_of(named["severity"] or "error"),
    )


def _under(head: re.Match[str], place: re.Match[str]) -> Told:
    code = head["code"] or head["rule"] or ""
    column = int(place["column"] or 0)
    return Told(
        place["path"],
        head["message"],
        int(place["line"]),
        column,
        code=code,
        severity=severity_of(head["severity"] or "error"),
    )


def _raised(frames: Sequence[tuple[str, int]], found: re.Match[str]) -> Told:
    """The innermost frame counts, or the next one further out that lies in the checkout."""
    (path, line), *outer = reversed(frames)
    return Told(path, found["message"] or found["code"], line, code=found["code"], outer=tuple(outer))


def _code_of(message: str, code: str) -> tuple[str, str]:
    found = None if code else _CODE_AT_END.search(message)
    if found is None:
        return message.strip(), code
    return message[: found.start()].strip() or message, found["a"] or found["b"] or found["c"]
