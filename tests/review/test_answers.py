"""Answers of reviewers: what is taken, and of what is said that it cannot be."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.model import Severity
from fanout_server.review import answers
from fanout_server.review.answers import Answer, NoAnswer

ENTRY = {
    "file": "src/a.py",
    "quote": "x = 1",
    "line_hint": 3,
    "severity": "warning",
    "category": "correctness",
    "message": "It is wrong.",
    "related_units": ["b"],
    "replacement": "x = 2",
    "confidence": 0.9,
}
WHOLE = {"summary": "Fine.", "findings": [ENTRY]}


def test_the_form_that_is_asked_for_is_read_in_full() -> None:
    jsonschema.validate(WHOLE, answers.SCHEMA)
    (remark,) = answers.read(json.dumps(WHOLE)).remarks
    assert (remark.file, remark.quote, remark.line_hint, remark.severity) == ("src/a.py", "x = 1", 3, Severity.WARNING)
    assert (remark.message, remark.related_units, remark.replacement) == ("It is wrong.", ("b",), "x = 2")
    assert (remark.category, remark.confidence) == ("correctness", 0.9)


@pytest.mark.parametrize(
    "said",
    [
        json.dumps(WHOLE),
        f"Here it is:\n```json\n{json.dumps(WHOLE, indent=2)}\n```\nI hope {{this}} helps.",
        f"if (x) {{ y }} {json.dumps({'findings': []})}\n{json.dumps(WHOLE)}",
        json.dumps([ENTRY]),
        json.dumps({"structured_output": WHOLE}),
    ],
)
def test_prose_and_fences_do_not_matter_and_the_last_answer_counts(said: str) -> None:
    assert [remark.message for remark in answers.read(said).remarks] == ["It is wrong."]


@pytest.mark.parametrize(
    "said", ["", " \n", "All is well.", "{}", '{"findings": 3}', '{"findings": [', "[" * 5000, '{"a":' * 5000]
)
def test_what_is_no_answer_is_refused(said: str) -> None:
    with pytest.raises(NoAnswer):
        answers.read(said)


def test_too_long_an_answer_is_refused() -> None:
    with pytest.raises(NoAnswer, match="longer"):
        answers.read(" " * (answers.LONGEST + 1))


def test_entries_that_say_nothing_are_dropped_and_told() -> None:
    found = answers.read(json.dumps({"findings": [3, {**ENTRY, "file": ""}, {**ENTRY, "message": [1]}, ENTRY]}))
    assert len(found.remarks) == 1
    assert found.dropped == ("Finding 1 is no object.", "Finding 2 names no file.", "Finding 3 has no message.")


def test_wrong_types_are_left_out_of_an_entry() -> None:
    odd = {"file": "a", "message": "m\x1b[31m\ud800", "line_hint": -1, "severity": "Critical", "category": 3}
    odd |= {"related_units": "b", "replacement": {"x": 1}, "confidence": 90, "quote": None}
    (remark,) = answers.read(json.dumps({"findings": [odd]})).remarks
    assert (remark.message, remark.line_hint, remark.severity, remark.category) == (
        "m[31m?",
        None,
        Severity.ERROR,
        "other",
    )
    assert (remark.related_units, remark.replacement, remark.confidence, remark.quote) == ((), None, 0.9, "")


def test_sizes_are_capped() -> None:
    many = [{**ENTRY, "message": f"{number} " + "x" * 5_000} for number in range(answers.MOST + 7)]
    found = answers.read(json.dumps({"summary": "s" * 10_000, "findings": many}))
    assert len(found.remarks) == answers.MOST
    assert max(len(remark.message) for remark in found.remarks) <= 2_000
    assert len(found.summary) <= 4_000
    assert "7 findings more" in found.dropped[-1]
    (cut,) = answers.read(json.dumps({"findings": [{**ENTRY, "replacement": "y" * 30_000}]})).remarks
    assert cut.replacement is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*ENTRY, "findings", "summary"]), inner),
)


@given(JSON)
def test_any_json_is_an_answer_or_is_refused(value: object) -> None:
    try:
        found = answers.read(json.dumps({"findings": [value]}))
    except NoAnswer:
        return
    assert isinstance(found, Answer)
    for remark in found.remarks:
        remark.message.encode()
        assert remark.file
