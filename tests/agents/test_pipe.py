"""Programs that are talked to while they run."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from fanout_server.agents.pipe import Pipe, Unheard
from fanout_server.agents.process import Ended, Talk, run_program
from tests.agents.running import DAEMON, PATIENCE, Bench, open_descriptors

pytestmark = pytest.mark.anyio

ECHOES = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line.upper()); sys.stdout.flush()"


class Ear:
    """What a program says, for who talks to it."""

    def __init__(self) -> None:
        self.heard = b""
        self._news = anyio.Event()

    def __call__(self, data: bytes) -> None:
        self.heard += data
        self._news.set()
        self._news = anyio.Event()

    async def until(self, text: bytes) -> None:
        with anyio.fail_after(PATIENCE):
            while text not in self.heard:
                await self._news.wait()


async def talked_to(
    bench: Bench, code: str, talk: Talk, ear: Ear | None = None, *, stall: float = PATIENCE, grace: float = 2.0
) -> Ended:
    return await run_program(
        bench.program(code), timeout=60, stall=stall, on_output=ear or Ear(), log=bench.log, grace=grace, talk=talk
    )


async def test_a_conversation(bench: Bench) -> None:
    ear = Ear()

    async def talk(pipe: Pipe) -> None:
        for number in range(50):
            await pipe.write(b"line %d\n" % number)
            await ear.until(b"LINE %d\n" % number)

    before = open_descriptors()
    ended = await talked_to(bench, ECHOES, talk, ear)
    # The end of the talk is the end of the input, at which it ends by itself.
    assert (ended.reason, ended.exit, ended.tail.count(b"\n")) == ("exited", 0, 50)
    assert open_descriptors() == before


async def test_ten_megabytes_are_heard_whole(bench: Bench) -> None:
    async def talk(pipe: Pipe) -> None:
        await pipe.write(b"0123456789" * 1_000_000)
        await pipe.close()
        await pipe.close()
        with pytest.raises(Unheard, match="closed"):
            await pipe.write(b"more")

    code = "import sys; d = sys.stdin.buffer.read(); print(len(d), d == b'0123456789' * 1_000_000)"
    assert (await talked_to(bench, code, talk)).tail == b"10000000 True\n"


async def test_two_who_write_at_once_are_not_mixed(bench: Bench) -> None:
    async def talk(pipe: Pipe) -> None:
        async with anyio.create_task_group() as tasks:
            for letter in b"abcdef":
                tasks.start_soon(pipe.write, bytes([letter]) * 300_000 + b"\n")

    code = "import sys\nfor line in sys.stdin: print(len(line), len(set(line.strip())))"
    assert (await talked_to(bench, code, talk)).tail == b"300001 1\n" * 6


async def test_who_does_not_read_holds_up_nobody(bench: Bench) -> None:
    """Neither for ever, nor the loop."""
    turns = 0
    told: list[str] = []

    async def talk(pipe: Pipe) -> None:
        pipe._patience = 0.5
        try:
            await pipe.write(b"x" * 10_000_000)
        except Unheard as error:
            told.append(str(error))
        with pytest.raises(Unheard):
            await pipe.write(b"what would follow on half a message")

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.sleep(0.005)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        ended = await talked_to(bench, "import time; time.sleep(300)", talk, grace=0.2)
        tasks.cancel_scope.cancel()
    assert told == ["it has not read its standard input for 0.5 s"]
    assert turns > 20
    assert (ended.reason, ended.seconds < PATIENCE) == ("exited", True)
    assert bench.alive() == []


@pytest.mark.parametrize("code", ["pass", "import os; os.close(0); os.write(1, b'up'); import time; time.sleep(300)"])
async def test_who_reads_no_more_is_told_of(bench: Bench, code: str) -> None:
    """That it is gone shows although its supervisor lives, and although it closed but its input."""
    ear = Ear()

    async def talk(pipe: Pipe) -> None:
        if "up" in code:
            await ear.until(b"up")
        while True:
            await pipe.write(b"x" * 1000)

    ended: Ended | None = None
    told = ""
    try:
        ended = await talked_to(bench, code, talk, ear)
    except Unheard as error:
        told = str(error)
    # Its end may be seen before the next write is.
    assert "reads its standard input no more" in told or (code == "pass" and ended is not None and ended.exit == 0)
    assert bench.alive() == []


async def test_nobody_else_holds_the_writing_end(bench: Bench) -> None:
    """Not the supervisor, and not another program that is started meanwhile: or its input would never end."""
    ear = Ear()

    async def talk(pipe: Pipe) -> None:
        await ear.until(b"up")
        other = Bench(bench.folder / "other", f"{bench.mark}-other")
        other.folder.mkdir()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(other.run, other.program("import os, time; os.write(1, b'x'); time.sleep(300)")))
            await anyio.to_thread.run_sync(lambda: _until(lambda: len(other.alive()) == 1))
            await pipe.close()
            await ear.until(b"ended")
            tasks.cancel_scope.cancel()

    code = "import os, sys; os.write(1, b'up'); sys.stdin.read(); print('ended')"
    ended = await talked_to(bench, code, talk, ear)
    assert ended.tail == b"upended\n"


def _until(happened: object) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < end


async def test_what_fails_while_it_talks_stops_the_program(bench: Bench) -> None:
    async def talk(pipe: Pipe) -> None:
        await pipe.write(b"hello\n")
        raise RuntimeError("lost for words")

    with pytest.raises(RuntimeError, match="lost for words"):
        await talked_to(bench, DAEMON + "\ndaemon(); time.sleep(300)", talk)
    assert bench.alive() == []


async def test_who_does_not_end_with_its_input_is_stopped(bench: Bench) -> None:
    async def talk(pipe: Pipe) -> None:
        await pipe.write(b"hello\n")

    ended = await talked_to(bench, "import time; time.sleep(300)", talk, grace=0.2)
    assert (ended.reason, ended.signal) == ("exited", 15)
    assert ended.seconds < PATIENCE


async def test_the_end_of_the_program_ends_the_talk(bench: Bench) -> None:
    cancelled: list[bool] = []

    async def talk(pipe: Pipe) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append(True)

    ended = await talked_to(bench, "print('bye'); raise SystemExit(4)", talk)
    assert (ended.reason, ended.exit, cancelled) == ("exited", 4, [True])


SAYS_GOODBYE = """
import signal, sys
def told(*_):
    print("signalled", flush=True)
    sys.exit(1)
signal.signal(15, told)
print("up", flush=True)
for line in sys.stdin:
    print("heard", line.strip(), flush=True)
print("end of input")
"""


@pytest.mark.parametrize("how", ["cancel", "stall"])
async def test_a_farewell_is_heard_before_any_signal(bench: Bench, how: str) -> None:
    ear = Ear()
    scope = anyio.CancelScope()

    async def talk(pipe: Pipe) -> None:
        await ear.until(b"up")
        if how == "cancel":
            scope.cancel()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await pipe.write(b"goodbye\n")
                await ear.until(b"heard goodbye")

    with scope:
        ended = await talked_to(bench, SAYS_GOODBYE, talk, ear, stall=1.0 if how == "stall" else PATIENCE)
        assert ended.reason == "stalled"
    assert scope.cancelled_caught == (how == "cancel")
    assert ear.heard.startswith(b"up\nheard goodbye\n")
    assert bench.alive() == []


async def test_who_says_goodbye_for_ever_does_not_keep_the_program(bench: Bench) -> None:
    """The talk has the grace; then the program is stopped, and what it writes is unheard."""
    ear = Ear()
    scope = anyio.CancelScope()
    silenced: list[str] = []

    async def talk(pipe: Pipe) -> None:
        await ear.until(b"up")
        scope.cancel()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                try:
                    while True:
                        await pipe.write(b"and another thing\n")
                        await anyio.sleep(0.01)
                except Unheard as error:
                    silenced.append(str(error))

    code = "import os, time\nos.write(1, b'up')\nwhile os.read(0, 1000): pass"
    with scope:
        await talked_to(bench, code, talk, ear, grace=0.3)
    assert scope.cancelled_caught
    assert len(silenced) == 1
    assert bench.alive() == []


@pytest.mark.parametrize("steps", range(6))
async def test_cancel_while_starting(bench: Bench, steps: int) -> None:
    before = open_descriptors()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(talked_to, bench, ECHOES, lambda pipe: pipe.write(b"x\n"))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert bench.alive() == []
    assert open_descriptors() <= before


async def test_a_program_that_does_not_start(bench: Bench) -> None:
    before = open_descriptors()
    program = bench.program("pass")
    for argv in (("no-such-tool-anywhere",), ()):
        broken = type(program)(argv, bench.folder, os.environ, None, bench.mark)
        ended = await run_program(
            broken, timeout=9, stall=9, on_output=Ear(), log=Path(bench.log), talk=lambda pipe: anyio.sleep_forever()
        )
        assert ended.reason == "not-started"
    assert open_descriptors() == before
