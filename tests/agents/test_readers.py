"""Readers meet anything: they never raise, and report no success that was not told as the last word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.agents.base import Agent
from fanout_server.agents.claude import Claude
from fanout_server.agents.codex import Codex
from fanout_server.agents.json_lines import parse
from fanout_server.agents.process import Ended, Reason
from tests.agents.outcomes import FIXTURES, lines, play, task

AGENTS: dict[str, Agent] = {"claude": Claude(), "codex": Codex()}
LAST_WORD = {"claude": "result", "codex": "turn.completed"}
PRINTED = {name: [lines(path.name) for path in sorted(FIXTURES.glob(f"{name}_*.jsonl"))] for name in AGENTS}

ODD: st.SearchStrategy[object] = st.sampled_from(
    ["", "-", "error", "success", "result", "\ud800", 10**400, -1, 1e308, True, None, [], {}]
)
ODDITIES: list[object] = [None, "x", 10**400, [1], [[]], {"x": 1}]
JSON = st.recursive(
    ODD | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Of all that lies in some JSON."""
    below: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [here, *(path for key, inner in below for path in paths(inner, (*here, key)))]


def replaced(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    if isinstance(value, dict):
        return {key: replaced(inner, path[1:], new) if key == path[0] else inner for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, path[1:], new) if at == path[0] else inner for at, inner in enumerate(value)]
    return value


@st.composite
def mutated(draw: st.DrawFn, line: bytes) -> bytes:
    """A line with a value exchanged for some other, cut off, or with rubbish in it."""
    match draw(st.integers(0, 3)):
        case 0:
            told = json.loads(line)
            return json.dumps(replaced(told, draw(st.sampled_from(paths(told))), draw(JSON))).encode()
        case 1:
            return line[: draw(st.integers(0, len(line)))]
        case 2:
            at = draw(st.integers(0, len(line)))
            return line[:at] + draw(st.binary(max_size=4)) + line[at:]
        case _:
            return line


@st.composite
def printed(draw: st.DrawFn, name: str) -> list[bytes]:
    """Some of what was really printed: out of order, changed, cut off anywhere."""
    real = draw(st.sampled_from(PRINTED[name]))
    chosen = draw(st.permutations(real)) if draw(st.booleans()) else real
    changed = [draw(mutated(line)) for line in chosen]
    return changed[: draw(st.integers(0, len(changed)))]


ENDS = st.builds(
    Ended,
    exit=st.none() | st.integers(0, 255),
    signal=st.none() | st.integers(1, 64),
    reason=st.sampled_from(get_args(Reason)),
    message=st.just("ended"),
    tail=st.binary(max_size=20),
)


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("schema", [None, Path("/nowhere/schema.json")], ids=["edit", "schema"])
@given(data=st.data())
def test_what_was_printed_is_changed_at_will(name: str, schema: Path | None, data: st.DataObject) -> None:
    heard = data.draw(printed(name))
    reader = AGENTS[name].reader(task(schema=schema))
    play(reader, heard)
    verdict = reader.verdict(data.draw(ENDS))
    told = [one for one in map(parse, heard) if one is not None and one.get("type") == LAST_WORD[name]]
    assert told or not verdict.ok
    assert verdict.answer is None or schema is not None
    assert verdict.cost is None or 0 <= verdict.cost < float("inf")


@pytest.mark.parametrize("name", AGENTS)
@given(told=st.lists(st.dictionaries(st.sampled_from(["type", "subtype", "message", "item", "error", "x"]), JSON)))
def test_json_of_any_shape(name: str, told: list[dict[str, object]]) -> None:
    reader = AGENTS[name].reader(task())
    play(reader, [json.dumps(one).encode() for one in told])
    assert not reader.verdict(Ended(1, None, "exited", "ended")).ok or any(
        one.get("type") == LAST_WORD[name] for one in told
    )


@pytest.mark.parametrize("name", AGENTS)
@given(heard=st.lists(st.binary(max_size=40)))
def test_rubbish(name: str, heard: list[bytes]) -> None:
    reader = AGENTS[name].reader(task())
    assert play(reader, [line for line in heard if b"patch rejected" not in line]) == []
    assert not reader.verdict(Ended(0, None, "exited", "ended")).ok


@pytest.mark.parametrize("name", AGENTS)
def test_no_beginning_of_a_success_is_one(name: str) -> None:
    whole = lines(f"{name}_ok.jsonl")
    for count in range(len(whole)):
        reader = AGENTS[name].reader(task())
        play(reader, whole[:count])
        assert not reader.verdict(Ended(0, None, "exited", "ended")).ok


@pytest.mark.parametrize("name", AGENTS)
def test_every_value_may_be_of_another_type(name: str) -> None:
    for line in sorted({line for real in PRINTED[name] for line in real[1:]}):
        told = json.loads(line)
        for path in paths(told):
            for odd in ODDITIES:
                reader = AGENTS[name].reader(task())
                play(reader, [json.dumps(replaced(told, path, odd)).encode(), line])
                reader.verdict(Ended(0, None, "exited", "ended"))
