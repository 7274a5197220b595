from __future__ import annotations

import subprocess
from pathlib import Path

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from fanout_server.apply.splice import TextEdit, splice
from fanout_server.apply.threeway import Choice, Conflict, Region, merge, resolve

# Few different lines, so that texts have much in common; among them such as split where a line does not end.
LINES = st.sampled_from([b"a\n", b"b\n", b"c\n", b"\n", b"d\r\n", b"\x0ce\n", b"\xff\0f\n", b"g\rh\n"])
LAST = st.sampled_from([b"", b"a", b"z\r", b"\r"])
TEXTS = st.builds(lambda lines, last: b"".join(lines) + last, st.lists(LINES, max_size=12), LAST)


@st.composite
def versions(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """A text and two edited copies of it."""
    lines = draw(st.lists(LINES, max_size=14))
    last = draw(LAST)

    def edited() -> bytes:
        mine = list(lines)
        for _ in range(draw(st.integers(0, 3))):
            start = draw(st.integers(0, len(mine)))
            end = min(len(mine), start + draw(st.integers(0, 2)))
            mine[start:end] = draw(st.lists(LINES, max_size=2))
        return b"".join(mine) + draw(st.sampled_from([last, last, last, b"", b"a"]))

    return b"".join(lines) + last, edited(), edited()


def merged(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    outcome = merge(base, ours, theirs)
    return None if isinstance(outcome, Conflict) else splice(ours, outcome)


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_a_side_that_changed_nothing_leaves_the_other(base: bytes, other: bytes) -> None:
    assert merged(base, base, other) == other
    assert merge(base, other, base) == ()
    assert merge(base, other, other) == ()


@settings(max_examples=200, deadline=None)
@given(versions())
def test_both_orders_agree(texts: tuple[bytes, bytes, bytes]) -> None:
    base, ours, theirs = texts
    assert merged(base, ours, theirs) == merged(base, theirs, ours)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_changes_that_are_apart_are_all_kept(mine: list[bool], data: st.DataObject) -> None:
    """Every third line is changed by one side or the other, by growing, shrinking or replacing it."""
    base, ours, theirs, both = [], [], [], []
    for number, is_ours in enumerate(mine):
        keep = [b"keep %d\n" % number, b"and %d\n" % number]
        old = [b"old %d\n" % number]
        new = [b"new %d\n" % number] * data.draw(st.integers(0, 3))
        base += keep + old
        ours += keep + (new if is_ours else old)
        theirs += keep + (old if is_ours else new)
        both += keep + new
    assert merged(b"".join(base), b"".join(ours), b"".join(theirs)) == b"".join(both)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=versions())
def test_as_git_merge_file(tmp_path: Path, texts: tuple[bytes, bytes, bytes]) -> None:
    base, ours, theirs = (text.replace(b"\0", b"0") for text in texts)
    for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
        (tmp_path / name).write_bytes(text)
    done = subprocess.run(
        ["git", "merge-file", "-p", "ours", "base", "theirs"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )
    mine = merged(base, ours, theirs)
    if done.returncode:
        event("git conflicts")
        assert mine is None
    else:
        event("git is clean")
        # Where git is clean, so are we: the rules are the same, no stricter.
        assert mine == done.stdout


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=versions(), choice=st.sampled_from([Choice.MINE, Choice.THEIRS]))
def test_a_choice_as_git_merge_file(tmp_path: Path, texts: tuple[bytes, bytes, bytes], choice: Choice) -> None:
    base, ours, theirs = (text.replace(b"\0", b"0") for text in texts)
    for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
        (tmp_path / name).write_bytes(text)
    side = "--ours" if choice is Choice.MINE else "--theirs"
    argv = ["git", "merge-file", "-p", side, "ours", "base", "theirs"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert splice(ours, resolve(base, ours, theirs, choice)) == done.stdout


@settings(max_examples=200, deadline=None)
@given(versions(), st.sampled_from(Choice))
def test_where_there_is_no_conflict_there_is_no_choice(texts: tuple[bytes, bytes, bytes], choice: Choice) -> None:
    base, ours, theirs = texts
    whole = merged(base, ours, theirs)
    if whole is not None:
        assert splice(ours, resolve(base, ours, theirs, choice)) == whole


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_both_holds_all_lines_of_both_in_their_order(ours: bytes, theirs: bytes) -> None:
    made = splice(ours, resolve(b"", ours, theirs, Choice.BOTH)).split(b"\n")
    for side in (ours, theirs):
        rest = iter(made)
        assert all(line in rest for line in side.split(b"\n") if line)


def test_of_both_what_is_alike_is_there_once() -> None:
    ours, theirs = b"def f():\n    mine\n    end\n", b"def f():\n    theirs\n    end\n"
    both = splice(ours, resolve(b"", ours, theirs, Choice.BOTH))
    assert both == b"def f():\n    mine\n    theirs\n    end\n"
    assert splice(b"1\nx", resolve(b"1\n2", b"1\nx", b"1\ny", Choice.BOTH)) == b"1\nx\ny"


def test_a_conflict_names_the_lines_of_ours() -> None:
    base = b"1\n2\n3\n4\n5\n6\n"
    ours = b"0\n1\nours\n3\n4\n5\n6\n"
    assert merge(base, ours, b"1\ntheirs\n3\n4\n5\n6 too\n") == Conflict((Region(4, 9),))
    assert merge(base, b"1\n3\n4\n5\n6\n", b"1\ntwo\n3\n4\n5\n6\n") == Conflict((Region(2, 2),))


def test_touching_changes_conflict_and_equal_ones_do_not() -> None:
    base = b"1\n2\n3\n4\n"
    assert isinstance(merge(base, b"1\nx\n3\n4\n", b"1\n2\ny\n4\n"), Conflict)
    assert isinstance(merge(base, b"1\nx\n2\n3\n4\n", b"1\ny\n2\n3\n4\n"), Conflict)
    assert merge(base, b"1\nx\n3\n4\n", b"1\nx\n3\nz\n") == (TextEdit(6, 8, b"z\n"),)


def test_a_missing_final_newline_is_a_change_like_any_other() -> None:
    assert merged(b"1\n2\n3", b"0\n1\n2\n3", b"1\n2\n3\n") == b"0\n1\n2\n3\n"
    assert merged(b"1\n2\n3\n", b"1\n2\n3", b"1\n2\n3\n4\n") is None


def test_big_texts_take_no_time_that_a_person_notices() -> None:
    base = [b"line %d\n" % number for number in range(20_000)]
    ours, theirs = list(base), list(base)
    for number in range(0, 20_000, 40):
        ours[number] = b"ours\n"
        theirs[number + 20] = b"theirs\n"
    both = [theirs[number] if number % 40 == 20 else line for number, line in enumerate(ours)]
    assert merged(b"".join(base), b"".join(ours), b"".join(theirs)) == b"".join(both)
