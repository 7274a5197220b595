"""One process forks all supervisors: what happens to it happens to none of them, and nothing of it is left."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import psutil
import pytest

from fanout_server.agents import forks
from fanout_server.agents.process import Ended
from tests.agents.running import DAEMON, PATIENCE, Bench, open_descriptors

pytestmark = pytest.mark.anyio

# Says who made it, and waits for a word.
_WAITS = "import os; os.write(1, b'%d' % os.getppid()); open('gate').read(); print(' done')"


def fork_servers() -> list[psutil.Process]:
    """Those of this process that live."""
    return [one for one in psutil.Process().children() if "fork_server" in " ".join(one.cmdline())]


def descriptors_of(pid: int) -> list[str]:
    return sorted(str(one.readlink()).partition(":")[0] for one in Path(f"/proc/{pid}/fd").iterdir())


@pytest.fixture
def gate(bench: Bench) -> Iterator[None]:
    os.mkfifo(bench.folder / "gate")
    yield
    assert fork_servers() == []


class Waiting:
    """A program that waits at the gate. ``supervisor`` is who watches over it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._up = anyio.Event()
        self.ended: Ended | None = None

    async def run(self) -> None:
        self.ended = await self._bench.run(self._bench.program(_WAITS), on_output=lambda _: self._up.set())

    async def supervisor(self) -> psutil.Process:
        with anyio.fail_after(PATIENCE):
            await self._up.wait()
        (agent,) = [one for one in psutil.process_iter() if _mark(one) == self._bench.mark]
        parent = agent.parent()
        assert parent is not None
        return parent

    async def let_go(self) -> None:
        await anyio.Path(self._bench.folder / "gate").write_text("")


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("FANOUT_ATTEMPT")
    except psutil.Error:
        return None


async def test_one_for_all_and_none_when_nobody_needs_it(bench: Bench) -> None:
    assert fork_servers() == []
    async with forks.kept():
        assert fork_servers() == []
        await bench.python("pass")
        (one,) = fork_servers()
        await bench.python("pass")
        assert fork_servers() == [one]
        assert one.children() == []
    assert fork_servers() == []
    assert not one.is_running()


@pytest.mark.usefixtures("gate")
async def test_its_end_is_not_that_of_a_program(bench: Bench) -> None:
    waiting = Waiting(bench)
    async with forks.kept(), anyio.create_task_group() as tasks:
        tasks.start_soon(waiting.run)
        supervisor = await waiting.supervisor()
        (first,) = fork_servers()
        assert supervisor.parent() == first
        first.kill()
        await anyio.to_thread.run_sync(first.wait, PATIENCE)
        # The next program has another one.
        other = Bench(bench.folder, f"{bench.mark}-other")
        assert (await other.python("print('here')")).tail == b"here\n"
        (second,) = fork_servers()
        assert second != first
        await waiting.let_go()
    assert waiting.ended is not None
    assert (waiting.ended.exit, waiting.ended.tail.endswith(b" done\n")) == (0, True)


@pytest.mark.usefixtures("gate")
async def test_one_that_does_not_answer_costs_one_program(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "_PATIENCE", 0.5)
    waiting = Waiting(bench)
    async with forks.kept(), anyio.create_task_group() as tasks:
        tasks.start_soon(waiting.run)
        await waiting.supervisor()
        (stuck,) = fork_servers()
        stuck.suspend()
        other = Bench(bench.folder, f"{bench.mark}-other")
        ended = await other.python("print('here')")
        assert (ended.reason, "does not answer" in ended.message) == ("not-started", True)
        assert not stuck.is_running()
        assert (await other.python("print('here')")).tail == b"here\n"
        await waiting.let_go()
    assert waiting.ended is not None
    assert waiting.ended.exit == 0
    assert bench.alive() == []


async def test_it_is_killed_while_it_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked may have been done, so it is not asked again: two would share one life line."""
    ask = forks._ForkServer.ask

    def asked(server: forks._ForkServer, descriptors: list[int]) -> None:
        server._process.send_signal(signal.SIGSTOP)
        ask(server, descriptors)
        server._process.kill()

    async with forks.kept():
        with monkeypatch.context() as patch:
            patch.setattr(forks._ForkServer, "ask", asked)
            ended = await bench.python("pass")
        assert (ended.reason, "was killed" in ended.message) == ("not-started", True)
        assert (await bench.python("pass")).exit == 0
    assert fork_servers() == []


@pytest.mark.usefixtures("gate")
async def test_a_program_holds_nothing_of_it_or_of_others(bench: Bench) -> None:
    """Neither its control nor anything of a program that was started before."""
    waiting = Waiting(bench)
    other = Bench(bench.folder, f"{bench.mark}-other")
    code = (
        "import os\n"
        "held = [f'/proc/self/fd/{n}' for n in range(20)]\n"
        "print(sorted(os.readlink(one).partition(':')[0] for one in held if os.path.lexists(one)))"
    )
    async with forks.kept(), anyio.create_task_group() as tasks:
        tasks.start_soon(waiting.run)
        supervisor = await waiting.supervisor()
        ended = await other.python(code)
        assert ended.tail == b"['/dev/null', 'pipe', 'pipe']\n"
        # The life line, and two ends of a pipe that wakes it.
        held = descriptors_of(supervisor.pid)
        assert held == ["/dev/null", "/dev/null", "/dev/null", "pipe", "pipe", "socket"]
        await waiting.let_go()


async def test_descriptors_do_not_grow_with_programs(bench: Bench) -> None:
    async with forks.kept():
        await bench.python("pass")
        (server,) = fork_servers()
        before = (open_descriptors(), server.num_fds())
        for _ in range(5):
            await bench.python(DAEMON + "\ndaemon()")
        assert (open_descriptors(), server.num_fds()) == before


async def test_a_supervisor_is_gone_when_its_program_is_told_to_have_ended(bench: Bench) -> None:
    """Its mounts are, too, then: who comes next may want to take the folders away."""
    async with forks.kept():
        for _ in range(20):
            await bench.python("pass")
            (server,) = fork_servers()
            assert server.children() == []


async def test_an_agent_may_signal_it_in_vain(bench: Bench) -> None:
    code = (
        "import os\n"
        "above = int(open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])\n"
        "for n in (1, 2, 3, 15): os.kill(above, n)\n"
        "print('still here')"
    )
    async with forks.kept():
        assert (await bench.python(code)).tail == b"still here\n"
        (server,) = fork_servers()
        assert (await bench.python("pass")).exit == 0
        assert fork_servers() == [server]


async def test_arguments_are_any_bytes(bench: Bench) -> None:
    odd = os.fsdecode(b"\xff\xfe 'quoted' \n new line")
    ended = await bench.python("import os, sys; os.write(1, os.fsencode(sys.argv[1]))", odd)
    assert ended.tail == b"\xff\xfe 'quoted' \n new line"


async def test_no_room_for_another_process(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with forks.kept():
        await bench.python("pass")
        monkeypatch.setattr(forks._ForkServer, "answer", lambda _: (0, 11))
        ended = await bench.python("pass")
    assert (ended.reason, "Resource temporarily unavailable" in ended.message) == ("not-started", True)


async def test_one_that_has_no_room_for_descriptors_says_so(bench: Bench) -> None:
    async with forks.kept() as kept:
        await bench.python("pass")
        (server,) = fork_servers()
        held = server.num_fds()
        # As it would get them: the system passes on as many as there is room for.
        with pytest.raises(OSError, match="Too many open files"):
            await anyio.to_thread.run_sync(kept.fork, [0, 1])
        assert (await bench.python("pass")).exit == 0
        assert fork_servers() == [server]
        assert server.num_fds() == held
