from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import anyio
import pytest
from attrs import evolve

from fanout_server.agents.output import TAIL_BYTES
from fanout_server.agents.process import Program, run_program
from fanout_server.model import FanoutError
from tests.agents.running import PATIENCE, Bench, open_descriptors

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [0, 1, 3, 255])
async def test_exit_status_is_told(bench: Bench, status: int) -> None:
    ended = await bench.python(f"import sys; sys.exit({status})")
    assert (ended.reason, ended.exit, ended.signal, ended.leftovers) == ("exited", status, None, 0)
    assert str(status) in ended.message


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_death_by_signal_is_told(bench: Bench, number: signal.Signals) -> None:
    ended = await bench.python(
        f"import os, signal; signal.signal(2, signal.SIG_DFL); os.kill(os.getpid(), {int(number)})"
    )
    assert (ended.reason, ended.exit, ended.signal) == ("exited", None, number)
    assert number.name in ended.message


async def test_a_realtime_signal_has_no_name(bench: Bench) -> None:
    ended = await bench.python("import os; os.kill(os.getpid(), 50)")
    assert ended.signal == 50
    assert "signal 50" in ended.message


async def test_output_and_errors_arrive_in_order(bench: Bench) -> None:
    ended = await bench.python("import os\nfor i in range(100): os.write(1 + i % 2, b'%d\\n' % i)")
    expected = b"".join(b"%d\n" % number for number in range(100))
    assert b"".join(bench.heard) == expected
    assert bench.log.read_bytes() == expected
    assert (ended.tail, ended.output_bytes) == (expected, len(expected))


async def test_binary_output_is_kept(bench: Bench) -> None:
    every_byte = bytes(range(256)) * 40
    ended = await bench.python("import os; os.write(1, bytes(range(256)) * 40)")
    assert b"".join(bench.heard) == every_byte == bench.log.read_bytes() == ended.tail


def started(bench: Bench, *argv: str) -> Program:
    return Program(argv, bench.folder, os.environ, None, bench.mark)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (None, "not found on PATH"),
        ("plain", "is not executable"),
        ("shebang", "first line"),
        ("text", "#! line"),
        ("folder", "is not executable"),
        ("missing", "does not exist"),
    ],
)
async def test_what_cannot_run_is_told_from_what_failed(bench: Bench, make: str | None, said: str) -> None:
    path = bench.folder / "tool"
    if make == "folder":
        path.mkdir()
    elif make not in {None, "missing"}:
        path.write_text("#!/no/such/interpreter\n" if make == "shebang" else "plain\n")
        path.chmod(0o644 if make == "plain" else 0o755)
    ended = await bench.run(started(bench, "no-such-tool-anywhere" if make is None else "./tool"))
    assert (ended.reason, ended.exit, ended.signal) == ("not-started", None, None)
    assert said in ended.message


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "is empty"),
        (("",), "is empty"),
        (("true", "a\0b"), "argument 1"),
        (("true", "x" * 131_072), "131,071"),
        (("true", "\ud800"), "argument 1"),
        (("true", *("x" * 100_000,) * 40), "was given too much"),
    ],
)
async def test_arguments_that_no_program_can_get(bench: Bench, argv: tuple[str, ...], said: str) -> None:
    ended = await bench.run(started(bench, *argv))
    assert ended.reason == "not-started"
    assert said in ended.message


async def test_the_longest_argument_arrives(bench: Bench) -> None:
    ended = await bench.python("import sys; print(len(sys.argv[1]))", "x" * 131_071)
    assert ended.tail == b"131071\n"


async def test_arguments_arrive_as_they_are(bench: Bench) -> None:
    odd = ["", " ", "a b", "'\"$x`", "new\nline", "--", "-x", os.fsdecode(b"\xff"), "😀"]
    ended = await bench.python("import os, sys; print([os.fsencode(a) for a in sys.argv[1:]])", *odd)
    assert ended.tail.decode() == f"{[os.fsencode(text) for text in odd]}\n"


async def test_an_environment_larger_than_a_socket_buffer_arrives(bench: Bench) -> None:
    env = {"PATH": os.environ["PATH"]} | {f"V{number}": "x" * 100_000 for number in range(10)}
    code = "import os; print(sum(len(v) for k, v in os.environ.items() if k[0] == 'V'))"
    ended = await bench.run(bench.program(code, env=env))
    assert ended.tail == b"1000000\n"


async def test_an_environment_that_is_too_large_is_told(bench: Bench) -> None:
    env = {"PATH": os.environ["PATH"]} | {f"V{number}": "x" * 100_000 for number in range(100)}
    ended = await bench.run(bench.program("pass", env=env))
    assert (ended.reason, "was given too much" in ended.message) == ("not-started", True)


async def test_the_environment_is_exactly_what_was_asked_for(bench: Bench) -> None:
    env = {"PATH": "/usr/bin", "ODD": "a=b\nc", os.fsdecode(b"BYTE\xff"): os.fsdecode(b"\xfe")}
    code = "import os; print(sorted(k + b'=' + v for k, v in os.environb.items() if k != b'LC_CTYPE'))"
    ended = await bench.run(bench.program(code, env=env))
    mark = os.fsencode(f"FANOUT_ATTEMPT={bench.mark}")
    folder = os.fsencode(f"PWD={bench.folder}")
    told = sorted([b"PATH=/usr/bin", b"ODD=a=b\nc", b"BYTE\xff=\xfe", mark, folder])
    assert eval(ended.tail) == told  # noqa: S307 - our own repr


async def test_the_folder_that_a_program_is_told_is_the_one_it_runs_in(bench: Bench) -> None:
    env = {"PATH": os.environ["PATH"], "PWD": "/the/users/checkout"}
    ended = await bench.run(bench.program("import os; print(os.environ['PWD'] == os.getcwd())", env=env))
    assert ended.tail == b"True\n"


@pytest.mark.parametrize("env", [{"": "x"}, {"A=B": "x"}, {"A": "x\0y"}, {"A": "\udfff\ud800"}])
async def test_variables_that_cannot_be_set(bench: Bench, env: dict[str, str]) -> None:
    ended = await bench.run(bench.program("pass", env=env))
    assert (ended.reason, "environment variable" in ended.message) == ("not-started", True)


async def test_a_missing_folder_is_told(bench: Bench) -> None:
    gone = bench.folder / "gone"
    ended = await bench.run(evolve(bench.program("pass"), cwd=gone))
    assert ended.reason == "not-started"
    assert str(gone) in ended.message


async def test_a_missing_input_is_told(bench: Bench) -> None:
    gone = bench.folder / "gone"
    ended = await bench.run(bench.program("pass", stdin=gone))
    assert ended.reason == "not-started"
    assert str(gone) in ended.message


async def test_no_input_is_the_end_of_input(bench: Bench) -> None:
    ended = await bench.python("import sys; print(repr(sys.stdin.read()))")
    assert ended.tail == b"''\n"


async def test_ten_megabytes_of_input_arrive_whole(bench: Bench) -> None:
    prompt = bench.folder / "prompt"
    prompt.write_bytes(b"0123456789" * 1_000_000)
    code = "import sys; d = sys.stdin.buffer.read(); print(len(d), d == b'0123456789' * 1_000_000)"
    ended = await bench.run(bench.program(code, stdin=prompt))
    assert ended.tail == b"10000000 True\n"


async def test_programs_start_with_plain_signals_and_descriptors(bench: Bench) -> None:
    shell = await bench.run(started(bench, "/bin/sh", "-c", "grep -E 'SigBlk|SigIgn' /proc/self/status"))
    blocked, ignored = (int(word, 16) for word in shell.tail.split()[1::2])
    # 32 and 33 are the C library's own; some programs above us (GNU make) leave one of them ignored.
    own = 1 << (32 - 1) | 1 << (33 - 1)
    assert (blocked, ignored & ~own) == (0, 0)
    code = "import os; print(sorted(os.listdir('/proc/self/fd'))[:-1], os.getsid(0) == os.getpid() == os.getpgrp())"
    assert (await bench.python(code)).tail == b"['0', '1', '2'] True\n"


async def test_timeout_stops_what_talks_on(bench: Bench) -> None:
    ended = await bench.python(
        "import time\nwhile True: print('x', flush=True); time.sleep(0.01)", timeout=0.4, stall=0.3
    )
    assert (ended.reason, ended.signal) == ("timeout", signal.SIGTERM)
    assert "0.4s" in ended.message
    assert bench.alive() == []


async def test_stall_stops_what_falls_silent(bench: Bench) -> None:
    ended = await bench.python("print('hello', flush=True); import time; time.sleep(300)", stall=0.3)
    assert (ended.reason, ended.signal, ended.tail) == ("stalled", signal.SIGTERM, b"hello\n")
    assert "0.3s" in ended.message


async def test_the_limits_may_be_infinite(bench: Bench) -> None:
    ended = await bench.python("print(1)", timeout=float("inf"), stall=float("inf"))
    assert ended.exit == 0


async def test_the_signal_to_stop_with_is_the_programs_own(bench: Bench) -> None:
    code = (
        "import sys, time\n"
        "try: print('up', flush=True); time.sleep(300)\n"
        "except KeyboardInterrupt: print('cost: 1'); sys.exit(7)"
    )
    ended = await bench.run(evolve(bench.program(code), stop_signal=signal.SIGINT), stall=0.3)
    assert (ended.reason, ended.exit) == ("stalled", 7)
    assert ended.tail == b"up\ncost: 1\n"


async def test_what_is_said_during_the_grace_is_read_however_long(bench: Bench) -> None:
    code = (
        "import os, signal, time\n"
        "def stop(*_):\n for _ in range(300): os.write(1, b'x' * 1000)\n os._exit(5)\n"
        "signal.signal(15, stop); os.write(1, b'up'); time.sleep(300)"
    )
    ended = await bench.python(code, stall=0.3)
    assert (ended.reason, ended.exit, ended.output_bytes) == ("stalled", 5, 300_002)


async def test_a_flood_leaves_a_bounded_log(bench: Bench) -> None:
    size = 100_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    heard = 0

    def listen(data: bytes) -> None:
        nonlocal heard
        heard += len(data)

    code = (
        "import sys\n"
        "for _ in range(100): sys.stdout.buffer.write(b'0123456789abcdef' * 62_500)\n"
        "sys.stdout.buffer.write(b'END')"
    )
    ended = await bench.run(bench.program(code), timeout=60, on_output=listen)
    assert ended.output_bytes == heard == size + 3
    assert len(ended.tail) == TAIL_BYTES
    assert ended.tail.endswith(b"cdefEND")
    log = bench.log.read_bytes()
    assert 16 * 1024 * 1024 < len(log) < 17 * 1024 * 1024
    assert log.endswith(ended.tail)
    assert b"bytes left out]" in log[-TAIL_BYTES - 100 :]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, "in KiB"


async def test_the_loop_lives_on_through_a_flood(bench: Bench) -> None:
    """Another task gets its turn all the while: a flood must not silence the editor."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.sleep(0.005)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        ended = await bench.run(started(bench, "sh", "-c", "yes | head -c 60000000"), timeout=60)
        tasks.cancel_scope.cancel()
    assert ended.output_bytes == 60_000_000
    assert turns > ended.seconds / 0.1


async def test_a_broken_listener_stops_the_program_and_is_told(bench: Bench) -> None:
    def broken(data: bytes) -> None:
        raise RuntimeError(f"no ear for {data!r}")

    with pytest.raises(RuntimeError, match="no ear for b'hello'"):
        await bench.run(bench.program("import os, time; os.write(1, b'hello'); time.sleep(300)"), on_output=broken)
    assert bench.alive() == []


async def test_a_log_that_cannot_be_made_is_told(bench: Bench) -> None:
    with pytest.raises(FanoutError, match=r"cannot write the log .*No such file"):
        await run_program(
            bench.program("pass"), timeout=1, stall=1, on_output=bench.heard.append, log=bench.folder / "no" / "log"
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to try")
async def test_a_full_disk_stops_the_program_and_is_told(bench: Bench) -> None:
    with pytest.raises(FanoutError, match=r"cannot write the log .*No space left"):
        await run_program(
            bench.program("print(1, flush=True); import time; time.sleep(300)"),
            timeout=PATIENCE,
            stall=PATIENCE,
            on_output=bench.heard.append,
            log=Path("/dev/full"),
        )
    assert bench.alive() == []


async def test_fifty_at_a_time(bench: Bench) -> None:
    results: dict[int, bytes] = {}

    async def one(number: int) -> None:
        program = bench.program("import sys; print(sys.argv[1])", str(number))
        log = bench.folder / f"{number}.log"
        ended = await run_program(program, timeout=60, stall=60, on_output=bench.heard.append, log=log)
        assert ended.exit == 0
        results[number] = ended.tail

    before = open_descriptors()
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(one, number)
    assert results == {number: b"%d\n" % number for number in range(50)}
    assert open_descriptors() == before


async def test_the_interpreter_of_the_supervisor_is_not_swayed_by_the_agents_environment(bench: Bench) -> None:
    """A variable meant for the agent that would break any Python does not break ours."""
    env = {"PATH": os.environ["PATH"], "PYTHONHOME": "/no/where", "LD_PRELOAD": "/no/such.so", "LC_ALL": "C"}
    ended = await bench.run(Program(("/bin/sh", "-c", "echo $PYTHONHOME $LC_ALL"), bench.folder, env, None, bench.mark))
    assert ended.exit == 0
    assert ended.tail.endswith(b"/no/where C\n")
