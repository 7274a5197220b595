from __future__ import annotations

import time

import pathspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.planning import globs


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("src/*.ts", "src/a.ts", True),
        ("src/*.ts", "src/x/a.ts", False),
        ("src/**/*.ts", "src/a.ts", True),
        ("src/**/*.ts", "src/x/y/a.ts", True),
        ("src/**/*.ts", "lib/src/a.ts", False),
        ("**/*.ts", "a.ts", True),
        ("**/**/a.ts", "x/a.ts", True),
        ("src/**", "src/a/b", True),
        ("src/**", "src", False),
        ("**", "a/b", True),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[a-c]x[!d]", "axe", True),
        ("[a-c]x[^d]", "axd", False),
        ("[!a]", "/", False),
        ("[]a]", "]", True),
        ("[a", "[a", True),
        ("*a*b*c", "xxaxbxc", True),
        ("*a*b*c", "xxbxaxc", False),
        ("a**b", "axxb", True),
        ("a**b", "ax/xb", False),
        ("*.{ts,tsx}", "a.tsx", True),
        ("{a,{b,c}d}.x", "cd.x", True),
        ("{a}.x", "{a}.x", True),
        ("\\*.x", "*.x", True),
        ("\\*.x", "a.x", False),
        ("a\nb*", "a\nbc", True),
        (".*", ".env", True),
        ("*", ".env", True),
    ],
)
def test_matching(glob: str, path: str, *, matches: bool) -> None:
    assert (globs.compile_glob(glob).fullmatch(path) is not None) is matches


@settings(max_examples=200, deadline=None)
@given(
    st.text(st.sampled_from("ab*?[]{}!\\-^ ,/é"), min_size=1, max_size=12),
    st.text(st.sampled_from("ab*[]\\ /"), max_size=8),
)
def test_any_glob_compiles_and_an_escaped_path_matches_itself_alone(path: str, other: str) -> None:
    globs.compile_glob(path)
    escaped = globs.compile_glob(globs.escape(path)) if "{" not in path else None
    if escaped is not None:
        assert escaped.fullmatch(path)
        assert (escaped.fullmatch(other) is not None) is (path == other)


@pytest.mark.parametrize("name", ["a*b", "a?b", "[slug]", "a\\b", "trailing ", "two  ", "!x", "#x", "{a,b}", "a\tb"])
def test_an_escaped_path_matches_itself_for_gitignore(name: str) -> None:
    spec = pathspec.GitIgnoreSpec.from_lines(["/" + globs.escape(f"src/{name}")])
    assert spec.match_file(f"src/{name}")
    assert not spec.match_file("src/axb")


def test_many_stars_take_no_exponential_time() -> None:
    begun = time.monotonic()
    assert globs.compile_glob("*a" * 40 + "/**/" * 10 + "b").fullmatch("a" * 250 + "/x" * 30) is None
    assert time.monotonic() - begun < 5


def test_too_many_alternatives_are_refused() -> None:
    with pytest.raises(globs.TooManyAlternatives, match="more than 1000"):
        globs.compile_glob("{a,b}" * 12)
