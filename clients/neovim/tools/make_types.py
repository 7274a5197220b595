"""Makes ``lua/fanout/types.lua`` of the schemas in ``docs/schema``, or another FILE that is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_PLUGIN = Path(__file__).parents[1]
_SCHEMAS = _PLUGIN.parents[1] / "docs" / "schema"
_NAMES = ("commands", "events", "options")
_SCALARS = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "table",
    "array": "any[]",
}
_KEYWORDS = {"end", "repeat", "until", "function", "not", "and", "or"}
_HEAD = """\
-- Made of docs/schema by tools/make_types.py ('make neovim-types'); do not edit.

"""
_TAIL = """
local M = {}

---Words that an option can have; empty where it takes anything.
M.OPTION_VALUES = {
%s
}

return M
"""


def main() -> int:
    target = Path(sys.argv[1]) if sys.argv[1:] else _PLUGIN / "lua" / "fanout" / "types.lua"
    target.write_text(text())
    return 0


def text() -> str:
    commands, events, options = (json.loads((_SCHEMAS / f"{name}.json").read_text()) for name in _NAMES)
    definitions = {**commands["$defs"], **_apart(events, commands["$defs"])}
    definitions["Options"] = {**options, "description": "The front matter of a plan document."}
    parts = [*(_definition(name, schema) for name, schema in sorted(definitions.items()))]
    union = "|".join(_named(one) for one in events["oneOf"])
    parts += [f"---@alias fanout.Event {union}\n", _api(commands["properties"])]
    values = "\n".join(_values(options["properties"]))
    return _HEAD + "\n".join(parts) + _TAIL % values


def _apart(events: dict[str, Any], taken: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions of events, those under other names that mean something else in answers."""
    names = {name: f"Event{name}" for name, one in events["$defs"].items() if taken.get(name, one) != one}
    # What refers to such a one is another than its namesake, too: answers and events share enumerations only.
    renamed = _renamed(events["$defs"], names)
    events["oneOf"] = _renamed(events["oneOf"], names)
    return {names.get(name, name): one for name, one in renamed.items()}


def _renamed(schema: Any, names: Mapping[str, str]) -> Any:
    if isinstance(schema, list):
        return [_renamed(one, names) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _renamed(one, names) for key, one in schema.items()}
    if "$ref" in schema:
        folder, _, name = schema["$ref"].rpartition("/")
        found["$ref"] = f"{folder}/{names.get(name, name)}"
    return found


def _definition(name: str, schema: Mapping[str, Any]) -> str:
    said = "".join(f"---{line}\n" for line in schema.get("description", "").splitlines() if line.strip())
    if "enum" in schema:
        return f"{said}---@alias fanout.{name} {_kind(schema)}\n"
    required = set(schema.get("required", ()))
    fields = "".join(
        f"---@field {_field(key)}{'' if key in required else '?'} {_kind(one)}\n"
        for key, one in schema.get("properties", {}).items()
    )
    return f"{said}---@class fanout.{name}\n{fields}"


def _field(key: str) -> str:
    return f"['{key}']" if key in _KEYWORDS else key


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _named(schema)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return "|".join(json.dumps(one) for one in schema["enum"])
    if schema.get("type") == "array" and "items" in schema:
        inner = _kind(schema["items"])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"table<string, {_kind(schema['additionalProperties'])}>"
    if "type" in schema:
        return _SCALARS[schema["type"]]
    kinds = [_kind(one) for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return "|".join(dict.fromkeys(kinds)) or "any"


def _named(schema: Mapping[str, Any]) -> str:
    name = schema["$ref"].rpartition("/")[2]
    return "fanout.Options" if name.startswith("options") else f"fanout.{name}"


def _api(commands: Mapping[str, Any]) -> str:
    lines = ["---The server's commands as functions.", "---@class fanout.Api"]
    for name, schema in commands.items():
        argument, answer = (_kind(schema["properties"][key]) for key in ("arguments", "answer"))
        done = f"fun(problem?: string, answer?: {answer})"
        lines.append(f"---@field {name.removeprefix('fanout.')} fun(argument: {argument}, done?: {done})")
    return "\n".join(lines) + "\n"


def _values(options: Mapping[str, Any]) -> Iterator[str]:
    for key, schema in options.items():
        words = [word for one in (schema, *schema.get("anyOf", ())) for word in one.get("enum", ())]
        listed = ", ".join(json.dumps(word) for word in words)
        yield f"  {key} = {{ {listed} }}," if words else f"  {key} = {{}},"


if __name__ == "__main__":
    sys.exit(main())
