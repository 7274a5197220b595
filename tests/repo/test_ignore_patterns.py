"""Nothing that git ignores is taken for certain not to be ignored, and most of the rest is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.repo.ignore_patterns import may_match
from fanout_server.repo.repository import Repository
from tests.conftest import GitCommand

_USUAL = b"*.py[cod]\n__pycache__/\n/build/\nnode_modules\n*.log\n.vscode/*\n!.vscode/settings.json\ndocs/**/out\n# *\n"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/new.py", False),
        ("src/new.pyc", True),
        ("src/__pycache__/new.py", True),
        ("BUILD/", True),
        ("src/buildings/x", False),
        ("web/node_modules/", True),
        ("a.log", True),
        ("a.log.txt", False),
        (".vscode/other", True),
        ("docs/a/b/out/", True),
        ("docs/a/b/other", True),  # by its longest part
        ("src/a/out", False),
    ],
)
def test_what_may_be_ignored(path: str, expected: bool) -> None:
    assert may_match([_USUAL], os.fsencode(path)) is expected


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b"\xef\xbb\xbffirst\n", "first"),
        (b"one\r\ntwo\r\n", "one"),
        (b"spaces   \n", "spaces"),
        (b"meant\\ \n", "meant "),
        (b"\\#hash\n", "#hash"),
        (b"\\!bang\n", "!bang"),
        (b"[[:alpha:]]x\n", "ax"),
        (b"a[]-]b\n", "a]b"),
        (b"a[!x]b\n", "ayb"),
        (b"a[\\]]b\n", "a]b"),
        (b"*\n!*.py\n", "x.c"),
        (b"**/deep\n", "a/b/deep"),
        (b"deep/**\n", "deep/a/b"),
        (b"a?c", "abc"),
        ("ä*".encode(), "ähnlich"),
    ],
)
def test_git_ignores_it_and_it_is_not_missed(
    checkout: Path, repo: Repository, git: GitCommand, text: bytes, path: str
) -> None:
    (checkout / ".gitignore").write_bytes(text)
    assert git(checkout, "check-ignore", "--no-index", path)
    assert may_match([text], os.fsencode(path))


_PIECES = st.sampled_from(
    ["a", "b", "A", "*", "**", "?", "[ab]", "[!a]", "[^b-c]", "[]a]", "[", "\\", "\\*", " ", ".", "!", "#"]
)
_PATTERN = st.lists(st.lists(_PIECES, min_size=1, max_size=4).map("".join), min_size=1, max_size=3).map("/".join)
_PATH = st.lists(
    st.text("abA.* []!#", min_size=1, max_size=3).filter(lambda part: part not in {".", ".."}), min_size=1, max_size=3
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.tuples(st.sampled_from(["", "/"]), _PATTERN, st.sampled_from(["", "/", " ", "\r"])).map("".join)),
    paths=st.lists(_PATH.map("/".join), min_size=1, max_size=30),
)
def test_nothing_that_git_ignores_is_missed(
    checkout: Path, repo: Repository, lines: list[str], paths: list[str]
) -> None:
    text = "\n".join(lines).encode()
    (checkout / ".gitignore").write_bytes(text)
    asked = b"".join(path.encode() + b"\0" for path in paths)
    told = repo.git("check-ignore", "--no-index", "-z", "--stdin", input=asked, check=False).out
    for name in told.split(b"\0"):
        assert not name or may_match([text], name)
