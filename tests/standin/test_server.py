"""The stand-in over HTTP, asked by hand as the programs ask."""

from __future__ import annotations

import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import frozen

from fanout_server.agents.json_lines import Json, parse, text
from tests.standin.record import recorded
from tests.standin.server import StandIn
from tests.standin.wire import Object

_KEY = "good"
_LIMIT = 20
_POLL_SECONDS = 0.01

_WRITE = "standin: write a.txt = new\nstandin: say All done."


@frozen
class Service:
    """How one is asked: ``body`` of a prompt, of how many tools answered it, and of the tools there are."""

    path: str
    stream: str
    key: Mapping[str, str]
    tool: str
    body: Callable[[str, int, str], Object]


def _messages(prompt: str, answered: int, tool: str) -> Object:
    results: list[Json] = [{"role": "user", "content": [{"type": "tool_result"}]}] * answered
    return {"model": "m", "messages": [{"role": "user", "content": prompt}, *results], "tools": [{"name": tool}]}


def _responses(prompt: str, answered: int, tool: str) -> Object:
    results: list[Json] = [{"type": "function_call_output"}] * answered
    said: Json = {"role": "user", "content": [{"type": "input_text", "text": prompt}]}
    return {"model": "m", "input": [said, *results], "tools": [{"type": "function", "name": tool}]}


def _chat(prompt: str, answered: int, tool: str) -> Object:
    results: list[Json] = [{"role": "tool", "content": ""}] * answered
    said: Json = {"role": "user", "content": [{"type": "text", "text": prompt}]}
    return {"model": "m", "messages": [said, *results], "tools": [{"function": {"name": tool}}]}


def _gemini(prompt: str, answered: int, tool: str) -> Object:
    results: list[Json] = [{"role": "user", "parts": [{"functionResponse": {}}]}] * answered
    said: Json = {"role": "user", "parts": [{"text": prompt}]}
    return {"contents": [said, *results], "tools": [{"functionDeclarations": [{"name": tool}]}]}


_BEARER = {"authorization": f"Bearer {_KEY}"}
_SERVICES = {
    "anthropic": Service("/v1/messages", "", {"x-api-key": _KEY}, "Write", _messages),
    "responses": Service("/v1/responses", "", _BEARER, "shell_command", _responses),
    "chat": Service("/v1/chat/completions", "", _BEARER, "create", _chat),
    "gemini": Service(
        "/v1beta/models/m:generateContent",
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        {"x-goog-api-key": _KEY},
        "write_file",
        _gemini,
    ),
}


@pytest.fixture(params=_SERVICES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def service(name: str) -> Service:
    return _SERVICES[name]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "asked.jsonl"


@pytest.fixture
def server(log: Path) -> Iterator[StandIn]:
    with StandIn(0, log, _KEY) as server:
        serving = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@frozen
class Answered:
    status: int
    after: str | None
    body: bytes

    @property
    def json(self) -> Object:
        found = parse(self.body)
        assert found is not None, self.body
        return found


def _post(
    server: StandIn, path: str, headers: Mapping[str, str], body: bytes | Iterator[bytes], limit: float = _LIMIT
) -> Answered:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=limit)
    try:
        connection.request("POST", path, body, dict(headers), encode_chunked=not isinstance(body, bytes))
        response = connection.getresponse()
        return Answered(response.status, response.getheader("retry-after"), response.read())
    finally:
        connection.close()


def _ask(server: StandIn, service: Service, prompt: str, answered: int = 0) -> Answered:
    return _post(server, service.path, service.key, json.dumps(service.body(prompt, answered, service.tool)).encode())


def test_moves_are_made_one_after_the_other(server: StandIn, service: Service, name: str, log: Path) -> None:
    call = _ask(server, service, _WRITE)
    assert call.status == 200
    assert f'"{service.tool}"'.encode() in call.body
    assert b"a.txt" in call.body
    assert b"new" in call.body
    assert b"All done." not in call.body
    assert b"All done." in _ask(server, service, _WRITE, answered=1).body
    assert b"Done." in _ask(server, service, _WRITE, answered=2).body
    assert [(one.wire, one.model, one.status, one.prompt, one.step) for one in recorded(log)] == [
        (name, "m", 200, _WRITE, step) for step in range(3)
    ]


def test_a_stream_tells_the_same(server: StandIn, service: Service) -> None:
    body = json.dumps({**service.body(_WRITE, 0, service.tool), "stream": True}).encode()
    streamed = _post(server, service.stream or service.path, service.key, body)
    data = [line.removeprefix(b"data: ") for line in streamed.body.split(b"\n") if line.startswith(b"data: ")]
    assert all(parse(one) is not None or one == b"[DONE]" for one in data)
    assert f'"{service.tool}"'.encode() in streamed.body
    assert b"a.txt" in streamed.body
    names = [line for line in streamed.body.split(b"\n") if line.startswith(b"event: ")]
    assert names in ([], [b"event: " + text(parse(one), "type").encode() for one in data])


def test_a_key_that_is_not_known_is_refused(server: StandIn, service: Service, log: Path) -> None:
    body = json.dumps(service.body(_WRITE, 0, service.tool)).encode()
    bad = {header: value.replace(_KEY, "bad") for header, value in service.key.items()}
    assert _post(server, service.path, bad, body).status == 401
    assert "error" in _post(server, service.path, {}, body).json
    assert [one.status for one in recorded(log)] == [401, 401]
    assert "bad" not in log.read_text()


def test_as_many_requests_are_refused_as_the_prompt_says(server: StandIn, service: Service) -> None:
    prompt = f"standin: refuse 429 2 after 7\n{_WRITE}"
    refused = [_ask(server, service, prompt) for _ in range(3)]
    assert [(one.status, one.after) for one in refused] == [(429, "7"), (429, "7"), (200, None)]
    assert _ask(server, service, prompt.replace("a.txt", "b.txt")).status == 429
    assert [_ask(server, service, "standin: refuse 529").status for _ in range(3)] == [529] * 3


def test_what_is_said_later_counts(server: StandIn) -> None:
    said = [{"role": "user", "content": [{"type": "text", "text": _WRITE}]}]
    said += [{"role": "user", "content": [{"type": "tool_result"}]}] * 2
    said += [{"role": "user", "content": [{"type": "text", "text": text}]} for text in ("standin: say Again.", "Hint")]
    body = json.dumps({"messages": said, "tools": [{"name": "Write"}]}).encode()
    assert b"Again." in _post(server, "/v1/messages", {"x-api-key": _KEY}, body).body


@pytest.mark.parametrize("offered", ["StructuredOutput", "Write"])
def test_an_answer_of_a_form(server: StandIn, offered: str) -> None:
    prompt = 'standin: json {"answer": "yes"}'
    body = json.dumps(_messages(prompt, 0, offered)).encode()
    answered = _post(server, "/v1/messages", {"x-api-key": _KEY}, body).json
    form = {"type": "tool_use", "id": "toolu_1", "name": offered, "input": {"answer": "yes"}}
    assert answered["content"] == [form if offered == "StructuredOutput" else {"type": "text", "text": prompt[14:]}]


def test_a_small_question_beside_the_work(server: StandIn) -> None:
    properties = {
        "why": {"type": "STRING"},
        "who": {"enum": ["user", "model"]},
        "score": {"type": "integer", "minimum": 1},
    }
    schema = {"type": "OBJECT", "properties": properties}
    body = {"contents": [{"parts": [{"text": _WRITE}]}], "generationConfig": {"responseJsonSchema": schema}}
    answered = _post(server, "/models/m:generateContent", {"x-goog-api-key": _KEY}, json.dumps(body).encode())
    said = text(answered.json, "candidates", 0, "content", "parts", 0, "text")
    assert json.loads(said) == {"why": "", "who": "user", "score": 1}


def test_no_answer_at_all(server: StandIn, service: Service, log: Path) -> None:
    body = json.dumps(service.body("standin: silent", 0, service.tool)).encode()
    with pytest.raises(TimeoutError):
        _post(server, service.path, service.key, body, limit=0.1)
    assert [one.status for one in recorded(log)] == [0]


def test_answers_come_when_all_are_there(server: StandIn, service: Service, log: Path) -> None:
    with ThreadPoolExecutor() as asking:
        first = asking.submit(_ask, server, service, f"{_WRITE}\nstandin: together 2")
        assert b"a.txt" in _ask(server, service, _WRITE).body
        assert len(recorded(log)) == 1
        second = asking.submit(_ask, server, service, f"{_WRITE}\nstandin: together 2")
        assert first.result().status == second.result().status == 200
        assert b"All done." in _ask(server, service, f"{_WRITE}\nstandin: together 2", answered=1).body


def test_a_script_that_cannot_be_read_is_told(server: StandIn, service: Service) -> None:
    answered = _ask(server, service, "standin: dance")
    assert answered.status == 400
    assert b"dance" in answered.body


def test_bodies_may_be_packed_and_come_in_pieces(server: StandIn) -> None:
    body = json.dumps(_messages(_WRITE, 0, "Write")).encode()
    key = {"x-api-key": _KEY}
    assert b"a.txt" in _post(server, "/v1/messages", {**key, "content-encoding": "gzip"}, gzip.compress(body)).body
    pieces = {**key, "transfer-encoding": "chunked"}
    assert b"a.txt" in _post(server, "/v1/messages", pieces, iter([body[:9], body[9:]])).body


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/messages/count_tokens", b"{}", 200),
        ("/v1beta/models/m:countTokens", b"{}", 200),
        ("/v1/elsewhere", b"{}", 404),
        ("/v1/messages", b"no JSON", 400),
    ],
)
def test_other_questions(server: StandIn, path: str, body: bytes, status: int) -> None:
    assert _post(server, path, {"x-api-key": _KEY}, body).status == status
