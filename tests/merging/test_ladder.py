from __future__ import annotations

from collections.abc import Iterator

import pytest

from fanout_server.merging import lines
from fanout_server.merging.ladder import Ladder
from fanout_server.repo.unmerged import Settled

_BASE = b"import os\n"
_OURS = b"import os\nimport re\n"
_THEIRS = b"import os\nimport sys\n"
_MERGED = b"import os\nimport re\nimport sys\n"


@pytest.fixture(scope="module")
def ladder() -> Iterator[Ladder]:
    with Ladder() as one:
        yield one


def test_by_syntax_in_a_process_of_its_own(ladder: Ladder) -> None:
    assert ladder.climb("a.py", _BASE, _OURS, _THEIRS) == Settled(_MERGED, "syntax", "high")


def test_the_same_needs_no_process() -> None:
    assert Ladder().climb("a.bin", b"\0", b"\0\1", b"\0\1") == Settled(b"\0\1", "same", "high")


def test_line_ends_and_marks_are_ours(ladder: Ladder) -> None:
    ours = b"\xef\xbb\xbf" + _OURS.replace(b"\n", b"\r\n")
    settled = ladder.climb("a.py", _BASE, ours, _THEIRS)
    assert settled is not None
    assert settled.data == b"\xef\xbb\xbf" + _MERGED.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("a.py", b"\xff" + _OURS),
        ("a.py", _OURS + b"\0"),
        ("a.py", _OURS + b"x = 1\r\n"),
        ("a.py", _OURS + b"x = 1\r"),
        ("a.py", _OURS + b"# " + b"x" * 1024 * 1024),
        ("package-lock.json", b'{"a": 1}'),
        ("sub/Cargo.lock", _OURS),
    ],
    ids=["no UTF-8", "binary", "line ends of two kinds", "a bare return", "too large", "npm's", "cargo's"],
)
def test_what_is_left(ladder: Ladder, path: str, ours: bytes) -> None:
    assert ladder.climb(path, _BASE, ours, _THEIRS) is None


def test_garbage_and_depth_stay_conflicts(ladder: Ladder) -> None:
    deep = b"[" * 50_000
    assert ladder.climb("a.json", b"", deep + b"1", deep + b"2") is None
    assert ladder.climb("a.py", b"x = " + deep, b"x = " + deep + b"1", b"x = " + deep + b"2") is None
    # And the next file is merged as ever.
    assert ladder.climb("a.py", _BASE, _OURS, _THEIRS) is not None


def test_lines_beside_those_that_went() -> None:
    assert lines.merge_beside(b"- a\n- c\n", b"- a\n- c\n- d\n", b"- a\n") == b"- a\n- d\n"
    assert lines.merge_beside(b"- c\n", b"- b\n- c\n", b"") == b"- b\n"
    assert lines.merge_beside(b"- c\n", b"- x\n", b"") is None
    assert lines.merge_beside(b"\xff", b"", b"") is None
