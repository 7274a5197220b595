"""A small program that stands between the server and one agent, and leaves nothing of the agent behind.

One is forked for each agent by ``fork_server.py``, with the agent's standard streams and working folder; so both import
little, and nothing of ours but ``overlay.py``. Its one descriptor more is an end of a socket pair, the life line. First
the server sends three messages over it (four bytes of length, then as many):

- how to run the agent: the number of the signal that asks for an end, the grace in seconds, program and arguments,
  each ending in NUL;
- the agent's environment, ``NAME=VALUE`` entries that end in NUL;
- what it is to find mounted, a ``Space`` of ``overlay.py``, or nothing;

then no more. The end of that stream, because the server asks for a stop or because it is dead, means: send the signal
to the agent's group, then SIGTERM where that was another one, each with a share of the grace to end in; then kill all
descendants. When the agent ends by itself, what it left running is killed too. Then one line of JSON goes back and the
line closes:

    {"exit": 0, "signal": null, "leftovers": 2, "stuck": 0}    or    {"error": ERRNO}    where the program did not start
    or    {"error": ERRNO, "step": "what could not be mounted"}

On Linux this process is a child subreaper: whatever the agent's children do (own sessions, double forks), they come
back here as children, so the loop ends only when none is left. Elsewhere there is no such thing: the tree is taken from
``ps`` before anything is signalled, with the agent's process group; a daemon that left both before that is found by the
mark in its environment, by the server.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import sys
import time

MYPY = False
if MYPY:
    import signal
else:
    # The module ``signal`` wraps this one in enumerations, which takes a third of this program's start-up time.
    import _signal as signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform.startswith("linux")

# How long to go on killing. What outlives SIGKILL for this long waits for a dead disk, or is another user's.
KILL_LIMIT = 5.0

# How much of the grace the agent's own stop signal has, where SIGTERM follows: it may have accounts to close.
FIRST_SHARE = 0.75


def read_exactly(fd: int, size: int) -> bytes:
    """Raises ``EOFError`` where the stream ends early."""
    data = b""
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def receive(fd: int) -> bytes:
    return read_exactly(fd, int.from_bytes(read_exactly(fd, 4), "big"))


def entries(data: bytes) -> list[bytes]:
    return data.split(b"\0")[:-1]


def enter(space: bytes) -> None:
    """Mounts for this process and the agent; the working folder is then that of the mount. Raises ``OSError``."""
    import overlay  # type: ignore[import-not-found]  # noqa: PLC0415 - the server, which imports this too, has no such

    here = os.getcwdb()  # noqa: PTH109 - pathlib costs more than the rest of this program
    overlay.enter(overlay.Space.from_bytes(space))
    os.chdir(here)


class Agent:
    """The agent's process and everything that descends from it."""

    def __init__(self, argv: list[bytes], environment: dict[bytes, bytes]) -> None:
        prctl = None
        if LINUX:
            prctl = ctypes.CDLL(None, use_errno=True).prctl
            prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        supervisor = os.getpid()
        failure_read, failure_write = os.pipe()
        self.status: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = errno.EINVAL
            try:
                os.setsid()
                if prctl is not None:
                    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                    if os.getppid() != supervisor:
                        os._exit(127)
                for number in (
                    signal.SIGINT,
                    signal.SIGTERM,
                    signal.SIGHUP,
                    signal.SIGQUIT,
                    signal.SIGPIPE,
                    signal.SIGXFSZ,
                ):
                    signal.signal(number, signal.SIG_DFL)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
                os.execvpe(argv[0], argv, environment)  # noqa: S606 - no shell is the point
            except OSError as error:
                code = error.errno or code
            finally:
                os.write(failure_write, str(code).encode())
                os._exit(127)
        os.close(failure_write)
        self.failure = int(os.read(failure_read, 16) or b"0")
        os.close(failure_read)

    def reap(self) -> bool:
        """Collects the children that ended. False where there are no more children, living or dead."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status

    def signal_group(self, number: int) -> None:
        if self.status is None:
            for one in (number, signal.SIGCONT):
                send(os.killpg, self.pid, one)

    def kill_all(self, known: set[int]) -> tuple[int, int]:
        """Kills every descendant; answers how many there were besides the agent, and how many would not go."""
        end = time.monotonic() + KILL_LIMIT
        pause = 0.001
        seen: set[int] = set()
        while self.reap() or not LINUX:
            alive = descendants(os.getpid(), self.pid, known)
            seen |= alive
            if time.monotonic() > end:
                return len(seen - {self.pid}), len(alive)
            if not alive and not LINUX:
                self.reap()
                break
            for pid in alive:
                send(os.kill, pid, signal.SIGKILL)
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        return len(seen - {self.pid}), 0


def send(kill: object, pid: int, number: int) -> None:
    """Signals where that is possible: who is gone or another user's shows in the next look at the tree."""
    try:
        kill(pid, number)  # type: ignore[operator]  # os.kill or os.killpg; typing.Callable would cost an import
    except (ProcessLookupError, PermissionError):
        return


def descendants(root: int, group: int, known: set[int]) -> set[int]:
    """The living below ``root``, those in the process group, and those of ``known`` that still live."""
    table = read_proc() if LINUX else read_ps()
    children: dict[int, list[int]] = {}
    for pid, (parent, _, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found = {pid for pid, (_, its_group, _) in table.items() if its_group == group and not LINUX} | (
        known & table.keys()
    )
    queue = [root]
    while queue:
        below = children.get(queue.pop(), [])
        found.update(below)
        queue.extend(below)
    return {pid for pid in found if table[pid][2]}


def read_proc() -> dict[int, tuple[int, int, bool]]:
    """Process id -> parent, group, and whether it lives (a zombie does not)."""
    table = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs more than the rest of this program
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb", 0) as file:  # noqa: PTH123 - as above
                state, parent, group = file.read(4096).rpartition(b")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        table[int(name)] = (int(parent), int(group), state not in b"ZX")
    return table


def read_ps() -> dict[int, tuple[int, int, bool]]:
    """The same from ``ps``, for systems without ``/proc``."""
    import subprocess  # noqa: PLC0415 - costs 10 ms that Linux need not pay

    command = ["/bin/ps", "-A", "-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "stat="]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as ps:
        rows = [line.split() for line in ps.communicate(timeout=KILL_LIMIT)[0].splitlines()]
    table = {int(pid): (int(parent), int(group), state[:1] != b"Z") for pid, parent, group, state in rows}
    table.pop(ps.pid, None)
    return table


def let_go_of_everything() -> None:
    """No copy of the agent's output pipe and no working folder is held here."""
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)


def wake_on_child() -> int:
    """A descriptor that becomes readable when a child ends."""
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_read, False)
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return wake_read


def steps(number: int, grace: float) -> list[tuple[int, float]]:
    """The signals that ask for an end, the gentlest first, each with how long it is waited for."""
    if number == signal.SIGTERM:
        return [(number, grace)]
    return [(number, grace * FIRST_SHARE), (signal.SIGTERM, grace * (1 - FIRST_SHARE))]


def watch(agent: Agent, fd: int, wake: int, ladder: list[tuple[int, float]]) -> set[int]:
    """Returns when the agent has ended, or all was asked of it in vain; with the tree as it was at the stop."""
    deadline: float | None = None
    known: set[int] = set()
    while agent.reap() and agent.status is None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            if not ladder:
                break
            deadline = ask(agent, ladder)
            continue
        ready = select.select([wake] if deadline is not None else [wake, fd], (), (), left)[0]
        if wake in ready:
            os.read(wake, 512)
        if fd in ready:
            # Nothing is ever sent here: readable means the end of the stream, in whichever way it came.
            known = set() if LINUX else descendants(os.getpid(), agent.pid, set())
            deadline = ask(agent, ladder)
    return known


def ask(agent: Agent, ladder: list[tuple[int, float]]) -> float:
    """Takes the next step; answers until when it is waited for."""
    number, seconds = ladder.pop(0)
    agent.signal_group(number)
    return time.monotonic() + seconds


def report(fd: int, text: str) -> None:
    try:
        os.write(fd, text.encode() + b"\n")
    except OSError:
        return  # The server is gone, and with it whoever wanted to know.


def ignore_signals() -> None:
    """Those that ask for an end: an agent's Ctrl-C is not meant for who has to clear up behind it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def run(fd: int) -> None:
    """All that a supervisor does, in a process of its own that ignores signals; ``fd`` is the life line."""
    try:
        number, grace, *argv = entries(receive(fd))
        environment = dict(entry.split(b"=", 1) for entry in entries(receive(fd)))
        space = receive(fd)
    except (EOFError, OSError):
        return
    if space:
        try:
            enter(space)
        except OSError as error:
            import json  # noqa: PLC0415 - costs time that only this case need pay

            report(fd, json.dumps({"error": error.errno, "step": error.strerror}))
            return
    wake = wake_on_child()
    try:
        agent = Agent(argv, environment)
    except OSError as error:  # No room for another process.
        report(fd, f'{{"error": {error.errno}}}')
        return
    let_go_of_everything()
    if agent.failure:
        report(fd, f'{{"error": {agent.failure}}}')
        return
    known = watch(agent, fd, wake, steps(int(number), float(grace)))
    leftovers, stuck = agent.kill_all(known)
    code = None if agent.status is None else os.waitstatus_to_exitcode(agent.status)
    ended = "null" if code is None or code < 0 else str(code)
    by = str(-code) if code is not None and code < 0 else "null"
    report(fd, f'{{"exit": {ended}, "signal": {by}, "leftovers": {leftovers}, "stuck": {stuck}}}')
