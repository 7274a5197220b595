from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout_server.agents import merging
from fanout_server.agents.merging import Merged
from fanout_server.agents.process import Pipe, run_program
from tests.agents.running import Bench

pieces = st.lists(st.tuples(st.booleans(), st.sampled_from([b"a", b"bb", b"\n", b"c\nd", b"\n\n"])), max_size=40)


@given(pieces)
def test_no_line_is_broken_and_nothing_is_lost(told: list[tuple[bool, bytes]]) -> None:
    """The first stream in small letters, the second one in capitals."""
    merged = Merged()
    out = b"".join(merged.first(data) if first else merged.second(data.upper()) for first, data in told) + merged.end()
    first = b"".join(data for is_first, data in told if is_first)
    second = b"".join(data.upper() for is_first, data in told if not is_first)
    lines = out.split(b"\n")
    for line in lines:
        assert line in {line.lower(), line.upper()}, "a line of both"
    assert [line for line in lines if line.islower()] == [line for line in first.split(b"\n") if line]
    assert [line for line in lines if line.isupper()] == [line for line in second.split(b"\n") if line]


def test_what_waits_is_bounded() -> None:
    merged = Merged()
    assert merged.first(b"begun") == b"begun"
    for _ in range(100):
        assert merged.second(b"x" * 9_999 + b"\n") == b""
    waited = merged.first(b"done\n").removeprefix(b"done\n")
    assert 0 < len(waited) <= merging._MOST
    assert waited.endswith(b"xxx\n")


@pytest.mark.anyio
async def test_a_program_that_complains_while_it_speaks(bench: Bench) -> None:
    """A line longer than a pipe holds, and complaints of a thread of its own all the while."""
    code = (
        "import os, sys, threading\n"
        "def complain():\n for _ in range(2000): os.write(2, b'oh dear\\n')\n"
        "thread = threading.Thread(target=complain)\n"
        "thread.start()\n"
        "for _ in range(20):\n"
        " line = b'y' * 300_000 + b'\\n'\n"
        " while line: line = line[os.write(1, line[:5000]):]\n"
        "thread.join()\n"
        "os.write(2, b'at last')"
    )

    async def talk(pipe: Pipe) -> None:
        await pipe.write(b"hello\n")

    heard = bytearray()
    ended = await run_program(
        bench.program(code), timeout=60, stall=60, on_output=heard.extend, log=bench.log, grace=30, talk=talk
    )
    assert ended.exit == 0
    lines = bytes(heard).split(b"\n")
    assert set(lines) <= {b"y" * 300_000, b"oh dear", b"at last", b""}
    assert lines.count(b"y" * 300_000) == 20
    assert lines[-1] == b"at last"
    assert bench.log.read_bytes() == bytes(heard)
