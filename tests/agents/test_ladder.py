"""How a program is asked to end, step by step, and that nothing is left after the last one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import anyio
import pytest
from attrs import evolve

from fanout_server.agents import supervisor
from tests.agents.running import PATIENCE, Bench, a_sleep, server, sleeping, wait_until

pytestmark = pytest.mark.anyio

STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
STOP_NAMES = [stop.name for stop in STOPS]

# Writes down what it is asked with, and goes on; SIGTERM may end it.
LISTENS = """
import os, signal, sys, time
def hear(number, _):
    with open("asked", "a") as file: file.write(f"{number} {time.monotonic()}\\n")
    if number == signal.SIGTERM and sys.argv[-1] == "obeys": os._exit(5)
for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT): signal.signal(one, hear)
os.write(1, b"up")
while True: time.sleep(300)
"""

# The one of the wild that has a clean environment, and so no mark, is known by its command line.
BARE = a_sleep()

# Everything that a program may do to get away: children that ignore all that can be ignored, in sessions of their own,
# whose parents are gone, stopped, with a subreaper of their own, with a clean environment, with closed descriptors,
# and one that answers a signal by forking. Each tells by the pipe that it is what it should be.
WILD = """
import ctypes, os, signal, time
SIGNALS = [n for n in range(1, 65) if n not in (9, 19, 32, 33)]
def deaf():
    for n in SIGNALS: signal.signal(n, signal.SIG_IGN)
read, write = os.pipe()
def child(*steps):
    if os.fork() == 0:
        for step in steps: step()
        os.write(write, b"u")
        while True: time.sleep(300)
def again():
    if os.fork(): os._exit(0)
def forks_when_asked():
    def fork(*_): os.fork()
    for n in (1, 2, 3, 15): signal.signal(n, fork)
def reaper(): ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
def brood(): child(os.setsid, again, deaf)
def bare(): os.write(write, b"u"); os.execve("/bin/sleep", ["sleep", "BARE"], {})
def silent(): [os.close(n) for n in (0, 1, 2)]
def stopped(): os.write(write, b"u"); os.kill(os.getpid(), signal.SIGSTOP)
child(deaf)
child(os.setsid, deaf)
child(os.setsid, again, deaf)
child(os.setsid, again, os.setsid, again, deaf, silent)
child(reaper, os.setsid, brood, deaf)
child(os.setpgrp, forks_when_asked)
child(os.setsid, forks_when_asked)
child(os.setsid, again, deaf, bare)
child(os.setsid, again, stopped)
deaf()
up = 0
while up < 10: up += len(os.read(read, 10 - up))
os.write(1, b"up")
while True: time.sleep(300)
""".replace("BARE", BARE)


async def cancelled_when_up(bench: Bench, code: str, stop: int, grace: float, *args: str) -> tuple[int, float]:
    """How many there were, and how long their end took."""
    scope = anyio.CancelScope()
    count, since = 0, 0.0

    def up(data: bytes) -> None:
        nonlocal count, since
        count, since = len(bench.alive()), time.monotonic()
        scope.cancel()

    with scope:
        await bench.run(evolve(bench.program(code, *args), stop_signal=stop), on_output=up, grace=grace)
    assert scope.cancelled_caught
    return count, time.monotonic() - since


def asked(folder: Path) -> list[tuple[int, float]]:
    lines = (folder / "asked").read_text().splitlines()
    return [(int(number), float(when)) for number, when in map(str.split, lines)]


@pytest.mark.parametrize("stop", STOPS, ids=STOP_NAMES)
async def test_each_step_is_taken_in_its_time(bench: Bench, stop: signal.Signals) -> None:
    grace = 2.0
    _, took = await cancelled_when_up(bench, LISTENS, stop, grace)
    assert took >= grace
    assert bench.alive() == []
    heard = asked(bench.folder)
    if stop is signal.SIGTERM:
        assert [number for number, _ in heard] == [signal.SIGTERM]
        return
    assert [number for number, _ in heard] == [stop, signal.SIGTERM]
    assert heard[1][1] - heard[0][1] == pytest.approx(grace * supervisor.FIRST_SHARE, abs=0.5)


async def test_who_is_deaf_to_its_own_signal_hears_the_next(bench: Bench) -> None:
    """And ends by itself: its exit status is its own."""
    program = evolve(bench.program(LISTENS, "obeys"), stop_signal=signal.SIGINT)
    ended = await bench.run(program, stall=1.0, grace=2.0)
    assert (ended.reason, ended.exit, ended.signal) == ("stalled", 5, None)


async def test_who_ends_at_the_first_step_is_not_asked_again(bench: Bench) -> None:
    code = LISTENS.replace("if number == signal.SIGTERM and", "if number == signal.SIGINT and")
    _, took = await cancelled_when_up(bench, code, signal.SIGINT, PATIENCE, "obeys")
    assert took < PATIENCE * supervisor.FIRST_SHARE
    assert [number for number, _ in asked(bench.folder)] == [signal.SIGINT]


async def test_no_grace_is_no_wait(bench: Bench) -> None:
    _, took = await cancelled_when_up(bench, WILD, signal.SIGINT, 0.0)
    assert took < supervisor.KILL_LIMIT
    assert bench.alive() == []


@pytest.mark.parametrize("stop", STOPS, ids=STOP_NAMES)
async def test_nothing_wild_is_left_after_a_cancel(bench: Bench, stop: signal.Signals) -> None:
    count, _ = await cancelled_when_up(bench, WILD, stop, 0.3)
    assert count >= 10
    assert bench.alive() == []
    assert sleeping(BARE) == set()


async def test_nothing_wild_is_left_after_a_limit(bench: Bench) -> None:
    program = evolve(bench.program(WILD), stop_signal=signal.SIGINT)
    ended = await bench.run(program, stall=1.5, grace=0.3)
    assert (ended.reason, ended.signal) == ("stalled", signal.SIGKILL)
    assert ended.leftovers >= 10
    assert (bench.alive(), sleeping(BARE)) == ([], set())


async def test_nothing_wild_is_left_after_its_own_end(bench: Bench) -> None:
    ended = await bench.python(WILD.replace('os.write(1, b"up")', "os._exit(3)"))
    assert (ended.reason, ended.exit) == ("exited", 3)
    assert ended.leftovers >= 10
    assert (bench.alive(), sleeping(BARE)) == ([], set())


@pytest.mark.parametrize("stop", STOPS, ids=STOP_NAMES)
def test_nothing_wild_outlives_a_killed_server(bench: Bench, stop: signal.Signals) -> None:
    with server(bench.folder, bench.mark, WILD, grace=0.3, stop=stop) as process:
        process.kill()
    wait_until(lambda: bench.alive() == [] and sleeping(BARE) == set())


@pytest.mark.parametrize("stop", STOPS, ids=STOP_NAMES)
def test_the_agent_of_a_killed_server_is_asked_all_the_same(bench: Bench, stop: signal.Signals) -> None:
    with server(bench.folder, bench.mark, LISTENS.replace("sys.argv[-1]", "'obeys'"), grace=2.0, stop=stop) as process:
        process.kill()
    wait_until(lambda: bench.alive() == [])
    assert [number for number, _ in asked(bench.folder)] == list(dict.fromkeys([stop, signal.SIGTERM]))


def test_the_steps_take_the_whole_grace() -> None:
    for number in range(1, 65):
        ladder = supervisor.steps(number, 2.0)
        assert sum(seconds for _, seconds in ladder) == pytest.approx(2.0)
        assert [step for step, _ in ladder] == list(dict.fromkeys([number, int(signal.SIGTERM)]))
    assert os.getpid() not in supervisor.descendants(os.getpid(), os.getpgrp(), set())
