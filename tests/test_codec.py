"""Events and JSON: a round trip for every event, and strictness on the way back."""

from __future__ import annotations

import json

import pytest
from cattrs.errors import BaseValidationError
from hypothesis import given, settings

from fanout_server import codec, run_events
from tests.strategies import EVENTS


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_an_event_comes_back_from_json_as_it_was(event: run_events.Event) -> None:
    line = codec.event_to_json(event)
    assert codec.event_from_json(line) == event
    assert line.isascii()
    assert "\n" not in line


def test_keys_are_the_contracts() -> None:
    event = run_events.AttemptFailed("r1", 2.0, "u", 1, "it broke", retry_in=3.0)
    assert codec.event_to_dict(event) == {
        "type": "attemptFailed",
        "runId": "r1",
        "at": 2.0,
        "unit": "u",
        "attempt": 1,
        "message": "it broke",
        "retryIn": 3.0,
    }


@pytest.mark.parametrize(
    "change",
    [{"attempt": "1"}, {"attempt": True}, {"message": 3}, {"extra": 1}, {"runId": None}],
    ids=["text for a number", "bool for a number", "number for a text", "unknown key", "null"],
)
def test_what_no_version_wrote_is_refused(change: dict[str, object]) -> None:
    good = codec.event_to_dict(run_events.AttemptVerifying("r1", 2.0, "u", 1)) | {"type": "attemptVerifying"}
    bad = json.dumps({**good, "message": "m", "type": "attemptFailed", **change})
    with pytest.raises(BaseValidationError):
        codec.event_from_json(bad)
