"""A small program that makes supervisors by forking itself, so that no agent waits for an interpreter to start.

Run by a bare interpreter, so it imports little and nothing of ours but the supervisor and what that may need; ``START``
is a line that imports this and calls ``main``::

    python -I -S -c START N

``N`` is one end of a stream socket, the control. Each request on it is one byte that comes with the descriptors in
``PASSED``, of which the last is the *grave*: nobody but this process keeps it, and only until the supervisor is gone,
namespaces and all, so who holds its other end sees when that is. The answer is the supervisor's process id and an errno
(zero where the other is not), four bytes each. At the end of the stream this ends; supervisors do not depend on it.
"""

from __future__ import annotations

import _socket  # ``socket`` wraps this one in enumerations, which takes twice as long as all the rest of the start.
import errno
import os
import select
import sys

import overlay  # type: ignore[import-not-found]  # noqa: F401 - most supervisors need it
import supervisor  # type: ignore[import-not-found]

MYPY = False
if MYPY:
    import signal
else:
    # As in the supervisor.
    import _signal as signal

# In this order.
PASSED = ("life line", "standard input", "standard output", "standard error", "working folder", "grave")


class Buried:
    """The graves of the supervisors that live, by process id."""

    def __init__(self) -> None:
        self._graves: dict[int, int] = {}

    def add(self, pid: int, grave: int) -> None:
        self._graves[pid] = grave

    def tell(self) -> None:
        """Collects those that are gone."""
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            os.close(self._graves.pop(pid))

    def forget(self) -> None:
        """In a process that is forked: these are its parent's to close."""
        for grave in self._graves.values():
            os.close(grave)


def serve(control: _socket.socket) -> None:
    wake = supervisor.wake_on_child()
    buried = Buried()
    while True:
        ready = select.select([control, wake], (), ())[0]
        if wake in ready:
            os.read(wake, 512)
            buried.tell()
        if control not in ready:
            continue
        passed = receive(control)
        if passed is None:
            return
        if len(passed) < len(PASSED):
            # The system drops what this process has no room for.
            for fd in passed:
                os.close(fd)
            answer(control, 0, errno.EMFILE)
            continue
        *kept, grave = passed
        try:
            pid = os.fork()
        except OSError as error:
            os.close(grave)
            answer(control, 0, error.errno or 0)
        else:
            if pid == 0:
                for fd in (control.detach(), wake, grave):
                    os.close(fd)
                buried.forget()
                become_supervisor(*kept)
            buried.add(pid, grave)
            answer(control, pid, 0)
        for fd in kept:
            os.close(fd)


def receive(control: _socket.socket) -> list[int] | None:
    """The descriptors of the next request; ``None`` at the end of the stream."""
    request, ancillary, _, _ = control.recvmsg(1, _socket.CMSG_SPACE(len(PASSED) * 4))
    if not request:
        return None
    return [
        int.from_bytes(data[at : at + 4], sys.byteorder)
        for level, kind, data in ancillary
        if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS)
        for at in range(0, len(data) - 3, 4)
    ]


def answer(control: _socket.socket, pid: int, error: int) -> None:
    try:
        control.sendall(pid.to_bytes(4, "big") + error.to_bytes(4, "big"))
    except OSError:
        return  # Nobody asks any more, which the next look at the stream shows.


def become_supervisor(line: int, stdin: int, stdout: int, stderr: int, folder: int) -> None:
    """Does not return."""
    try:
        os.setsid()
        os.close(signal.set_wakeup_fd(-1))
        for number, fd in enumerate((stdin, stdout, stderr)):
            os.dup2(fd, number)
        os.fchdir(folder)
        for fd in (stdin, stdout, stderr, folder):
            os.close(fd)
        os.set_inheritable(line, False)  # noqa: FBT003 - the parameter is positional only
        supervisor.run(line)
    except BaseException:  # noqa: BLE001 - whatever it is, it must not go on as a second fork server
        # The server finds no report on the life line; this is for the agent's log.
        sys.excepthook(*sys.exc_info())
    finally:
        # Nothing needs tidying, and the interpreter's own farewell takes milliseconds.
        os._exit(0)


def main() -> None:
    """Does not return."""
    supervisor.ignore_signals()
    serve(_socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)
