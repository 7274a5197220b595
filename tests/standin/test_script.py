"""The lines of a prompt that are for the stand-in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.standin import script
from tests.standin.script import Answer, Read, Refusal, Run, Say, Script, UnreadableScriptError, Use, Write

_TEXTS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))
_PATHS = _TEXTS.filter(lambda path: " = " not in f"{path} ")
_NUMBERS = st.integers(0, 10**6)
_MOVES = st.one_of(
    st.builds(Read, _TEXTS),
    st.builds(Write, _PATHS, _TEXTS.map(lambda text: f"{text}\n")),
    st.builds(Run, _TEXTS),
    st.builds(Answer, _TEXTS),
    st.builds(Say, _TEXTS),
)
_REFUSALS = st.builds(Refusal, st.integers(400, 599), st.none() | _NUMBERS, st.none() | _NUMBERS)
_SCRIPTS = st.builds(
    Script,
    st.lists(_MOVES).map(tuple),
    st.builds(Use, _NUMBERS, _NUMBERS),
    st.none() | _REFUSALS,
    _NUMBERS,
    st.booleans(),
)


@given(_SCRIPTS, _TEXTS)
def test_what_is_told_in_lines_is_read_from_a_prompt(told: Script, other: str) -> None:
    assert script.parse(f"{other.removeprefix('standin: ')}\n{script.render(told)}\nmore") == told


def test_a_prompt_without_lines_is_answered_in_words() -> None:
    assert script.parse("Write tests. The standin: say no") == Script()
    assert Script().move(0) == Script().move(3) == Say("Done.")


@pytest.mark.parametrize(
    "line", ["standin: dance", "standin: refuse", "standin: refuse 42", "standin: use much", "standin: use 1"]
)
def test_a_line_that_means_nothing_is_refused(line: str) -> None:
    with pytest.raises(UnreadableScriptError):
        script.parse(line)
