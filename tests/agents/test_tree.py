"""Nothing of an agent outlives it, its limits, its run, or the server; whatever it did to get away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import psutil
import pytest

from fanout_server.agents import supervisor
from fanout_server.agents.forks import Forks
from fanout_server.agents.process import Program, sweep
from tests.agents.running import DAEMON, PATIENCE, Bench, a_sleep, open_descriptors, server, sleeping, wait_until

pytestmark = pytest.mark.anyio

STAYS = DAEMON + "\ndaemon(); os.write(1, b'up'); time.sleep(300)"
DEAF = STAYS.replace("daemon();", "signal.signal(15, signal.SIG_IGN); daemon();")


async def cancelled_when_up(bench: Bench, program: Program, grace: float = 2.0) -> float:
    """Cancels as soon as the program says that it is up; answers how long its end took."""
    scope = anyio.CancelScope()
    since = 0.0

    def up(data: bytes) -> None:
        nonlocal since
        assert len(bench.alive()) >= 1
        since = time.monotonic()
        scope.cancel()

    with scope:
        await bench.run(program, on_output=up, grace=grace)
    assert scope.cancelled_caught
    return time.monotonic() - since


async def test_cancel_takes_daemons_along(bench: Bench) -> None:
    assert await cancelled_when_up(bench, bench.program(STAYS)) < 2.0
    assert bench.alive() == []


async def test_cancel_of_what_ignores_the_signal_takes_the_grace(bench: Bench) -> None:
    assert 0.3 <= await cancelled_when_up(bench, bench.program(DEAF), grace=0.3) < 2.5
    assert bench.alive() == []


async def test_cancel_by_asyncio_itself(bench: Bench) -> None:
    """As pygls does it: not by a cancel scope, so no shield holds it off."""
    up = anyio.Event()
    task = asyncio.create_task(bench.run(bench.program(STAYS), on_output=lambda _: up.set()))
    await up.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.alive() == []


@pytest.mark.parametrize("steps", range(8))
async def test_cancel_while_starting(bench: Bench, steps: int) -> None:
    """At each of the first turns of the loop, and without a process or a descriptor left over (warnings are errors)."""
    before, others = open_descriptors(), children()
    task = asyncio.create_task(bench.run(bench.program("import time; time.sleep(300)")))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await anyio.to_thread.run_sync(
        wait_until, lambda: not bench.alive() and open_descriptors() <= before and children() <= others
    )


def children() -> set[int]:
    """Those of this process. Some may be from before a test: the workers that parse stay for the next text."""
    return {child.pid for child in psutil.Process().children()}


async def test_cancel_before_the_start(bench: Bench) -> None:
    others = children()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await bench.run(bench.program(STAYS))
    assert scope.cancelled_caught
    assert bench.alive() == []
    assert children() <= others


async def test_cancel_while_the_process_is_made(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task is gone before the thread that makes its process: that thread must see to it then."""
    task_is_gone = threading.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(bench.run(bench.program("import time; time.sleep(300)")))
    task.add_done_callback(lambda _: task_is_gone.set())
    made: list[psutil.Process] = []
    fork = Forks.fork

    def slow(forks: Forks, descriptors: Sequence[int]) -> int:
        made.append(psutil.Process(fork(forks, descriptors)))
        loop.call_soon_threadsafe(task.cancel)
        assert task_is_gone.wait(PATIENCE)
        return made[0].pid

    monkeypatch.setattr(Forks, "fork", slow)
    with pytest.raises(asyncio.CancelledError):
        await task
    await anyio.to_thread.run_sync(wait_until, lambda: bool(made) and not made[0].is_running())
    assert bench.alive() == []


async def test_cancel_while_the_environment_is_sent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = anyio.CancelScope()
    loop = asyncio.get_running_loop()
    made: list[psutil.Process] = []
    fork = Forks.fork

    def suspended(forks: Forks, descriptors: Sequence[int]) -> int:
        made.append(psutil.Process(fork(forks, descriptors)))
        made[0].suspend()
        loop.call_soon_threadsafe(scope.cancel)
        loop.call_later(0.1, made[0].resume)
        return made[0].pid

    monkeypatch.setattr(Forks, "fork", suspended)
    try:
        with scope:
            await bench.run(bench.program("pass", env={f"V{number}": "x" * 100_000 for number in range(10)}))
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            made[0].resume()
    assert scope.cancelled_caught
    assert not made[0].is_running()


SAYS_MUCH = (
    "import os, signal, time\n"
    "def stop(*_):\n"
    " for _ in range(300): os.write(1, b'x' * 1000)\n"
    " open('said', 'w'); os._exit(5)\n"
    "signal.signal(15, stop); os.write(1, b'up'); time.sleep(300)"
)


async def test_what_is_said_after_a_cancel_is_read(bench: Bench) -> None:
    """Else what wants to say good-bye would wait on a full pipe until it is killed."""
    scope = anyio.CancelScope()
    with scope:
        await bench.run(bench.program(SAYS_MUCH), on_output=lambda _: scope.cancel())
    assert bench.log.stat().st_size == 300_002
    assert (bench.folder / "said").exists()


async def test_a_broken_listener_does_not_choke_the_program(bench: Bench) -> None:
    def broken(data: bytes) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await bench.run(bench.program(SAYS_MUCH), on_output=broken)
    assert (bench.folder / "said").exists()


async def test_a_suspended_program_can_be_stopped(bench: Bench) -> None:
    scope = anyio.CancelScope()

    def when_suspended(pid: bytes) -> None:
        wait_until(lambda: psutil.Process(int(pid)).status() == psutil.STATUS_STOPPED)
        scope.cancel()

    with scope:
        code = "import os, signal; os.write(1, b'%d' % os.getpid()); os.kill(os.getpid(), signal.SIGSTOP)"
        await bench.run(bench.program(code), on_output=when_suspended, grace=60)
    assert scope.cancelled_caught


async def test_the_supervisor_holds_nothing_of_the_agents(bench: Bench) -> None:
    code = (
        "import os\n"
        "held = lambda: [os.readlink(f'/proc/{os.getppid()}/{n}') for n in ('cwd', 'fd/0', 'fd/1', 'fd/2')]\n"
        "while held() != ['/', '/dev/null', '/dev/null', '/dev/null']: pass\n"
        "print('free')"
    )
    assert (await bench.python(code, timeout=5)).tail == b"free\n"


async def test_what_is_left_after_a_good_end_is_counted_and_gone(bench: Bench) -> None:
    ended = await bench.python(DAEMON + "\ndaemon(); daemon(); print('done')")
    assert (ended.reason, ended.exit, ended.leftovers, ended.tail) == ("exited", 0, 2, b"done\n")
    assert bench.alive() == []


async def test_a_daemon_that_holds_the_output_does_not_hold_up_the_end(bench: Bench) -> None:
    ended = await bench.python(DAEMON + "\ndaemon(); os._exit(3)")
    assert (ended.exit, ended.leftovers) == (3, 1)
    assert ended.seconds < 5


async def test_a_daemon_with_a_cleaned_environment_is_gone_too(bench: Bench) -> None:
    code = (
        "import os, sys\n"
        "if os.fork() == 0:\n"
        " os.setsid()\n"
        " if os.fork() == 0: os.execve('/bin/sleep', ['sleep', sys.argv[1]], {})\n"
        " os._exit(0)\n"
        "os.wait(); print('done')"
    )
    sleep = a_sleep()
    ended = await bench.python(code, sleep)
    assert ended.leftovers == 1
    assert sleeping(sleep) == set()


async def test_a_busy_forker_is_gone(bench: Bench) -> None:
    """It forks a successor and dies, again and again, so that each look at it is out of date."""
    code = (
        "import os, time\n"
        "end = time.monotonic() + 30\n"
        "if os.fork():\n os.write(1, b'up'); time.sleep(300)\n"
        "os.setsid()\n"
        "while time.monotonic() < end:\n if os.fork(): os._exit(0)\n"
    )
    await cancelled_when_up(bench, bench.program(code), grace=0.2)
    assert bench.alive() == []


async def test_the_dead_do_not_count_as_left(bench: Bench) -> None:
    code = (
        "import os\n"
        "for _ in range(5):\n"
        " pid = os.fork()\n"
        " if pid == 0: os._exit(0)\n"
        " os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\n"
    )
    assert (await bench.python(code)).leftovers == 0


async def test_an_agent_may_signal_its_parent_in_vain(bench: Bench) -> None:
    code = "import os\nfor n in (1, 2, 3, 15): os.kill(os.getppid(), n)\nprint('still here')"
    ended = await bench.python(code)
    assert (ended.reason, ended.exit, ended.tail) == ("exited", 0, b"still here\n")


async def test_the_end_of_the_supervisor_is_the_end_of_all(bench: Bench) -> None:
    ended = await bench.python(DAEMON + "\ndaemon(); os.kill(os.getppid(), 9); time.sleep(300)")
    assert (ended.reason, ended.exit, ended.signal) == ("exited", None, signal.SIGKILL)
    assert "watches over it was killed" in ended.message
    assert ended.leftovers >= 1
    assert bench.alive() == []


async def test_a_second_run_of_the_same_mark_is_not_disturbed(bench: Bench) -> None:
    """Two commands of one attempt, one of them ending while the other one runs."""
    gate = bench.folder / "gate"
    os.mkfifo(gate)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.run, bench.program("import sys; print(open(sys.argv[1]).read())", str(gate)))
        assert (await bench.python("pass")).exit == 0
        await anyio.Path(gate).write_text("slow")
    assert b"slow\n" in bench.heard


@pytest.fixture
def _no_subreaper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor as on a system other than Linux: nothing but ``ps`` and the mark."""
    source = Path(supervisor.__file__).read_text()
    elsewhere = tmp_path / "supervisor.py"
    elsewhere.write_text(source.replace('LINUX = sys.platform.startswith("linux")', "LINUX = False"))
    assert elsewhere.read_text() != source
    monkeypatch.setattr(supervisor, "__file__", str(elsewhere))
    monkeypatch.setattr(supervisor, "LINUX", False)


@pytest.mark.usefixtures("_no_subreaper")
@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="needs ps")
class TestWithoutSubreaper:
    async def test_a_plain_end(self, bench: Bench) -> None:
        ended = await bench.python("print('done'); raise SystemExit(4)")
        assert (ended.exit, ended.leftovers, ended.tail) == (4, 0, b"done\n")

    async def test_children_are_stopped_with_it(self, bench: Bench) -> None:
        code = (
            "import os, signal, time\n"
            "signal.signal(15, signal.SIG_IGN)\n"
            "if os.fork(): os.write(1, b'up')\n"
            "time.sleep(300)"
        )
        await cancelled_when_up(bench, bench.program(code), grace=0.2)
        assert bench.alive() == []

    async def test_a_child_in_a_session_of_its_own_is_stopped_with_it(self, bench: Bench) -> None:
        code = (
            "import os, sys, time\n"
            "read, write = os.pipe()\n"
            "if os.fork() == 0: os.setsid(); os.execve('/bin/sleep', ['sleep', sys.argv[1]], {})\n"
            "os.close(write); os.read(read, 1); os.write(1, b'up'); time.sleep(300)"
        )
        sleep = a_sleep()
        await cancelled_when_up(bench, bench.program(code, sleep))
        assert sleeping(sleep) == set()

    async def test_a_daemon_is_found_by_its_mark(self, bench: Bench) -> None:
        ended = await bench.python(DAEMON + "\ndaemon(); print('done')")
        assert (ended.exit, ended.leftovers) == (0, 1)
        assert bench.alive() == []


@pytest.mark.parametrize("code", [STAYS, DEAF], ids=["obedient", "deaf"])
def test_a_killed_server_leaves_nothing(bench: Bench, code: str) -> None:
    process = server(bench.folder, bench.mark, code, grace=0.2)
    with process:
        process.kill()
    wait_until(lambda: bench.alive() == [], limit=5)


def test_a_server_that_is_interrupted_leaves_nothing(bench: Bench) -> None:
    process = server(bench.folder, bench.mark, STAYS, grace=2.0)
    with process:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert bench.alive() == []


def test_what_survived_a_killed_server_and_supervisor_is_swept(bench: Bench) -> None:
    process = server(bench.folder, bench.mark, STAYS, grace=2.0)
    with process:
        process.send_signal(signal.SIGSTOP)
        (fork_server,) = psutil.Process(process.pid).children()
        (supervisor,) = fork_server.children()
        supervisor.kill()
        process.kill()
    wait_until(lambda: len(bench.alive()) == 1)  # The agent died with its supervisor, the daemon did not.
    assert sweep(bench.mark.partition("/")[0] + "-other/") == 0
    assert len(bench.alive()) == 1
    assert sweep(bench.mark.partition("/")[0] + "/") == 1
    assert bench.alive() == []
    assert sweep(bench.mark) == 0


def test_a_sweep_spares_itself_and_those_above(bench: Bench) -> None:
    """A server that an agent started has the outer attempt's mark in its own environment."""
    # By a prefix of its own: others that run tests on this machine have agents too.
    prefix = bench.mark.partition("/")[0]
    code = f"import json; from fanout_server.agents.process import sweep; print(json.dumps(sweep({prefix!r})))"
    outer = [
        sys.executable,
        "-c",
        f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {code!r}]))",
    ]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "FANOUT_ATTEMPT": bench.mark}
    done = subprocess.run(outer, env=env, capture_output=True, check=True, timeout=PATIENCE)
    assert json.loads(done.stdout) == 0


def test_a_sweep_of_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="empty prefix"):
        sweep("")
