"""Values checked against the committed schemas; in strict ones, where a test looks for what nobody wrote down."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


@cache
def validator(name: str, pointer: str = "", *, strict: bool = True) -> Draft202012Validator:
    """For the part of a document that ``pointer`` names. ``strict``: keys that it does not know are wrong."""
    documents = {path.name: _closed(json.loads(path.read_text()), strict=strict) for path in SCHEMAS.glob("*.json")}
    resources = [(key, Resource.from_contents(one)) for key, one in documents.items()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator({"$ref": f"{name}#{pointer}"}, registry=registry)


def _closed(schema: Any, *, strict: bool) -> Any:
    if isinstance(schema, list):
        return [_closed(one, strict=strict) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(one, strict=strict) for key, one in schema.items()}
    if strict and schema.get("type") == "object" and "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def command(name: str, part: str) -> Draft202012Validator:
    """Of a command's ``arguments`` or ``answer``."""
    return validator("commands.json", f"/properties/{name}/properties/{part}")
