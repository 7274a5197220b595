"""The schemas are those of the classes, and the classes' JSON is what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, get_args, get_origin

import attrs
import pytest
from attrs import frozen
from cattrs import BaseValidationError
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pygls.exceptions import JsonRpcInvalidParams

from fanout_server import codec, model, run_events, settings
from fanout_server.lsp import wire
from fanout_server.lsp.commands import COMMANDS
from fanout_server.schema import documents, options
from fanout_server.schema.classes import Definitions, NoSchemaError
from tests import strategies
from tests.schema.validating import SCHEMAS, command, validator
from tests.test_settings import OPTIONS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def test_the_committed_schemas_are_those_of_the_classes() -> None:
    committed = {path.name: path.read_text() for path in SCHEMAS.iterdir()}
    assert committed == documents.texts(), "a class has changed: run 'make schema'"


@pytest.mark.parametrize("name", ["commands.json", "events.json", "options.json"])
def test_they_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(json.loads((SCHEMAS / name).read_text()))


@given(strategies.EVENTS)
def test_an_event_of_any_kind_is_as_its_schema_says(event: run_events.Event) -> None:
    data = json.loads(codec.event_to_json(event))
    validator("events.json").validate(data)
    # And not as that of any other: clients tell them by their type.
    name = type(event).__name__
    assert [
        kind.__name__
        for kind in get_args(run_events.AnyEvent)
        if validator("events.json", f"/$defs/{kind.__name__}", strict=False).is_valid(data)
    ] == [name]


@given(OPTIONS)
def test_options_as_they_are_written_are_as_their_schema_says(given_options: model.Options) -> None:
    validator("options.json").validate(json.loads(json.dumps(settings.options_to_mapping(given_options))))


def test_each_option_has_a_schema() -> None:
    assert set(options.SCHEMAS) == set(settings.OPTION_KEYS)


# The likely and the nearly right, besides anything.
GIVEN = JSON | st.sampled_from(
    [
        *(
            "claude",
            "acp:x",
            "acp:",
            "edit",
            "path",
            "now",
            "$3.00",
            "3",
            "$0",
            "1h30m",
            "90s",
            "h",
            "",
            " ",
            "none",
            "50MB",
        ),
        *("1.5 kb", "1.5B", 0, 1, 256, 257, 20, 21, True, 1.0, ["a"], ["a", ""], [3], {"A": "b"}, {"A=": "b"}),
        {"pattern": "a", "to": ""},
        [{"pattern": "a", "to": ""}],
        [{"pattern": "a"}],
        {"gpt*": {"input": 1, "output": "$2"}},
        {"gpt*": {"input": -1, "output": 2}},
        {"format": "json", "text": "a.b"},
        {"format": "xml"},
    ]
)


@given(st.sampled_from(settings.OPTION_KEYS), GIVEN)
@example("jobs", True)
@example("untracked_limit", " None ")
def test_what_an_options_schema_refuses_is_refused(key: str, value: Any) -> None:
    """The other way round it cannot be: a schema does not know what a glob or a regular expression is."""
    if validator("options.json").is_valid({key: value}):
        return
    if isinstance(value, float) and value.is_integer():
        # To a schema 1.0 is a whole number too, but nothing else that it refuses may be one.
        return
    with pytest.raises(settings.BadOption):
        settings.parse_option(key, value)


@pytest.mark.parametrize("name", COMMANDS)
@given(data=st.data())
def test_arguments_are_taken_as_their_schema_says(name: str, data: st.DataObject) -> None:
    cls = COMMANDS[name].arguments
    keys = st.sampled_from([codec.camel(one.name) for one in attrs.fields(cls)])
    likely = st.sampled_from(["x", "diff", "now", None, ["a"], {"uri": "x"}, {"items": ["x"]}, {"jobs": 3}])
    value = data.draw(st.dictionaries(keys | st.just("other"), likely | JSON, max_size=4))
    try:
        wire.read_arguments(name, [value], cls)
    except JsonRpcInvalidParams:
        taken = False
    else:
        taken = True
    # What options hold is looked at later.
    without = {**value, "options": {}} if isinstance(value.get("options"), dict) else value
    assert taken == command(name, "arguments").is_valid(without)


@pytest.mark.parametrize("name", COMMANDS)
def test_answers_come_out_as_their_schema_says(name: str) -> None:
    """Any answer of its class that can be made: each field with and without what it may hold."""
    cls = COMMANDS[name].answer
    for full in (True, False):
        made = _example(cls, full=full)
        command(name, "answer").validate(json.loads(json.dumps(codec.to_dict(made))))


def _example(kind: Any, *, full: bool) -> Any:
    if attrs.has(kind):
        fields = attrs.fields(attrs.resolve_types(kind))
        wanted = [one for one in fields if full or one.default is attrs.NOTHING]
        return kind(**{one.name: _example(one.type, full=full) for one in wanted})
    arguments = [one for one in get_args(kind) if one is not type(None)]
    if kind in {str, int, float, bool}:
        return kind(1)
    if kind is wire.Natural:
        return 1
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    if get_origin(kind) is Mapping:
        return {"jobs": 1} if full else {}
    if arguments[1:] == [...]:
        return (_example(arguments[0], full=full),)
    return arguments[0] if isinstance(arguments[0], str) else _example(arguments[0], full=full)


def test_the_default_that_a_schema_names_is_the_one_that_is_meant() -> None:
    event = codec.event_from_dict({"type": "unitsRetried", "runId": "x", "at": 1, "units": []})
    assert isinstance(event, run_events.UnitsRetried)
    schema = json.loads((SCHEMAS / "events.json").read_text())["$defs"]["UnitsRetried"]
    assert schema["properties"]["note"] == {"type": "string", "default": event.note}
    assert schema["required"] == ["type", "runId", "at", "units"]
    assert "additionalProperties" not in schema


def test_two_classes_of_one_name_are_noticed() -> None:
    @frozen
    class Finding:
        code: str

    definitions = Definitions()
    definitions.written(model.Finding)
    with pytest.raises(NoSchemaError, match="same name"):
        definitions.written(Finding)
    with pytest.raises(NoSchemaError, match="no schema"):
        definitions.written(bytes)


def test_a_class_that_is_read_is_read_by_the_same_rules() -> None:
    with pytest.raises(BaseValidationError):
        codec.from_dict({"line": 1}, model.Position)
    definitions = Definitions()
    definitions.read(model.Position)
    assert definitions.schemas["Position"]["required"] == ["line", "character"]
