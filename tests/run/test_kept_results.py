from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanout_server.model import Severity
from fanout_server.repo.carrying import Carried
from fanout_server.repo.changes import Change
from fanout_server.review.answers import Answer, Remark
from fanout_server.run.kept_results import Kept, KeptResults
from tests.strategies import NAMES, TEXTS

OID = "a" * 40


def key(number: int) -> str:
    return f"{number:064x}-{number:064x}"


def kept(text: bytes = b"x", run: str = "r1") -> Kept:
    return Kept(run, "u", 5.0, Carried((Change("a", "M", 0o100644, 0o100644, "b" * 40, OID),), {OID: text}))


@pytest.fixture
def results(tmp_path: Path) -> KeptResults:
    return KeptResults(tmp_path / "state" / "results")


CHANGES = st.builds(Change, NAMES, st.sampled_from("AMDT"), st.just(0), st.just(0o100644), st.none(), st.just(OID))
CARRIED = st.builds(
    Carried,
    st.lists(CHANGES, max_size=3).map(tuple),
    st.dictionaries(st.text("0123456789abcdef", min_size=40, max_size=40), st.binary(max_size=50), max_size=3),
)
REMARKS = st.builds(Remark, NAMES, TEXTS, TEXTS, st.none() | st.integers(1, 9), st.sampled_from(Severity))
ANSWERS = st.builds(Answer, st.lists(REMARKS, max_size=3).map(tuple), TEXTS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.builds(Kept, TEXTS, TEXTS, st.floats(0, 1e10), st.none() | CARRIED, st.none() | ANSWERS))
def test_what_is_kept_is_read_again(results: KeptResults, what: Kept) -> None:
    results.put(key(1), what)
    assert results.get(key(1)) == what
    head = results.head(key(1))
    assert head is not None
    assert (head.run, head.answer) == (what.run, what.answer)
    assert (head.carried and head.carried.changes) == (what.carried and what.carried.changes)


def test_nothing_is_there_before_it_is_put_or_after_it_is_forgotten(results: KeptResults) -> None:
    assert results.get(key(1)) is None
    assert results.all_keys() == frozenset()
    results.forget([key(1), ""])
    results.put(key(1), kept())
    results.put(key(2), kept(run="r2"))
    results.put(key(2), kept(run="r3"))
    assert results.all_keys() == {key(1), key(2)}
    results.forget([key(1), ""])
    assert results.get(key(1)) is None
    found = results.get(key(2))
    assert found is not None
    assert found.run == "r3"


@pytest.mark.parametrize("cut", [0, 1, 60, -1])
def test_half_a_file_is_no_result(results: KeptResults, tmp_path: Path, cut: int) -> None:
    results.put(key(1), kept(b"y" * 1000))
    (path,) = (tmp_path / "state" / "results").glob("*/*")
    path.write_bytes(path.read_bytes()[:cut])
    assert results.get(key(1)) is None
    results.put(key(1), kept())
    assert results.get(key(1)) == kept()


@pytest.mark.parametrize(
    "line", [b"[]", b"{}", b"null", b'{"format": 2}', b"\xff", b'{"format": 1, "blobs": [], "sum": ""}']
)
def test_what_somebody_else_wrote_there_is_no_result(results: KeptResults, tmp_path: Path, line: bytes) -> None:
    results.put(key(1), kept())
    (path,) = (tmp_path / "state" / "results").glob("*/*")
    path.write_bytes(line + b"\n" + path.read_bytes().partition(b"\n")[2])
    assert results.get(key(1)) is None
    assert results.head(key(1)) is None


def test_what_was_used_longest_ago_goes_first(results: KeptResults, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "results"
    for number in range(4):
        results.put(key(number), kept(os.urandom(20_000)))
        os.utime(next(folder.glob(f"*/{key(number)}")), (number, number))
    assert results.get(key(0)) is not None
    results.shrink(200_000, 10.0)
    assert len(results.all_keys()) == 4
    results.shrink(60_000, 10.0)
    assert results.all_keys() == {key(0), key(3)}
    results.shrink(0, 10.0)
    assert results.all_keys() == frozenset()
    results.shrink(0, 10.0)


def test_what_a_killed_process_left_goes_too_but_not_what_is_being_written(
    results: KeptResults, tmp_path: Path
) -> None:
    results.put(key(1), kept())
    folder = next((tmp_path / "state" / "results").glob("*"))
    old, new = folder / f"{key(2)}.0000.half", folder / f"{key(3)}.0000.half"
    for path, at in ((old, 0), (new, 9000)):
        path.write_bytes(b"half")
        os.utime(path, (at, at))
    assert results.all_keys() == {key(1)}
    results.shrink(1_000_000, 10_000.0)
    assert (old.exists(), new.exists()) == (False, True)
    assert results.get(key(1)) is not None


def test_nobody_else_may_read_it(results: KeptResults, tmp_path: Path) -> None:
    results.put(key(1), kept())
    folder = tmp_path / "state" / "results"
    assert {path.stat().st_mode & 0o77 for path in (folder, *folder.glob("*"))} == {0}


@pytest.mark.parametrize("bad", ["../../etc/passwd", "", "x" * 129, f"{key(1)}/.."])
def test_only_keys_are_names_of_files(results: KeptResults, bad: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        results.get(bad)
