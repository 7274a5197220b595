"""JSON-RPC with a program that is not trusted: one of us asks, the other one asks back meanwhile."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import anyio
from attrs import frozen

from fanout_server.agents.json_lines import Json, at, fields, text
from fanout_server.agents.pipe import Pipe, Unheard

# What a program may ask without waiting for an answer.
_WAITING = 1000
_WAITING_BYTES = 32 * 1024 * 1024

_CUT_OFF = re.compile(
    rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?(?:"id"\s*:\s*(?P<id>\d{1,15}|"[^"\\]{0,200}")\s*,\s*)?'
    rb'"method"\s*:\s*"(?P<method>[^"\\]{1,100})"\s*,\s*(?:"id"\s*:\s*(?P<late>\d{1,15}|"[^"\\]{0,200}"))?'
)

METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602


@frozen
class Request:
    id: Json
    method: str
    params: Mapping[str, Json]


class Failed(Exception):
    """The program answered with an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(text(error, "message") or "an error without words")
        code = at(error, "code")
        self.code = code if isinstance(code, int) else 0
        # Where the words of the service itself are, if anywhere.
        self.details = text(error, "data", "details") or text(error, "data", "message") or text(error, "data")


class Refused(Exception):
    """Our answer to a request is no."""

    def __init__(self, message: str, code: int = INVALID_PARAMS) -> None:
        super().__init__(message)
        self.code = code


class Peer:
    """Our side. ``serve`` answers one request of the program; while we wait for an answer they are served in turn."""

    def __init__(self, serve: Callable[[Request], Awaitable[Json]]) -> None:
        self._serve = serve
        self._pipe: Pipe | None = None
        self._asked: set[int] = set()
        self._answers: dict[int, Mapping[str, Json]] = {}
        self._requests: deque[tuple[Request, int]] = deque()
        self._waiting = 0
        self._count = 0
        self._news = anyio.Event()

    def connect(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def hear(self, message: Mapping[str, Json], size: int) -> None:
        """An answer or a request; what is neither is nothing to us. ``size`` is what it took in bytes."""
        number = message.get("id")
        if "method" in message:
            if "id" in message and (number is None or isinstance(number, str | int)):
                self._enqueue(Request(number, text(message, "method"), fields(message, "params")), size)
        elif isinstance(number, int) and not isinstance(number, bool) and number in self._asked:
            self._asked.remove(number)
            self._answers[number] = message
            self._news.set()

    def hear_beginning(self, line: bytes) -> None:
        """Of a message too long to be kept. A request must still be answered, or its sender would wait for ever."""
        found = _CUT_OFF.match(line)
        number = found and (found["id"] or found["late"])
        if found and number:
            self._enqueue(Request(json.loads(number), "", {"tooLong": found["method"].decode("ascii", "replace")}), 0)

    async def call(self, method: str, params: Json) -> Mapping[str, Json]:
        """Raises ``Failed`` and ``Unheard``."""
        return await self.answer(await self.ask(method, params))

    async def ask(self, method: str, params: Json) -> int:
        number = self._count
        self._count += 1
        self._asked.add(number)
        await self._send({"id": number, "method": method, "params": params})
        return number

    async def tell(self, method: str, params: Json) -> None:
        await self._send({"method": method, "params": params})

    async def answer(self, number: int) -> Mapping[str, Json]:
        """To what was asked, once everything is served that was asked before."""
        while self._requests or number not in self._answers:
            if self._requests:
                request, size = self._requests.popleft()
                self._waiting -= size
                await self._reply(request)
                continue
            if self._waiting < 0:
                raise Unheard("it asks without waiting for answers")
            self._news = anyio.Event()
            await self._news.wait()
        found = self._answers.pop(number)
        if found.get("error") is not None:
            raise Failed(found["error"])
        return fields(found, "result")

    def _enqueue(self, request: Request, size: int) -> None:
        if self._waiting < 0:
            return
        self._waiting += size
        self._requests.append((request, size))
        if len(self._requests) > _WAITING or self._waiting > _WAITING_BYTES:
            self._requests.clear()
            self._waiting = -1
        self._news.set()

    async def _reply(self, request: Request) -> None:
        try:
            if "tooLong" in request.params and not request.method:
                raise Refused(f"{text(request.params, 'tooLong')}: the message is too long")  # noqa: TRY301 - as below
            result = await self._serve(request)
        except Refused as refusal:
            await self._send({"id": request.id, "error": {"code": refusal.code, "message": str(refusal)}})
        else:
            await self._send({"id": request.id, "result": result})

    async def _send(self, message: Mapping[str, Json]) -> None:
        if self._pipe is None:
            raise Unheard("it is not there yet")
        # Only ASCII: half a surrogate pair may come back as it came.
        await self._pipe.write(json.dumps({"jsonrpc": "2.0", **message}).encode("ascii") + b"\n")
