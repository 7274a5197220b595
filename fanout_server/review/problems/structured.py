"""SARIF, rdjson and rdjsonl, and the JSON of ruff and eslint: dictionaries, of which nothing is taken for granted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from fanout_server.model import Severity
from fanout_server.review.problems.problem import Told, severity_of

_BEGINNINGS = 20
_ESLINT_ERROR = 2


def read(text: str) -> list[Told] | None:
    """The problems in an output of such a form; ``None`` where it has none of them.

    Before and after it there may be lines of other kinds: both streams of a program arrive as one.
    """
    for value in _values(text):
        for reader in (_sarif, _rdjson, _ruff, _eslint):
            found = reader(value)
            if found is not None:
                return found
    return _rdjson_lines(text)


def _values(text: str) -> Iterator[Any]:
    """What may be JSON: it begins a line."""
    decoder = json.JSONDecoder()
    at, tries = 0, 0
    while at < len(text) and tries < _BEGINNINGS:
        if text[at] in "{[":
            tries += 1
            try:
                value, _ = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                pass
            else:
                yield value
                return
        at = text.find("\n", at) + 1 or len(text)


def _sarif(value: Any) -> list[Told] | None:
    if not isinstance(value, dict) or not isinstance(value.get("runs"), list):
        return None
    found = []
    for run in _dicts(value["runs"]):
        tool = _text(_inner(run, "tool", "driver").get("name"))
        for result in _dicts(run.get("results")):
            place = _inner(next(iter(_dicts(result.get("locations"))), {}), "physicalLocation")
            region = _inner(place, "region")
            path = _path(_inner(place, "artifactLocation").get("uri"))
            if path:
                found.append(
                    Told(
                        path,
                        _text(_inner(result, "message").get("text")),
                        _number(region.get("startLine")),
                        _number(region.get("startColumn")),
                        _number(region.get("endLine")),
                        _number(region.get("endColumn")),
                        _text(result.get("ruleId")),
                        # By the standard a result without a level is a warning.
                        severity_of(result.get("level") or "warning"),
                        tool,
                    )
                )
    return found


def _rdjson(value: Any) -> list[Told] | None:
    if not isinstance(value, dict) or not isinstance(value.get("diagnostics"), list):
        return None
    return [_diagnostic(one, value) for one in _dicts(value["diagnostics"]) if _is_diagnostic(one)]


def _rdjson_lines(text: str) -> list[Told] | None:
    found = []
    for line in text.splitlines():
        if line.startswith("{") and '"location"' in line:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if _is_diagnostic(value):
                found.append(_diagnostic(value, {}))
    return found or None


def _is_diagnostic(value: Any) -> bool:
    return isinstance(value, dict) and bool(_text(_inner(value, "location").get("path")))


def _diagnostic(value: Mapping[str, Any], outer: Mapping[str, Any]) -> Told:
    start, end = _inner(value, "location", "range", "start"), _inner(value, "location", "range", "end")
    code = value.get("code")
    return Told(
        _path(_inner(value, "location").get("path")),
        _text(value.get("message")),
        _number(start.get("line")),
        _number(start.get("column")),
        _number(end.get("line")),
        _number(end.get("column")),
        _text(code.get("value") if isinstance(code, dict) else code),
        severity_of(value.get("severity") or outer.get("severity") or "error"),
        _text(_inner(value, "source").get("name") or _inner(outer, "source").get("name")),
    )


def _ruff(value: Any) -> list[Told] | None:
    if not isinstance(value, list) or not all(isinstance(one, dict) and "filename" in one for one in value):
        return None
    found = []
    for one in _dicts(value):
        start, end = _inner(one, "location"), _inner(one, "end_location")
        found.append(
            Told(
                _path(one.get("filename")),
                _text(one.get("message")),
                _number(start.get("row")),
                _number(start.get("column")),
                _number(end.get("row")),
                _number(end.get("column")),
                _text(one.get("code")),
                severity_of(one.get("severity") or "error"),
                "ruff",
            )
        )
    return found


def _eslint(value: Any) -> list[Told] | None:
    if not isinstance(value, list) or not all(isinstance(one, dict) and "messages" in one for one in value):
        return None
    return [
        Told(
            _path(file.get("filePath")),
            _text(one.get("message")),
            _number(one.get("line")),
            _number(one.get("column")),
            _number(one.get("endLine")),
            _number(one.get("endColumn")),
            _text(one.get("ruleId")),
            Severity.ERROR if one.get("severity") == _ESLINT_ERROR else Severity.WARNING,
            "eslint",
        )
        for file in _dicts(value)
        for one in _dicts(file.get("messages"))
    ]


def _inner(value: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        inner = value.get(name)
        if not isinstance(inner, dict):
            return {}
        value = inner
    return value


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _path(value: Any) -> str:
    """A path, or the path of a uri."""
    text = _text(value)
    if not text.startswith("file:"):
        return text
    try:
        return unquote(urlsplit(text).path, errors="surrogateescape")
    except ValueError:
        return ""
