from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fanout_server import ownership
from fanout_server.run import integrate

_WORDS = st.sampled_from(["a", "b", "a.b", "*", "**", "a*", "[ab]", "!a", "#a", "a ", " a", "\\a", "?", "..", "é"])
_PATHS = st.lists(_WORDS, min_size=1, max_size=3).map("/".join)
_GLOBS = st.one_of(_PATHS, _PATHS.map("/{}".format), _PATHS.map("{}/".format), st.just(""))


@given(globs=st.lists(_GLOBS, max_size=3), paths=st.lists(_PATHS, max_size=5))
def test_what_is_owned_by_name_is_owned_as_a_glob(globs: list[str], paths: list[str]) -> None:
    spec = ownership.owns(globs)
    assert integrate.not_owned(globs, paths) == [path for path in paths if not spec.match_file(path)]
