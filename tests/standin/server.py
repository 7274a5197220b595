"""The stand-in as a server: which request is answered how, and HTTP around it."""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Final

from attrs import frozen

from fanout_server.agents.json_lines import Json, parse
from tests.standin import forms, script
from tests.standin.anthropic import Messages
from tests.standin.chat import Chat
from tests.standin.gemini import GenerateContent
from tests.standin.record import Recorded
from tests.standin.responses import Responses
from tests.standin.script import Move, Refusal, Say, Script
from tests.standin.tools import act
from tests.standin.wire import Asked, Document, Event, Events, Reply, Wire

WIRES: Final[tuple[Wire, ...]] = (Messages(), Responses(), Chat(), GenerateContent())

_BAD_REQUEST, _BAD_KEY, _ALONE = 400, 401, 500

# How long those who come first wait for the others.
_PATIENCE = 20.0


@frozen
class Decision:
    """``reply`` is ``None`` where there is never one."""

    status: int
    reply: Reply | None
    after: int | None = None


class StandIn(ThreadingHTTPServer):
    """Listens on the loopback. Whoever comes with another key than ``key`` is refused."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, log: Path, key: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._key = key
        self._log = log
        self._lock = threading.Lock()
        self._number = 0
        self._refused: Counter[tuple[str, ...]] = Counter()
        self._meetings: dict[int, threading.Barrier] = {}
        log.touch()

    def handle_error(self, request: object, client_address: object) -> None:
        """Programs are killed in the middle of an answer; that is what tests are about."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def port(self) -> int:
        return self.server_port

    def answer(self, wire: Wire, asked: Asked) -> Decision:
        """What is answered, once it is written down."""
        met = asked.done > 0 or self._meet(asked)
        with self._lock:
            self._number += 1
            answer = self._decide(wire, asked) if met else self._refusal(wire, Refusal(_ALONE), "nobody else came")
            told = Recorded(
                wire.name,
                asked.model,
                answer.status,
                asked.prompt,
                asked.done,
                asked.turns,
                asked.stream,
                tuple(sorted(asked.tools)),
            )
            with self._log.open("a") as file:
                file.write(told.to_line())
        return answer

    def _meet(self, asked: Asked) -> bool:
        """Waits for as many as the prompt says. False where they do not come."""
        with self._lock:
            number = _together(asked)
            meeting = self._meetings.setdefault(number, threading.Barrier(number))
        try:
            meeting.wait(_PATIENCE)
        except threading.BrokenBarrierError:
            return False
        return True

    def _decide(self, wire: Wire, asked: Asked) -> Decision:
        if asked.key != self._key:
            return self._refusal(wire, Refusal(_BAD_KEY), "the key is not known")
        try:
            read = script.parse(asked.prompt)
        except script.UnreadableScriptError as error:
            return self._refusal(wire, Refusal(_BAD_REQUEST), str(error))
        if read.silent:
            return Decision(0, None)
        refusal = self._due(read, script.lines(asked.prompt))
        if refusal is not None:
            return self._refusal(wire, refusal, "refused as the prompt says")
        return Decision(HTTPStatus.OK, wire.reply(asked, act(_move(read, asked), asked.tools), read.use, self._number))

    def _due(self, read: Script, lines: tuple[str, ...]) -> Refusal | None:
        """Programs repeat a refused request as it was, so the script alone tells them apart."""
        refusal = read.refusal
        if refusal is None or (refusal.times is not None and self._refused[lines] >= refusal.times):
            return None
        self._refused[lines] += 1
        return refusal

    @staticmethod
    def _refusal(wire: Wire, refusal: Refusal, why: str) -> Decision:
        message = f"stand-in: {why} ({refusal.status})"
        return Decision(refusal.status, Document(wire.refusal(refusal.status, message)), refusal.after)


def _move(read: Script, asked: Asked) -> Move:
    """Without tools it is no work on the task, but a small question about it: for its title, for a fitting model."""
    if asked.tools or isinstance(read.move(0), script.Answer):
        return read.move(asked.done)
    return Say("A title") if asked.form is None else Say(json.dumps(forms.example(asked.form)))


def _together(asked: Asked) -> int:
    try:
        return max(script.parse(asked.prompt).together, 1)
    except script.UnreadableScriptError:
        return 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name where it comes from
        """Standard error is for what goes wrong."""

    def do_HEAD(self) -> None:
        self._send(HTTPStatus.OK, b"", {})

    def do_GET(self) -> None:
        self._send_json(HTTPStatus.NOT_FOUND, {"error": {"message": f"stand-in: there is no {self.path}"}})

    def do_POST(self) -> None:
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = parse(_decoded(self._body(headers), headers))
        wire = next((one for one in WIRES if one.speaks(path)), None)
        counted = next((found for one in WIRES if (found := one.count(path)) is not None), None)
        if counted is not None:
            self._send_json(HTTPStatus.OK, counted)
        elif wire is None:
            self.do_GET()
        elif body is None:
            self._send_json(_BAD_REQUEST, wire.refusal(_BAD_REQUEST, "stand-in: the body is no JSON object"))
        else:
            self._answer(self.server.answer(wire, wire.read(path, headers, body)))

    def _answer(self, answer: Decision) -> None:
        match answer.reply:
            case None:
                # Until whoever asked goes away.
                self.rfile.read(1)
                self.close_connection = True
            case Document(body):
                after = {} if answer.after is None else {"retry-after": str(answer.after)}
                self._send_json(answer.status, body, after)
            case Events(events):
                self._send_events(events)

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            return _chunks(self.rfile)
        return self.rfile.read(int(headers.get("content-length", "0")))

    def _send_json(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), {"content-type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send_events(self, events: tuple[Event, ...]) -> None:
        """Its end is the connection's end."""
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for event in events:
            name = f"event: {event.name}\n" if event.name else ""
            data = event.data if isinstance(event.data, str) else json.dumps(event.data)
            self.wfile.write(f"{name}data: {data}\n\n".encode())
            self.wfile.flush()


def _chunks(file: BufferedIOBase) -> bytes:
    found = b""
    while size := int(file.readline().split(b";")[0], 16):
        found += file.read(size)
        file.readline()
    file.readline()
    return found


def _decoded(body: bytes, headers: Mapping[str, str]) -> bytes:
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
