"""A client of a few lines that speaks JSON-RPC over pipes itself, so that no library hides what goes over them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.schema import validating

SERVE = [sys.executable, "-m", "fanout_server", "serve"]
LIMIT = 20.0

Message = dict[str, Any]


class RawClient:
    """Starts the server. Answers its requests by ``handlers``, with null where there is none."""

    def __init__(self, cwd: Path, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            SERVE,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.received: list[Message] = []
        self.handlers: dict[str, Callable[[Any], Any]] = {}
        self.junk = b""
        self._held: dict[str, list[Message]] = {}
        self._new = threading.Condition()
        self._ids = 0
        self._stderr: queue.Queue[bytes] = queue.Queue()
        self.reading = threading.Event()
        self.reading.set()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._read, self._read_stderr)]
        for thread in self._threads:
            thread.start()

    # Sending.

    def send_raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: Any) -> None:
        body = json.dumps(message).encode()
        self.send_raw(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def notify(self, method: str, params: Any) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any = None) -> int:
        """Returns the id, to be waited for with ``answer``."""
        self._ids += 1
        self.send({"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params})
        return self._ids

    def call(self, method: str, params: Any = None) -> Message:
        return self.answer(self.request(method, params))

    def command(self, name: str, argument: Any = None) -> Any:
        """The result of a command. Fails where it is an error, or not as the schema has it."""
        answer = self.call("workspace/executeCommand", {"command": name, "arguments": [argument or {}]})
        assert "error" not in answer, answer
        validating.command(name, "answer").validate(answer["result"])
        return answer["result"]

    def initialize(self, root: Path | None = None, capabilities: Any = None, **more: Any) -> Message:
        folders = [] if root is None else [{"uri": root.as_uri(), "name": root.name}]
        params = {"processId": None, "rootUri": None, "workspaceFolders": folders, "capabilities": capabilities or {}}
        answer = self.call("initialize", {**params, **more})
        self.notify("initialized", {})
        return answer

    # Waiting.

    def wait(self, wanted: Callable[[Message], bool], what: str, limit: float = LIMIT) -> Message:
        """The first message received so far, or to come, that is wanted."""
        deadline = time.monotonic() + limit
        with self._new:
            while True:
                for message in self.received:
                    if wanted(message):
                        return message
                left = deadline - time.monotonic()
                if left <= 0 or not self._threads[0].is_alive():
                    raise AssertionError(f"no {what}; received {self.received[-8:]}; stderr: {self.stderr()}")
                self._new.wait(min(left, 0.5))

    def answer(self, message_id: int, limit: float = LIMIT) -> Message:
        return self.wait(
            lambda one: one.get("id") == message_id and "method" not in one, f"answer to {message_id}", limit
        )

    def wait_for(self, method: str, check: Callable[[Any], bool] = lambda _: True, limit: float = LIMIT) -> Any:
        """The params of the first message of this method for which ``check`` holds."""
        found = self.wait(lambda one: one.get("method") == method and check(one.get("params")), method, limit)
        return found.get("params")

    def hold(self, method: str) -> None:
        """From now on requests of this method are answered only by ``release``."""
        self._held[method] = []

    def release(self, method: str) -> None:
        for message in self._held.pop(method):
            self._reply(message)

    def all(self, method: str) -> list[Any]:
        with self._new:
            return [one.get("params") for one in self.received if one.get("method") == method]

    def stderr(self) -> str:
        return b"".join(self._stderr.queue).decode(errors="replace")

    # Ending.

    def shutdown(self) -> int:
        assert self.call("shutdown")["result"] is None
        self.notify("exit", None)
        return self.process.wait(LIMIT)

    def close_stdin(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(LIMIT)

    def dispose(self) -> None:
        self.reading.set()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(LIMIT)
        for thread in self._threads:
            thread.join(LIMIT)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                continue

    # Receiving.

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while True:
            self.reading.wait()
            length = None
            while (line := stream.readline()) not in {b"\r\n", b""}:
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                else:
                    self.junk += line
            if not line or length is None:
                return
            message = json.loads(stream.read(length))
            # Answered first: whoever waits for the message may rely on its effects.
            if "method" in message and "id" in message:
                if message["method"] in self._held:
                    self._held[message["method"]].append(message)
                else:
                    self._reply(message)
            with self._new:
                self.received.append(message)
                self._new.notify_all()

    def _reply(self, message: Message) -> None:
        result = self.handlers.get(message["method"], _null)(message.get("params"))
        reply = result if isinstance(result, Reply) else Reply({"result": result})
        if reply.fields is not None:
            self.send({"jsonrpc": "2.0", "id": message["id"], **reply.fields})

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._stderr.put(line)


def _null(params: Any) -> Any:
    return None


class Reply:
    """What a handler returns for anything but a result: the answer's own fields, or ``None`` for no answer."""

    def __init__(self, fields: Message | None) -> None:
        self.fields = fields
