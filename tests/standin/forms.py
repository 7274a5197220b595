"""Something that a JSON schema allows: programs ask small questions beside the work, and only its form matters."""

from __future__ import annotations

from fanout_server.agents.json_lines import Json, fields, items, number, text


def example(schema: Json) -> Json:
    """The first of its choices, nought, nothing, or as little as will do."""
    choices = items(schema, "enum")
    if choices:
        return choices[0]
    match text(schema, "type").lower():
        case "object":
            return {name: example(one) for name, one in fields(schema, "properties").items()}
        case "array":
            return []
        case "number" | "integer":
            return int(number(schema, "minimum") or 0)
        case "boolean":
            return False
        case _:
            return ""
