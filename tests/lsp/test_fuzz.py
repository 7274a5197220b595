"""What no editor should send: random frames, and real sessions with mistakes in them.

Whatever comes, the server lives until its stream ends, answers each request exactly once and nothing else, sends
nothing but messages, and ends with the status that it should.
"""

from __future__ import annotations

import collections
import json
import logging
import math
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import Factory, define, frozen
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lsprotocol import types

from fanout_server.lsp import server, stdio
from fanout_server.lsp.commands import COMMANDS
from tests.lsp.editor import CAPABILITIES
from tests.lsp.rawclient import SERVE

SECONDS = 6.0
_LIMIT = 30.0
_CANCELLED = -32800

# What a stream is made of.

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["file:///", "file:///x/%FF", "untitled:a", "\ud800", "fanout-1", 10**30, -1, 2**31]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from([*types.METHOD_TO_TYPES, "fanout/unknown", "$/unknown", "", "\0"])
IDS = st.one_of(st.integers(0, 3), st.sampled_from(["1", "fanout-1", "fanout-2", -1, 1.0, 2**60, None]), JSON)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.sampled_from(["2.0", "2.0", "2.0", "1.0", 2, None])},
    optional={"id": IDS, "method": METHODS | JSON, "params": JSON, "result": JSON, "error": JSON},
)
BODIES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"", b"{}", b"[]", b"[" * 5000, b'{"jsonrpc":NaN}', b"\xff\xfe{\0}\0", b'{"id":' + b"9" * 5000 + b"}"]
    ),
    JSON.map(lambda value: json.dumps(value).encode()),
    MESSAGES.map(lambda value: json.dumps(value).encode()),
)


def session(checkout: Path) -> list[dict[str, Any]]:
    """A session as an editor has it, from its first message to its last."""
    uri = (checkout / "p.fanout.md").as_uri()
    folder = {"uri": checkout.as_uri(), "name": "checkout"}
    initialize = {"processId": 1, "rootUri": None, "workspaceFolders": [folder], "capabilities": CAPABILITIES}
    text = (
        "---\nagent: rewrite\nrewrite: [{pattern: 'return $A', to: 'return 2'}]\n---\nChange {file}.\n\n- src/one.py\n"
    )
    item = {"uri": uri, "languageId": "fanout", "version": 1, "text": text}
    span = {"start": {"line": 4, "character": 0}, "end": {"line": 4, "character": 2}}
    change = {"range": span, "text": "\U0001f600"}
    place = {"textDocument": {"uri": uri}, "position": {"line": 4, "character": 2}}
    run = {"runId": "1124-0203-k7qd"}
    arguments: dict[str, dict[str, Any]] = {
        "fanout.preview": {"plan": uri},
        "fanout.run": {"selection": {"uri": uri, "range": span}, "instruction": "x", "options": {"apply": "now"}},
        "fanout.status": {},
        "fanout.send": {**run, "unit": "1", "note": "x"},
        "fanout.show": {**run, "what": "diff"},
    }
    calls = [("workspace/executeCommand", {"command": one, "arguments": [arguments.get(one, run)]}) for one in COMMANDS]
    requests = [
        ("initialize", initialize),
        *calls,
        ("textDocument/hover", place),
        ("textDocument/completion", place),
        ("textDocument/codeAction", {"textDocument": {"uri": uri}, "range": span, "context": {"diagnostics": []}}),
        ("shutdown", None),
    ]
    numbered: list[dict[str, Any]] = [
        {"id": number, "method": method, "params": params} for number, (method, params) in enumerate(requests, 1)
    ]
    told: list[dict[str, Any]] = [
        {"method": "initialized", "params": {}},
        {"method": "textDocument/didOpen", "params": {"textDocument": item}},
        {
            "method": "textDocument/didChange",
            "params": {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]},
        },
        {"method": "$/cancelRequest", "params": {"id": 3}},
        {"method": "window/workDoneProgress/cancel", "params": {"token": "fanout/x"}},
        {"method": "workspace/didChangeConfiguration", "params": {"settings": {"fanout": {}}}},
        {"method": "workspace/didChangeWorkspaceFolders", "params": {"event": {"added": [], "removed": [folder]}}},
        {"id": "fanout-1", "result": None},
        {"id": "fanout-2", "result": {"applied": True}},
    ]
    answers = [*numbered[:1], *told[:3], *numbered[1:-1], *told[3:], numbered[-1], {"method": "exit", "params": None}]
    return [{"jsonrpc": "2.0", **one} for one in answers]


@frozen
class Stream:
    """Bodies as they are sent, ``piece`` bytes at a time. A ``patient`` client waits for its answers before it goes."""

    bodies: Sequence[bytes]
    piece: int
    patient: bool = False
    junk: bytes = b""

    @property
    def data(self) -> bytes:
        return b"".join(map(frame, self.bodies)) + self.junk

    @property
    def answers(self) -> int:
        """How many it waits for."""
        return Expected.of(self.bodies).answers.total() if self.patient else 0


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@st.composite
def broken(draw: st.DrawFn, messages: Sequence[dict[str, Any]]) -> list[bytes]:
    """Frames of a session with a few mistakes in it."""
    bodies = [_body(one) for one in messages]
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(bodies) - 1))
        match draw(st.sampled_from(["drop", "twice", "swap", "change", "change", "change", "cut", "other"])):
            case "drop":
                bodies[at] = b""
            case "twice":
                bodies.insert(draw(st.integers(at, len(bodies))), bodies[at])
            case "swap":
                other = draw(st.integers(0, len(bodies) - 1))
                bodies[at], bodies[other] = bodies[other], bodies[at]
            case "change":
                bodies[at] = draw(_changed(bodies[at]))
            case "cut":
                bodies[at] = bodies[at][: draw(st.integers(0, len(bodies[at])))]
            case "other":
                bodies.insert(at, draw(BODIES))
    return [body for body in bodies if body]


@st.composite
def _changed(draw: st.DrawFn, body: bytes) -> bytes:
    """One value in the message becomes another, or its key goes."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return body
    places = list(_places(message))
    if not places:
        return body
    holder, key = draw(st.sampled_from(places))
    if draw(st.booleans()) and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = draw(IDS if key == "id" else METHODS | JSON if key == "method" else JSON)
    return _body(message)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _body(message: Any) -> bytes:
    return json.dumps(message).encode()


# What must come of it.


@define
class Expected:
    """What a client may count on, from what it sent: how often each id is answered, and the status at the end."""

    answers: collections.Counter[str] = Factory(collections.Counter)
    initialize: list[str] = Factory(list)
    shutdown: list[str] = Factory(list)

    @classmethod
    def of(cls, bodies: Sequence[bytes]) -> Expected:
        expected = cls()
        for body in bodies:
            if not expected.add(body):
                break
        return expected

    def add(self, body: bytes) -> bool:
        """Returns whether anything after this message is read."""
        try:
            message = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            message = None
        message_id = message.get("id") if isinstance(message, dict) else None
        if isinstance(message_id, float) and message_id.is_integer():
            message_id = int(message_id)
        is_id = message_id is None or (isinstance(message_id, int | str) and not isinstance(message_id, bool))
        if not isinstance(message, dict) or not is_id:
            self.answers[_key(None)] += 1
            return True
        method = message.get("method")
        known = message.keys() & {"id", "result", "error"}
        if message.get("jsonrpc") != "2.0" or (method is None and not known) or not isinstance(method, str | None):
            self.answers[_key(message_id)] += 1
        elif method == "exit":
            return False
        elif method is not None and message_id is not None:
            self.answers[_key(message_id)] += 1
            if method in {"initialize", "shutdown"}:
                getattr(self, method).append(_key(message_id))
        return True

    def statuses(self, answers: Sequence[dict[str, Any]]) -> set[int]:
        """The exit statuses that are right after these answers."""
        if any(self.answers[key] > 1 for key in (*self.initialize, *self.shutdown)):
            # Which of them was answered how cannot be told.
            return {0, 1}
        by_id = {_key(one["id"]): one for one in answers}
        ended = [by_id[key] for key in self.shutdown]
        done = any("result" in one or one["error"]["code"] == _CANCELLED for one in ended)
        return {0} if done else {1}


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _key(message_id: Any) -> str:
    # A lone surrogate is no UTF-8, and comes back as a question mark.
    return json.dumps(message_id, ensure_ascii=False).encode("utf-8", "replace").decode()


def check(bodies: Sequence[bytes], received: bytes, status: int) -> None:
    frames = stdio.Frames()
    messages = [json.loads(body.decode(), parse_constant=_refuse) for body in frames.feed(received)]
    assert not frames._data, "something after the last whole message"
    assert all(one["jsonrpc"] == "2.0" for one in messages)
    answers = [one for one in messages if "method" not in one]
    assert all(("result" in one) != ("error" in one) for one in answers)
    internal = [one for one in answers if "error" in one and one["error"]["code"] == types.ErrorCodes.InternalError]
    assert not internal
    expected = Expected.of(bodies)
    assert collections.Counter(_key(one["id"]) for one in answers) == expected.answers
    assert status in expected.statuses(answers)


# In this process: the real server on two pipes.


class Budget:
    """Examples after the time is over do nothing: a busy machine tries fewer. One that failed is tried again."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def tried(self, bodies: Sequence[bytes], use: Callable[[], tuple[bytes, int]]) -> None:
        """Checks what the server did with ``bodies``, if there is time."""
        if time.monotonic() > self._until:
            return
        try:
            check(bodies, *use())
        except BaseException:
            self._until = math.inf
            raise


def serve(stream: Stream) -> tuple[bytes, int]:
    """What the server sent, and its exit status."""
    ours_read, theirs_write = os.pipe()
    theirs_read, ours_write = os.pipe()
    received = bytearray()
    answered = threading.Event()
    threads = [
        threading.Thread(target=_send, args=(theirs_write, stream, answered)),
        threading.Thread(target=_receive, args=(theirs_read, received, stream.answers, answered)),
    ]
    for thread in threads:
        thread.start()
    if not stream.answers:
        answered.set()
    try:
        status = anyio.run(_serve, stdio.Descriptors(ours_read, ours_write))
    finally:
        for descriptor in (ours_read, ours_write):
            os.close(descriptor)
        for thread in threads:
            thread.join(_LIMIT)
        os.close(theirs_read)
    return bytes(received), status


async def _serve(descriptors: stdio.Descriptors) -> int:
    with anyio.fail_after(_LIMIT):
        return await server._serve(descriptors)


def _send(descriptor: int, stream: Stream, answered: threading.Event) -> None:
    data = stream.data
    try:
        for at in range(0, len(data), stream.piece):
            os.write(descriptor, data[at : at + stream.piece])
        answered.wait(_LIMIT)
    except BrokenPipeError:
        pass  # it read an exit before all of this
    finally:
        os.close(descriptor)


def _receive(descriptor: int, received: bytearray, answers: int, answered: threading.Event) -> None:
    frames = stdio.Frames()
    while data := os.read(descriptor, 1 << 16):
        received += data
        answers -= sum("method" not in json.loads(body) for body in frames.feed(data))
        if answers <= 0:
            answered.set()
    answered.set()


PIECES = st.sampled_from([1, 7, 100, 1 << 16])


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails the test where the server logged a defect of its own."""
    caplog.set_level(logging.ERROR)
    yield
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


FUZZ = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def test_random_messages(tmp_path: Path, errors: None) -> None:
    budget = Budget(SECONDS)

    @FUZZ
    @given(st.lists(BODIES, max_size=8), st.booleans(), PIECES)
    @example([b'{"jsonrpc":"2.0","result":3}'], True, 1)
    @example([b'{"jsonrpc":"2.0","method":null,"error":3}'], True, 1)
    @example([b'{"jsonrpc":"2.0","id":2,"method":"textDocument/didOpen"}'], True, 1)
    def run(bodies: list[bytes], initialized: bool, piece: int) -> None:
        first = [_body(one) for one in session(tmp_path)[:2]] if initialized else []
        sent = [*first, *bodies]
        budget.tried(sent, lambda: serve(Stream(sent, piece)))

    run()


def test_sessions_with_mistakes(checkout: Path, errors: None) -> None:
    budget = Budget(SECONDS)
    messages = session(checkout)

    @FUZZ
    @given(broken(messages), PIECES)
    @example([_body(one) for one in messages], 1)
    def run(bodies: list[bytes], piece: int) -> None:
        budget.tried(bodies, lambda: serve(Stream(bodies, piece)))

    run()


def test_every_request_is_answered_while_the_client_waits(checkout: Path, errors: None) -> None:
    budget = Budget(SECONDS)
    messages = session(checkout)[:-2]

    @FUZZ
    @given(broken(messages), PIECES)
    @example([_body(one) for one in messages], 1 << 16)
    def run(bodies: list[bytes], piece: int) -> None:
        budget.tried(bodies, lambda: serve(Stream(bodies, piece, patient=True)))

    run()


@given(st.binary(max_size=200))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stream_that_turns_into_something_else(tmp_path: Path, junk: bytes) -> None:
    received, status = serve(Stream([_body(one) for one in session(tmp_path)[:2]], 64, junk=junk))
    ids = [json.loads(body)["id"] for body in stdio.Frames().feed(received)]
    assert ids[0] == 1
    assert all(one is None for one in ids[1:])
    assert status == 1


def test_the_program_itself(checkout: Path) -> None:
    """A whole process for each example, so only a few; what it says of defects would be on its standard error."""
    budget = Budget(SECONDS)
    messages = session(checkout)

    @FUZZ
    @given(broken(messages))
    def run(bodies: list[bytes]) -> None:
        budget.tried(bodies, lambda: program(bodies, checkout))

    run()


def program(bodies: Sequence[bytes], checkout: Path) -> tuple[bytes, int]:
    data = b"".join(map(frame, bodies))
    done = subprocess.run(SERVE, input=data, cwd=checkout, capture_output=True, timeout=_LIMIT, check=False)
    assert b"ERROR" not in done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout, done.returncode
