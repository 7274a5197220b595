"""A run's findings in the Static Analysis Results Interchange Format (SARIF 2.1.0), for other tools to read.

The standard is OASIS's: docs.oasis-open.org/sarif/sarif/v2.1.0. Columns are code points, lines and columns begin at 1.
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.parse
from collections.abc import Sequence
from typing import Any

from fanout_server import finding_docs
from fanout_server.model import Finding, Range, RunView, Severity

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFORMATION: "note",
    Severity.HINT: "note",
}
_TOP = "SRCROOT"


def report(view: RunView, findings: Sequence[Finding]) -> str:
    """Of ``findings`` of that run. Paths are relative to the top of the repository."""
    codes = sorted({one.code for one in findings})
    made = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "fanout", "rules": [_rule(code) for code in codes]}},
                "automationDetails": {"id": f"fanout/{view.id}"},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, codes.index(one.code)) for one in findings],
                "properties": {"instruction": view.plan.instruction, "state": str(view.state)},
            }
        ],
    }
    # A file's name need not be UTF-8, and messages have names; in an address its bytes are escaped.
    return json.dumps(made, indent=1, ensure_ascii=False).encode("utf-8", "replace").decode() + "\n"


def _rule(code: str) -> dict[str, Any]:
    means, to_do = finding_docs.meaning(code)
    return {
        "id": code,
        "shortDescription": {"text": means.partition(". ")[0].rstrip(".") + "."},
        "fullDescription": {"text": means},
        "help": {"text": to_do},
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "partialFingerprints": {"fanout/v1": _fingerprint(finding)},
        "properties": {"units": list(finding.units)},
    }
    if finding.path is not None:
        result["locations"] = [_location(finding.path, finding.range)]
        if finding.replacement is not None and finding.range is not None:
            result["fixes"] = [_fix(finding.path, finding.range, finding.replacement)]
    if finding.related:
        result["relatedLocations"] = [
            {"id": number, "message": {"text": one.message}, **_location(one.path, one.range)}
            for number, one in enumerate(finding.related)
        ]
    return result


def _location(path: str, place: Range | None) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(path)}
    if place is not None:
        physical["region"] = _region(place)
    return {"physicalLocation": physical}


def _artifact(path: str) -> dict[str, str]:
    escaped = urllib.parse.quote(path.encode("utf-8", "surrogateescape"))
    # The user's own file, where a finding is about what they have now.
    return {"uri": f"file://{escaped}"} if path.startswith("/") else {"uri": escaped, "uriBaseId": _TOP}


def _region(place: Range) -> dict[str, int]:
    return {
        "startLine": place.start.line + 1,
        "startColumn": place.start.character + 1,
        "endLine": place.end.line + 1,
        "endColumn": place.end.character + 1,
    }


def _fix(path: str, place: Range, text: str) -> dict[str, Any]:
    replaced = {"deletedRegion": _region(place), "insertedContent": {"text": text}}
    return {"artifactChanges": [{"artifactLocation": _artifact(path), "replacements": [replaced]}]}


def _fingerprint(finding: Finding) -> str:
    """The same when lines above come or go, also where the message has numbers of lines."""
    told = re.sub(r"\d+", "#", finding.message)
    parts = (finding.code, finding.path or "", told)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
