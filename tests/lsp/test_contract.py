"""``docs/protocol.md`` says what the code does, key by key, and nothing else.

A change to a command, its argument or answer, an option, an event, a state or a finding's code fails here until the
document has it too; and what only the document has fails as well.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

import fanout_server
from fanout_server import codec, model, run_events, settings
from fanout_server.lsp import answers, wire
from fanout_server.lsp.commands import COMMANDS
from fanout_server.schema import options

PACKAGE = Path(fanout_server.__file__).parent
DOCUMENT = (PACKAGE.parent / "docs" / "protocol.md").read_text()

Shape = dict[str, tuple[bool, Any]]
"""Of each key: whether it may be left out, and what it holds: a shape, a list of one, or words."""

_TOKEN = re.compile(r"\{|\}|\[|\]|,|:|\?|\\?\||[A-Za-z0-9-]+")
_CODE = re.compile(r"(?:plan|preflight|base|unit|merge|check|apply|run|review)/[a-z-]+")


def section(heading: str) -> str:
    """The text below a heading, up to the next of its level or above."""
    level = heading.split(" ", maxsplit=1)[0]
    begin = DOCUMENT.index(f"\n{heading}\n")
    rest = DOCUMENT[begin + len(heading) + 2 :]
    end = re.search(rf"^#{{1,{len(level)}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table that begins with this head."""
    lines = text[text.index(head) :].split("\n")[2:]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def shapes(text: str) -> list[Shape]:
    """The ``{...}`` among the words of a text."""
    return [parse(word) for word in words(text) if word.startswith("{")]


def parse(text: str) -> Shape:
    tokens = _TOKEN.findall(text)
    shape, rest = _parse(tokens)
    assert not rest, text
    assert isinstance(shape, dict)
    return shape


def _parse(tokens: list[str]) -> tuple[Any, list[str]]:
    first, *tokens = tokens
    if first == "[":
        inner, tokens = _parse(tokens)
        assert tokens[0] == "]"
        return [inner], tokens[1:]
    if first != "{":
        alternatives = [first]
        while tokens and tokens[0].endswith("|"):
            alternatives.append(tokens[1])
            tokens = tokens[2:]
        return alternatives, tokens
    shape: Shape = {}
    while tokens[0] != "}":
        key, *tokens = tokens
        optional = tokens[0] == "?"
        tokens = tokens[1:] if optional else tokens
        holds: Any = None
        if tokens[0] == ":":
            holds, tokens = _parse(tokens[1:])
        shape[key] = (optional, holds)
        tokens = tokens[1:] if tokens[0] == "," else tokens
    return shape, tokens[1:]


def compare(shape: Shape, cls: type, *, without: frozenset[str] = frozenset()) -> None:
    """Each key, whether it may be left out, and what is written of what it holds."""
    fields = {codec.key(cls, one.name): one for one in attrs.fields(attrs.resolve_types(cls))}
    assert set(shape) == set(fields) - without, cls
    for key, (optional, holds) in shape.items():
        assert optional == (fields[key].default is not attrs.NOTHING), f"{cls.__name__}.{key}"
        _compare_inner(holds, fields[key].type, f"{cls.__name__}.{key}")


def _compare_inner(holds: Any, kind: Any, place: str) -> None:
    inner = [one for one in get_args(kind) if one not in {type(None), Ellipsis}]
    if isinstance(holds, list) and len(holds) == 1 and isinstance(holds[0], list | dict):
        assert getattr(kind, "__origin__", None) is tuple, place
        _compare_inner(holds[0], inner[0], place)
    elif isinstance(holds, dict):
        compare(holds, kind if attrs.has(kind) else inner[0])
    elif isinstance(holds, list) and len(holds) > 1:
        assert tuple(holds) == get_args(kind), place


def commands() -> list[list[str]]:
    return rows(section("## Commands"), "| command |")


def test_the_commands_are_all_there_in_their_order() -> None:
    assert [words(row[0])[0] for row in commands()] == list(COMMANDS)


@pytest.mark.parametrize("row", commands(), ids=lambda row: words(row[0])[0])
def test_a_commands_argument(row: list[str]) -> None:
    cls = COMMANDS[words(row[0])[0]].arguments
    found = shapes(row[1])
    if len(found) == 1:
        compare(found[0], cls)
    # Of several, each holds some of the keys, and they exclude each other.
    assert set().union(*found) == {codec.camel(one.name) for one in attrs.fields(cls)}
    for one in attrs.fields(attrs.resolve_types(cls)):
        if isinstance(one.type, type) and issubclass(one.type, StrEnum):
            assert {word for word in words(row[1]) if word.isalpha()} >= set(one.type)


def test_what_a_command_answers() -> None:
    before: Shape = {}
    for row in commands():
        name = words(row[0])[0]
        shape = before if row[2].startswith("the same") else shapes(row[2])[0]
        compare(shape, COMMANDS[name].answer)
        before = shape


@pytest.mark.parametrize(
    ("noun", "cls"),
    [("finding", answers.Finding), ("run", answers.Run), ("unit", answers.Unit), ("disk", answers.Disk)],
)
def test_the_nouns_of_the_answers(noun: str, cls: type) -> None:
    said = re.search(rf"\*{noun}\*\s+is\s+`(\{{[^`]*\}})`", section("## Commands"))
    assert said is not None
    compare(parse(said[1]), cls)


def test_tokens_and_the_kinds_of_failures() -> None:
    text = section("## Commands")
    tokens = re.search(r"`tokens` are `(\{[^`]*\})`", text)
    assert tokens is not None
    compare(parse(tokens[1]), model.Tokens)
    kinds = re.search(r"`kind` says why a\s+unit failed \(([^)]*)\)", text)
    assert kinds is not None
    assert words(kinds[1]) == list(model.FailureKind)


def test_a_selection_has_the_keys_that_are_described() -> None:
    said = re.search(r"^- `selection` is (.*?)\.\s", section("## Commands"), re.MULTILINE | re.DOTALL)
    assert said is not None
    found = [re.findall(r"[{,] ?([a-z]+)\??(?=[,:}])", word) for word in words(said[1])]
    assert {key for one in found for key in one} == {one.name for one in attrs.fields(wire.Selection)}


@pytest.mark.parametrize(("head", "cls"), [("| run |", model.RunState), ("| unit |", model.UnitState)])
def test_the_states(head: str, cls: type[model.RunState | model.UnitState]) -> None:
    assert {word for row in rows(section("### States"), head) for word in words(row[0])} == set(cls)


def test_the_events_and_their_fields() -> None:
    table = {words(row[0])[0]: shapes(row[1])[0] for row in rows(section("### Events"), "| type |")}
    kinds: tuple[type[run_events.Event], ...] = get_args(run_events.AnyEvent)
    assert list(table) == [codec.event_type(kind) for kind in kinds]
    for kind in kinds:
        compare(table[codec.event_type(kind)], kind, without=frozenset({"runId", "at"}))
    assert {"type", "runId", "at"} <= set(words(section("### Events")))


def test_the_option_keys_and_their_words() -> None:
    table = rows(section("## Options"), "| key |")
    keys = [word for row in table for word in words(row[0])]
    assert sorted(keys) == sorted(settings.OPTION_KEYS)
    for row in table:
        for key in words(row[0]):
            missing = set(_enumerated(options.SCHEMAS[key])) - set(words(row[1]))
            assert not missing, f"{key}: {missing}"


def _enumerated(schema: dict[str, Any]) -> Iterator[str]:
    yield from schema.get("enum", ())
    for one in schema.get("anyOf", ()):
        yield from _enumerated(one)


def test_the_keys_of_what_a_command_prints() -> None:
    table = rows(section("### What a command prints"), "| key |")
    assert {word for row in table for word in words(row[0])} == {one.name for one in attrs.fields(model.CommandOutput)}


def test_the_codes_of_findings() -> None:
    documented: list[str] = []
    for row in rows(section("## Findings"), "| code |"):
        room = ""
        for word in words(row[0]):
            room = word.split("/")[0] if "/" in word else room
            documented.append(word if "/" in word else f"{room}/{word}")
    # Those of the project's own tools are theirs; no page of ours has such a name.
    assert documented.count("check/TOOL:CODE") == 1
    documented.remove("check/TOOL:CODE")
    assert sorted(documented) == sorted(set(_codes()))


def _codes() -> Iterator[str]:
    """Every text in the code that is one. One that is put together from parts would escape, so none may be."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
                yield node.value
            assert not (isinstance(node, ast.JoinedStr) and _begins_as_code(node)), f"{path}:{node.lineno}"


def _begins_as_code(node: ast.JoinedStr) -> bool:
    first = node.values[0] if node.values else None
    return (
        isinstance(first, ast.Constant)
        and isinstance(first.value, str)
        and re.match(r"(?:plan|preflight|base|unit|merge|apply|review)/", first.value) is not None
    )
