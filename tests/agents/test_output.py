from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.agents.output import TAIL_BYTES, Output, last_line


def feed(path: Path, pieces: list[bytes], limit: int) -> Output:
    heard: list[bytes] = []
    output = Output(path, heard.append, limit)
    output.open()
    for piece in pieces:
        output.take(piece)
        if output.wants_log:
            output.log(piece)
    output.close()
    assert heard == pieces
    assert output.size == sum(map(len, pieces))
    return output


def test_what_fits_is_logged_as_it_is(tmp_path: Path) -> None:
    output = feed(tmp_path / "log", [b"a\n", b"\x00\xff"], 4)
    assert (
        tmp_path / "log"
    ).read_bytes() == b"a\n\x00\xff\n[fanout: the log is full at 4 bytes; only the end of the output follows]\n"
    assert output.tail == b"a\n\x00\xff"


def test_a_log_below_its_limit_has_nothing_added(tmp_path: Path) -> None:
    feed(tmp_path / "log", [b"abc"], 4)
    assert (tmp_path / "log").read_bytes() == b"abc"


def test_what_the_end_covers_is_not_left_out(tmp_path: Path) -> None:
    feed(tmp_path / "log", [b"abc", b"defg"], 4)
    head, full, left, tail = (tmp_path / "log").read_bytes().split(b"\n")
    assert (head, left, tail) == (b"abcd", b"[fanout: 0 bytes left out]", b"efg")
    assert b"full at 4 bytes" in full


def test_the_end_of_a_flood_is_kept(tmp_path: Path) -> None:
    block = bytes(range(256)) * 256
    output = feed(tmp_path / "log", [block] * 10 + [b"END"], 1000)
    log = (tmp_path / "log").read_bytes()
    assert log.startswith(block[:1000] + b"\n[fanout")
    assert output.tail == (block + b"END")[-TAIL_BYTES:]
    left_out = 10 * len(block) + 3 - 1000 - TAIL_BYTES
    assert log.endswith(b"[fanout: %d bytes left out]\n" % left_out + output.tail)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=3 * TAIL_BYTES), max_size=8))
def test_the_tail_is_the_end_of_all(pieces: list[bytes]) -> None:
    output = Output(Path("unused"), lambda _: None)
    for piece in pieces:
        output.take(piece)
    assert output.tail == b"".join(pieces)[-TAIL_BYTES:]


def test_a_late_open_after_the_close_opens_nothing(tmp_path: Path) -> None:
    output = Output(tmp_path / "log", lambda _: None)
    output.close()
    output.open()
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (b"", ""),
        (b"\n\n  \n", ""),
        (b"one\ntwo\n", "two"),
        (b"one\r\ntwo\r\n\r\n", "two"),
        (b"10%\r20%\r", "20%"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07text\x1b[K\n\x1b[0m", "red text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"a\tb\x00\x07c", "a bc"),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        ("x\u202egnp.exe".encode(), "xgnp.exe"),
        (b"x" * 300, "x" * 199 + "…"),
    ],
)
def test_last_line(said: bytes, line: str) -> None:
    assert last_line(said) == line


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_the_last_line_is_one_printable_line(said: bytes) -> None:
    line = last_line(said)
    assert len(line) <= 200
    assert not set(line) & {chr(code) for code in [*range(32), *range(127, 160)]}
