"""The threads that read and write frames: no busy pool, no client that pauses and no odd descriptor stops the loop."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator

import anyio
import anyio.to_thread
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanout_server.lsp.stdio import Frames, FramingError, Reader, Writer

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    for descriptor in (read, write):
        try:
            os.close(descriptor)
        except OSError:
            continue


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_frames_come_out_whole_however_they_are_cut(bodies: list[bytes], sizes: list[int]) -> None:
    data = b"".join(frame(body) for body in bodies)
    frames, found, turn = Frames(), [], 0
    while data:
        size = sizes[turn % len(sizes)]
        found += list(frames.feed(data[:size]))
        data, turn = data[size:], turn + 1
    assert found == bodies


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: x\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(FramingError):
        list(Frames().feed(data))


@pytest.mark.parametrize("blocking", [True, False])
async def test_a_saturated_thread_pool_stops_no_reading(pipe: tuple[int, int], blocking: bool) -> None:
    read, write = pipe
    # An editor's runtime may have made the descriptor non-blocking for both sides.
    os.set_blocking(read, blocking)
    release = threading.Event()
    busy = [asyncio.get_running_loop().run_in_executor(None, release.wait) for _ in range(200)]
    reader = Reader(read)
    try:
        with anyio.fail_after(5):
            bodies = aiter(reader)
            os.write(write, frame(b"one"))
            assert await anext(bodies) == b"one"
            os.write(write, frame(b"two"))
            assert await anext(bodies) == b"two"
            os.close(write)
            assert [body async for body in bodies] == []
    finally:
        release.set()
        await asyncio.gather(*busy)
        await anyio.to_thread.run_sync(reader.stop)


async def test_the_reader_can_be_ended_while_the_client_is_silent(pipe: tuple[int, int]) -> None:
    reader = Reader(pipe[0])
    asyncio.get_running_loop().call_later(0.01, reader.end)
    with anyio.fail_after(5):
        assert [body async for body in reader] == []
        await anyio.to_thread.run_sync(reader.stop)


async def test_the_reader_does_not_run_ahead(pipe: tuple[int, int]) -> None:
    read, write = pipe
    reader = Reader(read)
    flood = threading.Thread(target=_flood, args=(write,), daemon=True)
    flood.start()
    try:
        with anyio.fail_after(5):
            bodies = aiter(reader)
            for _ in range(10):
                await anext(bodies)
        assert reader._bodies.qsize() < 200
    finally:
        await anyio.to_thread.run_sync(reader.stop)
        os.close(read)
        await anyio.to_thread.run_sync(flood.join, 5.0)
    assert not flood.is_alive()


def _flood(descriptor: int) -> None:
    try:
        while True:
            os.write(descriptor, frame(b"x" * 1000))
    except BrokenPipeError:
        return


@pytest.mark.parametrize("blocking", [True, False])
async def test_writing_never_waits_and_nothing_is_lost(pipe: tuple[int, int], blocking: bool) -> None:
    read, write = pipe
    os.set_blocking(write, blocking)
    writer = Writer(write, broken=lambda: pytest.fail("the client is there"))
    bodies = [bytes([65 + number % 26]) * 100_000 for number in range(50)]
    began = time.monotonic()
    for body in bodies:
        writer.write(body)
    assert time.monotonic() - began < 0.5
    frames = Frames()
    found: list[bytes] = []
    while len(found) < len(bodies):
        found += list(frames.feed(await anyio.to_thread.run_sync(os.read, read, 1 << 16)))
    assert found == bodies
    await anyio.to_thread.run_sync(writer.close)


async def test_a_client_that_is_gone_is_noticed(pipe: tuple[int, int]) -> None:
    read, write = pipe
    os.close(read)
    gone = threading.Event()
    writer = Writer(write, broken=gone.set)
    writer.write(b"x")
    assert await anyio.to_thread.run_sync(gone.wait, 5.0)
    writer.write(b"y")
    await anyio.to_thread.run_sync(writer.close)


async def test_a_client_that_never_reads_ends_in_time_and_fills_no_memory(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fanout_server.lsp.stdio._LONGEST_QUEUE", 1_000_000)
    monkeypatch.setattr("fanout_server.lsp.stdio._FLUSH_SECONDS", 0.1)
    gone = threading.Event()
    writer = Writer(pipe[1], broken=gone.set)
    for _ in range(30):
        writer.write(b"x" * 100_000)
    assert gone.is_set()
    assert not writer._queue
    with anyio.fail_after(5):
        await anyio.to_thread.run_sync(writer.close)
