"""Findings for other tools: SARIF as its readers expect it, whatever names and messages hold."""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

import jsonschema
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.model import (
    Finding,
    Options,
    Plan,
    Position,
    Range,
    Related,
    RunState,
    RunView,
    Severity,
)
from fanout_server.run import sarif

_TEXT = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1}},
    "required": ["text"],
    "additionalProperties": False,
}
_REGION = {
    "type": "object",
    "properties": {
        name: {"type": "integer", "minimum": 1} for name in ("startLine", "startColumn", "endLine", "endColumn")
    },
    "required": ["startLine", "startColumn", "endLine", "endColumn"],
    "additionalProperties": False,
}
_ARTIFACT = {
    "type": "object",
    "properties": {"uri": {"type": "string", "pattern": r"^[A-Za-z0-9_.~%/:-]+$"}, "uriBaseId": {"const": "SRCROOT"}},
    "required": ["uri"],
    "additionalProperties": False,
}
_PHYSICAL = {
    "type": "object",
    "properties": {"artifactLocation": _ARTIFACT, "region": _REGION},
    "required": ["artifactLocation"],
    "additionalProperties": False,
}
_RESULT = {
    "type": "object",
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["error", "warning", "note"]},
        "message": _TEXT,
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
        "properties": {"type": "object"},
        "locations": {
            "type": "array",
            "maxItems": 1,
            "items": {"type": "object", "properties": {"physicalLocation": _PHYSICAL}, "additionalProperties": False},
        },
        "relatedLocations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer", "minimum": 0},
                    "message": _TEXT,
                    "physicalLocation": _PHYSICAL,
                },
                "additionalProperties": False,
            },
        },
        "fixes": {"type": "array"},
    },
    "required": ["ruleId", "ruleIndex", "level", "message"],
    "additionalProperties": False,
}
# What of the standard's own schema concerns what is written here, and nothing else may be.
_SCHEMA = {
    "type": "object",
    "properties": {
        "$schema": {"type": "string"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "tool": {"type": "object", "required": ["driver"]},
                    "automationDetails": {"type": "object"},
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": _RESULT},
                    "properties": {"type": "object"},
                },
                "required": ["tool", "results"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["version", "runs"],
    "additionalProperties": False,
}
_VIEW = RunView("r1", RunState.READY, "/r", "0" * 40, Plan("Do it", (), Options()), 0.0, ())

_texts = st.text(min_size=1).filter(lambda text: text.strip() != "")
_paths = st.text(st.characters(exclude_characters="\0"), min_size=1).map(
    lambda text: text.encode("utf-8", "replace").decode().strip("/") or "x"
)
_odd_paths = st.one_of(_paths, st.sampled_from(["a b/c'd\n.py", "caf\udce9.py", "src/ü.py", "#x?y=1.py"]))
_ranges = st.builds(
    lambda line, start, lines, end: Range(Position(line, start), Position(line + lines, start + end)),
    *[st.integers(0, 10_000)] * 4,
)
_findings = st.builds(
    Finding,
    st.sampled_from(["review/placeholder", "check/ruff:F821", "merge/conflict"]),
    st.sampled_from(list(Severity)),
    _texts,
    st.none() | _odd_paths,
    st.none() | _ranges,
    st.lists(st.sampled_from(["01-a", "02-b"]), unique=True).map(tuple),
    st.lists(st.builds(Related, _odd_paths, _texts, st.none() | _ranges), max_size=3).map(tuple),
    st.none() | st.text(),
)


def _read(*findings: Finding) -> dict[str, Any]:
    text = sarif.report(_VIEW, findings)
    found: dict[str, Any] = json.loads(text.encode("utf-8"))
    return found


@given(st.lists(_findings, max_size=5))
# The first one has the schema compiled.
@settings(deadline=None)
def test_it_is_what_readers_expect(findings: list[Finding]) -> None:
    made = _read(*findings)
    jsonschema.validate(made, _SCHEMA)
    (run,) = made["runs"]
    rules = run["tool"]["driver"]["rules"]
    for finding, result in zip(findings, run["results"], strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        if finding.path is not None:
            uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            name = urllib.parse.unquote_to_bytes(uri).decode("utf-8", "surrogateescape")
            assert name.removeprefix("file://") == finding.path


def test_places_units_and_the_fix_are_told() -> None:
    place = Range(Position(2, 4), Position(2, 7))
    finding = Finding(
        "review/agent", Severity.WARNING, "It should be two.", "src/one.py", place, ("01-a",), replacement="two"
    )
    (result,) = _read(finding)["runs"][0]["results"]
    region = {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 8}
    assert (result["level"], result["properties"]) == ("warning", {"units": ["01-a"]})
    assert result["locations"][0]["physicalLocation"]["region"] == region
    assert result["fixes"][0]["artifactChanges"][0]["replacements"] == [
        {"deletedRegion": region, "insertedContent": {"text": "two"}}
    ]


def test_a_finding_is_known_again_on_another_line() -> None:
    one = Finding("check/x:y", Severity.ERROR, "wrong in line 3", "a.py", Range(Position(2, 0), Position(3, 0)))
    moved = evolve(one, message="wrong in line 14", range=Range(Position(13, 0), Position(14, 0)))
    other = evolve(one, path="b.py")
    marks = [result["partialFingerprints"]["fanout/v1"] for result in _read(one, moved, other)["runs"][0]["results"]]
    assert marks[0] == marks[1] != marks[2]
