"""The options' schema: what ``settings`` takes for each key, as far as a schema can say it."""

from __future__ import annotations

from collections.abc import Mapping

from fanout_server import settings
from fanout_server.option_docs import OPTION_DOCS, OptionDoc
from fanout_server.schema.classes import Schema

_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_TEXTS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_WORDS: Schema = {"anyOf": [_TEXT, {"type": "array", "items": {"type": "string"}}]}
_AMOUNT: Schema = {"type": "number", "exclusiveMinimum": 0}
_DOLLARS: Schema = {"type": "string", "pattern": r"^\s*\$?[0-9]+(\.[0-9]+)?\s*$"}
_MONEY: Schema = {"anyOf": [_AMOUNT, _DOLLARS]}
_PRICE: Schema = {"anyOf": [{"type": "number", "minimum": 0}, _DOLLARS]}
_SIZE = r"^\s*([Nn][Oo][Nn][Ee]|[0-9]+(\.[0-9]+)? ?[kKmMgGtT]?[bB])\s*$"
_DURATION = r"^\s*(?=[0-9])([0-9]+(\.[0-9]+)?h)?([0-9]+(\.[0-9]+)?m)?([0-9]+(\.[0-9]+)?s)?\s*$"


def _one_of(words: tuple[str, ...]) -> Schema:
    return {"type": "string", "enum": list(words)}


def _whole(lowest: int, highest: int | None = None) -> Schema:
    return {"type": "integer", "minimum": lowest, **({} if highest is None else {"maximum": highest})}


def _object(properties: Mapping[str, Schema], *required: str) -> Schema:
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **needed, "additionalProperties": False}


_OUTPUT = _object(
    {
        "format": _one_of(("text", "json", "jsonl")),
        **dict.fromkeys(("session", "text", "cost", "tokens", "error", "success"), _TEXT),
        "again": {**_TEXT, "maxLength": 500},
        "resume": _WORDS,
    }
)
_RULE = _object({"pattern": _TEXT, "to": {"type": "string"}, "language": _TEXT}, "pattern", "to")
_PRICES = _object({"input": _PRICE, "output": _PRICE, "cached": _PRICE}, "input", "output")

SCHEMAS: Mapping[str, Schema] = {
    "agent": {
        "type": "string",
        "anyOf": [{"enum": list(settings.AGENTS)}, {"pattern": "^acp:[A-Za-z0-9][A-Za-z0-9._-]*$"}],
    },
    "model": _TEXT,
    "command": _WORDS,
    "output": _OUTPUT,
    "rewrite": {"type": "array", "items": _RULE},
    "split": _one_of(settings.SPLITS),
    "jobs": _whole(1, 256),
    "owns": _TEXTS,
    "copy": _TEXTS,
    "link": _TEXTS,
    "setup": _WORDS,
    "setup_key": _TEXTS,
    "verify": _WORDS,
    "check": _WORDS,
    "attempts": _whole(1, 20),
    "timeout": {"anyOf": [_AMOUNT, {"type": "string", "pattern": _DURATION}]},
    "stall": {"anyOf": [_AMOUNT, {"type": "string", "pattern": _DURATION}]},
    "untracked_limit": {"anyOf": [_AMOUNT, {"type": "string", "pattern": _SIZE}]},
    "budget": _MONEY,
    "unit_budget": _MONEY,
    "prices": {"type": "object", "propertyNames": _TEXT, "additionalProperties": _PRICES},
    "pilot": _whole(0),
    "order": _one_of(settings.ORDERS),
    "mode": _one_of(settings.MODES),
    "review": _one_of(settings.REVIEWS),
    "conflicts": _one_of(settings.CONFLICTS),
    "cache": _one_of(settings.CACHES),
    "cache_limit": {"anyOf": [_AMOUNT, {"type": "string", "pattern": _SIZE}]},
    "apply": _one_of(settings.APPLIES),
    "worktrees": _one_of(settings.WORKTREES),
    "env": {"type": "object", "propertyNames": {"pattern": "^[^=]+$"}, "additionalProperties": {"type": "string"}},
    "env_pass": _TEXTS,
    "allow": _TEXTS,
    "args": _WORDS,
}


def schema() -> Schema:
    """In the order of the contract."""
    return {
        "type": "object",
        "properties": {key: _described(key) for key in settings.OPTION_KEYS},
        "additionalProperties": False,
    }


def _described(key: str) -> Schema:
    documented = OPTION_DOCS[key]
    return {"description": _words(documented), **_with_parts(SCHEMAS[key], documented.parts)}


def _with_parts(known: Schema, words: Mapping[str, str]) -> Schema:
    """Of a mapping, a list of them, or a mapping from names to them."""
    if not words:
        return known
    if "properties" in known:
        parts = {name: {"description": words[name], **one} for name, one in known["properties"].items()}
        return {**known, "properties": parts}
    within = "items" if "items" in known else "additionalProperties"
    return {**known, within: _with_parts(known[within], words)}


def _words(documented: OptionDoc) -> str:
    """In Markdown, as hovers have it."""
    default = f" Default: {documented.default}." if documented.default else ""
    return f"{documented.means} Takes {documented.takes}.{default}"
