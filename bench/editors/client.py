"""An editor's side that costs as little as it can: frames over pipes, each answer timed when it comes."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from attrs import Factory, define

LIMIT_SECONDS = 60.0
_MB = 1024 * 1024


class NoAnswerError(Exception):
    """The server did not do what was waited for."""


@define
class Call:
    """One request; ``seconds`` from its sending until its answer was there."""

    sent: float
    answer: dict[str, Any] = Factory(dict)
    seconds: float = 0.0
    done: threading.Event = Factory(threading.Event)

    def wait(self) -> dict[str, Any]:
        if not self.done.wait(LIMIT_SECONDS):
            raise NoAnswerError("a request was not answered")
        return self.answer


class Client:
    """``handlers`` answer the server's requests, null where there is none; ``heard`` gets what was told, by method."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.handlers: dict[str, Callable[[Any], Any]] = {}
        self.heard: list[tuple[str, Any]] = []
        self.reading = threading.Event()
        self.reading.set()
        self._new = threading.Condition()
        self._calls: dict[int, Call] = {}
        self._writing = threading.Lock()
        self._id = 0
        self.process = subprocess.Popen(
            argv, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # Sending.

    def request(self, method: str, params: Any = None) -> Call:
        with self._writing:
            self._id += 1
            body = _body({"id": self._id, "method": method, "params": params})
            call = self._calls[self._id] = Call(time.perf_counter())
            self._write(body)
        return call

    def notify(self, method: str, params: Any = None) -> None:
        with self._writing:
            self._write(_body({"method": method, "params": params}))

    def command(self, name: str, *arguments: Any) -> Call:
        return self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})

    def initialize(self, capabilities: Mapping[str, Any], root: Path) -> dict[str, Any]:
        """The server's capabilities."""
        folders = [{"uri": root.as_uri(), "name": root.name}]
        params = {"processId": os.getpid(), "rootUri": root.as_uri(), "workspaceFolders": folders}
        answer = self.request("initialize", {**params, "capabilities": capabilities}).wait()
        self.notify("initialized", {})
        found = answer["result"]["capabilities"]
        return dict(found)

    def _write(self, body: bytes) -> None:
        stream = self.process.stdin
        if stream is None:
            raise NoAnswerError("no standard input")
        stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        stream.flush()

    # Waiting.

    def wait_for(self, method: str, wanted: Callable[[Any], bool], since: int = 0) -> Any:
        """The params of the first such message from the ``since``th that was told."""
        deadline = time.monotonic() + LIMIT_SECONDS
        at = since
        with self._new:
            while True:
                for name, params in self.heard[at:]:
                    if name == method and wanted(params):
                        return params
                at = len(self.heard)
                if not self._reader.is_alive() or time.monotonic() > deadline:
                    raise NoAnswerError(f"no {method} came; the last were {self.heard[-5:]}")
                self._new.wait(0.5)

    @property
    def mark(self) -> int:
        """For ``wait_for``: what comes from now on."""
        return len(self.heard)

    def memory(self) -> float:
        """In MB, of the server alone: what would be free again if it ended."""
        return float(psutil.Process(self.process.pid).memory_full_info().uss) / _MB

    def close(self) -> int:
        self.request("shutdown").wait()
        self.notify("exit")
        status = self.process.wait(LIMIT_SECONDS)
        self._reader.join(LIMIT_SECONDS)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        return status

    # Receiving.

    def _read(self) -> None:
        stream = self.process.stdout
        while stream is not None:
            self.reading.wait()
            length = 0
            while (line := stream.readline()).strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            if not line:
                return
            body = stream.read(length)
            self._take(json.loads(body), time.perf_counter())

    def _take(self, message: dict[str, Any], now: float) -> None:
        method = message.get("method")
        if method is None:
            call = self._calls.pop(message["id"])
            call.answer, call.seconds = message, now - call.sent
            call.done.set()
            return
        if "id" in message:
            handler = self.handlers.get(method)
            result = None if handler is None else handler(message.get("params"))
            with self._writing:
                self._write(_body({"id": message["id"], "result": result}))
        with self._new:
            self.heard.append((method, message.get("params")))
            self._new.notify_all()


def _body(message: Mapping[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode()
