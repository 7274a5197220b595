"""Objects of JSON, merged as texts and as values: whatever is merged as a text is what the values come to."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from fanout_server.merging import rungs

_KEYS = st.sampled_from("abcdef")
_OBJECTS = st.recursive(
    st.dictionaries(_KEYS, st.integers(0, 3), max_size=4),
    lambda inner: st.dictionaries(_KEYS, inner | st.integers(0, 3), max_size=4),
    max_leaves=6,
)
_GONE = object()


class _Clash(Exception):
    """Both changed one value, each in its way."""


def _merged(base: Any, ours: Any, theirs: Any) -> Any:
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    sides = (base, ours, theirs)
    if not all(isinstance(side, dict) for side in sides):
        raise _Clash
    found = {key: _merged(*(side.get(key, _GONE) for side in sides)) for key in {**base, **ours, **theirs}}
    return {key: value for key, value in found.items() if value is not _GONE}


def _changed(base: Any, change: Any) -> Any:
    """``change`` laid over it; a 0 takes out."""
    if not (isinstance(base, dict) and isinstance(change, dict)):
        return change
    found = {key: _changed(base.get(key), change[key]) if key in change else base[key] for key in {**base, **change}}
    return {key: value for key, value in found.items() if value != 0}


@given(base=_OBJECTS, mine=_OBJECTS, other=_OBJECTS, indent=st.sampled_from([None, 2]))
def test_texts_are_merged_as_values_are(base: Any, mine: Any, other: Any, indent: int | None) -> None:
    ours, theirs = _changed(base, mine), _changed(base, other)
    texts = [json.dumps(side, indent=indent) + "\n" for side in (base, ours, theirs)]
    answer = rungs.answer("a.json", *texts)
    try:
        expected = _merged(base, ours, theirs)
    except _Clash:
        event("does not fit")
        assert answer is None
        return
    event("left" if answer is None else f"merged by {answer[1]}")
    assert answer is None or json.loads(answer[0]) == expected
