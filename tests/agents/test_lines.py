from __future__ import annotations

import itertools
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.agents.lines import LINE_BYTES, Lines
from fanout_server.agents.output import LOG_BYTES, TAIL_BYTES
from tests.agents.running import Bench

MEGA = 1024 * 1024

# Few letters, so that line ends are common and come in all orders.
texts = st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", b"bc", b"\0", b"\xff", b"long" * 5]), max_size=40).map(
    b"".join
)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def lines(pieces: list[bytes], limit: int) -> list[bytes]:
    cutter = Lines(limit)
    return [line for piece in pieces for line in cutter.feed(piece)] + list(cutter.end())


def plainly(data: bytes, limit: int) -> list[bytes]:
    """What it is to do, said in another way."""
    ended = data.split(b"\n")
    last = ended.pop()
    return [line[:limit].removesuffix(b"\r") for line in ended + [last] * bool(last)]


@settings(max_examples=500, deadline=None)
@given(texts, st.lists(st.integers(min_value=0, max_value=1000), max_size=20), st.integers(min_value=1, max_value=30))
def test_however_it_is_cut_the_lines_are_the_same(data: bytes, at: list[int], limit: int) -> None:
    pieces = cut(data, at)
    assert b"".join(pieces) == data
    assert lines(pieces, limit) == plainly(data, limit)
    assert lines([data], limit) == plainly(data, limit)
    assert lines([bytes([byte]) for byte in data], limit) == plainly(data, limit)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=50).filter(lambda line: not set(line) & set(b"\r\n")), max_size=20))
def test_lines_come_back_whole(wanted: list[bytes]) -> None:
    assert lines([b"\n".join(wanted) + b"\n"] if wanted else [], LINE_BYTES) == wanted
    assert lines([b"\r\n".join(wanted) + b"\r\n"] if wanted else [], LINE_BYTES) == wanted


@pytest.mark.anyio
@pytest.mark.parametrize("size", [50, 400])
async def test_a_line_of_many_megabytes_takes_no_more_memory_than_a_line_may(bench: Bench, size: int) -> None:
    """On the whole way: pipe, log, tail and line. The same bound for a line eight times as long."""
    code = (
        "import sys\n"
        f"for _ in range({size}): sys.stdout.buffer.write(b'x' * {MEGA})\n"
        "sys.stdout.buffer.write(b'\\nafter\\n')"
    )
    cutter = Lines()
    found: list[bytes] = []
    program = bench.program(code)
    tracemalloc.start()
    try:
        ended = await bench.run(program, timeout=100, on_output=lambda data: found.extend(cutter.feed(data)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(len(line), line[:1]) for line in found] == [(LINE_BYTES, b"x"), (5, b"a")]
    assert ended.output_bytes == size * MEGA + 7
    assert peak < 4 * LINE_BYTES
    # What is kept of it for people is bounded, too: the beginning, the end, and two lines that say so.
    assert LOG_BYTES < os.path.getsize(bench.log) < LOG_BYTES + TAIL_BYTES + 200  # noqa: PTH202, ASYNC240 - once
    assert ended.tail.endswith(b"x\nafter\n")
