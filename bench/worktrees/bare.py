"""Works in worktrees for a benchmark, as an agent would: from inside, with what is mounted there.

Run as a file by a bare interpreter: ``python -I -S bare.py MOUNTING RESULTS HOLD``. An agent's supervisor enters its
worktree's space by ``overlay.py`` in the folder MOUNTING; here a child does, one forked for each order, so that nobody
pays for the start of an interpreter. An order comes on standard input as four bytes of length and a marshalled tuple:
name, bytes of a ``Space`` or nothing, folder to work in, steps. What came of it goes to the descriptor RESULTS in the
same form: name, error or ``None``, and what each step tells.

    ("look", PATH)         its size and a checksum
    ("edit", PATH, WORD)   a line in the middle; one of two that do so at the same place overlaps
    ("add", PATH, BYTES)   a new file
    ("delete", PATH)
    ("run", ARGV)          seconds, exit status, bytes printed
    ("hold",)              reports what came before, then stays until HOLD ends
"""

from __future__ import annotations

import marshal
import os
import sys
import time
import zlib


def receive() -> bytes:
    size = read(4)
    return read(int.from_bytes(size, "big")) if size else b""


def read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = os.read(0, size - len(data))
        if not chunk:
            return b""
        data += chunk
    return data


def report(results: int, name: str, error: str | None, told: list[object]) -> None:
    data = marshal.dumps((name, error, told))
    # In one write, which is short enough not to be mixed with others'.
    os.write(results, len(data).to_bytes(4, "big") + data)


def do(step: tuple[object, ...]) -> object:
    verb, path = str(step[0]), str(step[1]) if len(step) > 1 else ""
    if verb == "run":
        return run(list(step[1]))  # type: ignore[call-overload]
    if verb == "delete":
        os.unlink(path)
        return None
    if verb == "add":
        with open(path, "wb") as file:
            return file.write(step[2])  # type: ignore[arg-type]
    with open(path, "rb") as file:
        data = file.read()
    if verb == "look":
        return len(data), zlib.crc32(data)
    middle = data.index(b"\n", len(data) // 2) + 1
    with open(path, "wb") as file:
        return file.write(data[:middle] + b"# %s\n" % str(step[2]).encode() + data[middle:])


def run(argv: list[str]) -> tuple[float, int, int]:
    source, sink = os.pipe()
    began = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, sink, 1)])
    os.close(sink)
    told = 0
    while chunk := os.read(source, 1 << 16):
        told += len(chunk)
    status = os.waitpid(pid, 0)[1]
    return time.perf_counter() - began, os.waitstatus_to_exitcode(status), told


def work(results: int, hold: int, order: bytes) -> None:
    import overlay  # type: ignore[import-not-found]  # noqa: PLC0415 - found by its folder, and imported already

    name, space, folder, steps = marshal.loads(order)  # noqa: S302 - the benchmark's own
    told: list[object] = []
    try:
        if space:
            overlay.enter(overlay.Space.from_bytes(space))
        os.chdir(folder)
        for step in steps:
            if step[0] == "hold":
                report(results, name, None, told)
                os.read(hold, 1)
                return
            told.append(do(step))
    except (OSError, ValueError) as error:
        report(results, name, f"{type(error).__name__}: {error}", told)
        return
    report(results, name, None, told)


def main() -> None:
    mounting, results, hold = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.append(mounting)
    import overlay  # noqa: PLC0415 - found only now

    del overlay
    report(results, "", None, [])
    while order := receive():
        if os.fork() == 0:
            work(results, hold, order)
            os._exit(0)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
