"""The bytes of the protocol: standard input and output taken over, frames read by one thread, written by another.

Nothing here blocks the event loop: a client that pauses fills a queue, and a busy thread pool stops no reading.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import re
import select
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from attrs import frozen

_AHEAD = 64
_CHUNK = 1 << 16
_LONGEST_HEADER = 1 << 16
_LONGEST_BODY = 1 << 30
_LONGEST_QUEUE = 1 << 28
_FLUSH_SECONDS = 2.0
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,15})[ \t]*", re.IGNORECASE)


class FramingError(Exception):
    """The stream holds no frames of the protocol, so nothing after this place can be read."""


@frozen
class Descriptors:
    """Ours alone: what the editor writes to us, and what it reads from us."""

    read: int
    write: int


@contextlib.contextmanager
def taken_over() -> Iterator[Descriptors]:
    """Moves the protocol's stream away from descriptors 0 and 1.

    A stray print then lands on stderr instead of in the stream, and a child that inherits stdin finds it empty instead
    of eating the editor's bytes.
    """
    sys.stdout.flush()
    read, write = os.dup(0), os.dup(1)
    kept_read, kept_write = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    try:
        os.dup2(null, 0)
        os.dup2(2, 1)
        yield Descriptors(read, write)
    finally:
        sys.stdout.flush()
        os.dup2(kept_read, 0)
        os.dup2(kept_write, 1)
        for descriptor in (null, kept_read, kept_write, read, write):
            os.close(descriptor)


class Frames:
    """Cuts bytes into bodies: headers up to an empty line, then ``Content-Length`` bytes."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._need: int | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that ``data`` completes. Raises FramingError."""
        self._data += data
        while True:
            if self._need is None and not self._read_headers():
                return
            if self._need is None or len(self._data) < self._need:
                return
            body = bytes(self._data[: self._need])
            del self._data[: self._need]
            self._need = None
            yield body

    def _read_headers(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > _LONGEST_HEADER:
                raise FramingError("no end of the headers in sight; is this the Language Server Protocol?")
            return False
        headers = bytes(self._data[:end]).split(b"\r\n")
        del self._data[: end + 4]
        lengths = [int(match[1]) for header in headers if (match := _LENGTH.fullmatch(header))]
        if not lengths:
            raise FramingError("headers without a Content-Length")
        if lengths[0] > _LONGEST_BODY:
            raise FramingError(f"a message of {lengths[0]} bytes")
        self._need = lengths[0]
        return True


class Reader:
    """A thread of its own that reads frames. Iterate over it for the bodies; iteration ends when the stream does.

    It reads only a little ahead of the loop, so that a client which sends faster than we work has to wait.
    """

    def __init__(self, descriptor: int) -> None:
        self.problem = ""
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._bodies: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._wake_read, self._wake_write = os.pipe()
        self._stopped = False
        self._thread = threading.Thread(target=self._read, name="fanout-reader", daemon=True)
        self._thread.start()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (body := await self._bodies.get()) is not None and not self._stopped:
            yield body
            self._room.release()

    def end(self) -> None:
        """Ends the iteration, whatever the client still sends. From any thread."""
        self._stopped = True
        self._hand_over(None)

    def stop(self) -> None:
        """Ends the thread, even one that waits for input. Blocking."""
        self._stopped = True
        self._room.release()
        os.write(self._wake_write, b"x")
        self._thread.join()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _read(self) -> None:
        try:
            self._pump()
        except (FramingError, OSError) as error:
            self.problem = str(error)
        self._hand_over(None)

    def _pump(self) -> None:
        frames = Frames()
        while data := self._next():
            for body in frames.feed(data):
                self._room.acquire()
                if self._stopped:
                    return
                self._hand_over(body)

    def _hand_over(self, body: bytes | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: there is nobody left to read it
            self._loop.call_soon_threadsafe(self._bodies.put_nowait, body)

    def _next(self) -> bytes:
        """What came, or nothing at the end. The descriptor may be non-blocking: the editor shares it with us."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            if any(descriptor == self._wake_read for descriptor, _ in poll.poll()):
                return b""
            with contextlib.suppress(BlockingIOError):
                return os.read(self._descriptor, _CHUNK)


class Writer:
    """Writes frames from a thread of its own, in order. ``broken`` is called (in any thread) if the client is gone."""

    def __init__(self, descriptor: int, broken: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._broken = broken
        self._queue: collections.deque[bytes] = collections.deque()
        self._size = 0
        self._state = threading.Condition()
        self._closing = False
        self._dead = False
        self._thread = threading.Thread(target=self._run, name="fanout-writer", daemon=True)
        self._thread.start()

    def write(self, body: bytes) -> None:
        """Queues one message. Never blocks; what is written to a client that is gone is dropped."""
        frame = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        with self._state:
            if self._dead or self._closing:
                return
            if self._size + len(frame) > _LONGEST_QUEUE and self._queue:
                # A client that has read nothing for this long reads no more; its messages must not fill the memory.
                self._dead = True
                self._queue.clear()
            else:
                self._queue.append(frame)
                self._size += len(frame)
            self._state.notify()
        if self._dead:
            self._broken()

    def close(self) -> None:
        """Writes out what is queued, for a limited time: a client may have stopped reading. Blocking."""
        with self._state:
            self._closing = True
            self._state.notify()
        self._thread.join(_FLUSH_SECONDS)

    def _run(self) -> None:
        while True:
            with self._state:
                while not self._queue and not self._closing and not self._dead:
                    self._state.wait()
                if not self._queue:
                    return
                frame = self._queue.popleft()
                self._size -= len(frame)
            try:
                self._write(frame)
            except OSError:
                with self._state:
                    self._dead = True
                    self._queue.clear()
                self._broken()
                return

    def _write(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
