"""What a reviewer answers: the form it is asked for, and what is taken of what came back, which is never trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from fanout_server.agents.json_lines import Json, fields, items, number, text
from fanout_server.model import FanoutError, Severity

LONGEST = 2_000_000
"""Characters of an answer that is read."""

MOST = 200
"""Remarks of one answer."""

CATEGORIES = ("correctness", "security", "consistency", "duplication", "performance", "tests", "style", "other")

_LONGEST_PATH = 4_096
_LONGEST_QUOTE = 10_000
_LONGEST_MESSAGE = 2_000
_LONGEST_SUMMARY = 4_000
_LONGEST_REPLACEMENT = 20_000
_LONGEST_UNIT = 200
_MOST_UNITS = 20
_MOST_LINES = 10_000_000
# Beginnings of something that may be JSON; each costs up to the length of the answer.
_MOST_TRIES = 200

_SEVERITIES: Mapping[str, Severity] = {
    **{severity.value: severity for severity in Severity},
    **dict.fromkeys(("critical", "blocker", "high", "major"), Severity.ERROR),
    **dict.fromkeys(("warn", "medium", "moderate"), Severity.WARNING),
    **dict.fromkeys(("info", "low", "minor", "note"), Severity.INFORMATION),
    **dict.fromkeys(("nit", "suggestion", "style"), Severity.HINT),
}

# The strictest of services want every field required, and nothing said of lengths.
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["summary", "findings"],
    "properties": {
        "summary": {"type": "string", "description": "What you looked at and what you think of it, in a few sentences"},
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": [
                    "file",
                    "quote",
                    "line_hint",
                    "severity",
                    "category",
                    "message",
                    "related_units",
                    "replacement",
                    "confidence",
                ],
                "properties": {
                    "file": {"type": "string", "description": "Path of the file, from the top folder"},
                    "quote": {
                        "type": "string",
                        "description": "The lines that this is about, copied from the file as they stand there",
                    },
                    "line_hint": {"type": ["integer", "null"], "description": "Number of the first of them, from 1"},
                    "severity": {"type": "string", "enum": [severity.value for severity in Severity]},
                    "category": {"type": "string", "enum": list(CATEGORIES)},
                    "message": {"type": "string", "description": "What is wrong, and what to do about it"},
                    "related_units": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Ids of units that this concerns besides the one that wrote the lines",
                    },
                    "replacement": {
                        "type": ["string", "null"],
                        "description": "What the whole quote is to be replaced with, if that mends it; else null",
                    },
                    "confidence": {"type": ["number", "null"], "description": "From 0 to 1"},
                },
            },
        },
    },
}


class NoAnswer(FanoutError):
    """What came back has not the form that was asked for; the text goes on after who answered so."""


@frozen
class Remark:
    """One entry of an answer. ``quote`` may be empty; ``line_hint`` counts from 1; ``confidence`` is from 0 to 1."""

    file: str
    quote: str
    message: str
    line_hint: int | None = None
    severity: Severity = Severity.INFORMATION
    category: str = "other"
    related_units: tuple[str, ...] = ()
    replacement: str | None = None
    confidence: float | None = None


@frozen
class Answer:
    """``dropped`` says of each entry that was not taken why."""

    remarks: tuple[Remark, ...]
    summary: str = ""
    dropped: tuple[str, ...] = ()


def in_words() -> str:
    """For an agent whose answer cannot be given a form otherwise."""
    return (
        "Answer with one JSON object that fits the following JSON schema, and with nothing else: no text around it.\n\n"
        f"{json.dumps(SCHEMA, indent=1)}\n"
    )


def read(said: str) -> Answer:
    """The last answer in what an agent said, whether or not prose and fences are around it. Raises NoAnswer."""
    if len(said) > LONGEST:
        raise NoAnswer(f"its answer is longer than {LONGEST:,} characters")
    if not said.strip():
        raise NoAnswer("it said nothing")
    found: Mapping[str, Json] | None = None
    for value in _values(said):
        found = _as_answer(value) or found
    if found is None:
        raise NoAnswer("its answer holds no JSON object with a list 'findings'")
    remarks: list[Remark] = []
    dropped: list[str] = []
    entries = items(found, "findings")
    for place, entry in enumerate(entries[:MOST], start=1):
        remark, why = _remark(entry)
        if remark is not None:
            remarks.append(remark)
        else:
            dropped.append(f"Finding {place} {why}.")
    if len(entries) > MOST:
        dropped.append(f"It had {len(entries) - MOST} findings more than the {MOST} that are read.")
    return Answer(
        tuple(dict.fromkeys(remarks)), _clean(text(found, "summary"), _LONGEST_SUMMARY).strip(), tuple(dropped)
    )


_BEGINS = re.compile(r'\{\s*["}]|\[\s*[\{\]]')


def _values(said: str) -> Iterator[Json]:
    """The JSON values that stand in a text, those within others left out."""
    decoder = json.JSONDecoder(parse_constant=_no_number)
    at = 0
    for _ in range(_MOST_TRIES):
        begins = _BEGINS.search(said, at)
        if begins is None:
            return
        try:
            value, at = decoder.raw_decode(said, begins.start())
        except (ValueError, RecursionError):
            at = begins.start() + 1
        else:
            yield value


def _as_answer(value: Json) -> Mapping[str, Json] | None:
    """A list of findings alone is an answer, too; so is one that a tool of the agent wrapped up."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        is_findings = bool(value) and all(isinstance(entry, Mapping) and "message" in entry for entry in value)
        return {"findings": value} if is_findings else None
    found = fields(value)
    if isinstance(found.get("findings"), list):
        return found
    inner = [fields(one) for one in found.values() if isinstance(fields(one).get("findings"), list)]
    return inner[0] if len(inner) == 1 else None


def _remark(entry: Json) -> tuple[Remark | None, str]:
    """A remark, or what the entry lacks."""
    if not isinstance(entry, Mapping):
        return None, "is no object"
    file = _clean(text(entry, "file"), _LONGEST_PATH + 1).strip()
    message = _clean(text(entry, "message"), _LONGEST_MESSAGE).strip()
    if not file or len(file) > _LONGEST_PATH:
        return None, "names no file"
    if not message:
        return None, "has no message"
    quote = text(entry, "quote")
    category = text(entry, "category").strip().lower()
    return (
        Remark(
            file,
            _clean(quote, _LONGEST_QUOTE),
            message,
            _line(entry.get("line_hint")),
            _SEVERITIES.get(text(entry, "severity").strip().lower(), Severity.INFORMATION),
            category if category in CATEGORIES else "other",
            _units(entry),
            _replacement(entry.get("replacement")),
            _confidence(entry),
        ),
        "",
    )


def _line(value: Json) -> int | None:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < len("10000000"):
        value = int(value)
    found = number({"line": value}, "line")
    return int(found) if found is not None and 1 <= found <= _MOST_LINES else None


def _units(entry: Mapping[str, Json]) -> tuple[str, ...]:
    told = [_clean(one, _LONGEST_UNIT).strip() for one in items(entry, "related_units") if isinstance(one, str)]
    return tuple(dict.fromkeys(one for one in told if one))[:_MOST_UNITS]


def _replacement(value: Json) -> str | None:
    """What is cut off replaces nothing."""
    if not isinstance(value, str) or len(value) > _LONGEST_REPLACEMENT:
        return None
    found = _clean(value, _LONGEST_REPLACEMENT)
    return found if found == value else None


def _confidence(entry: Mapping[str, Json]) -> float | None:
    found = number(entry, "confidence")
    if found is not None and found > 1:
        found /= 100
    return found if found is not None and found <= 1 else None


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _clean(told: str, longest: int) -> str:
    """Without what no file, terminal or editor can be given; cut to a length."""
    found = _CONTROL.sub("", told[: longest + 1]).encode("utf-8", "replace").decode("utf-8")
    return found if len(found) <= longest else found[: longest - 1] + "…"


def _no_number(name: str) -> None:
    del name  # NaN and Infinity are no JSON, but Python takes them.
