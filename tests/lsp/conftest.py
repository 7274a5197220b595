"""Raw clients of a server process, and a protocol without one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp.protocol import Protocol, refusing
from tests.lsp.editor import CAPABILITIES, Editor, MakeEditor
from tests.lsp.rawclient import RawClient

ClientMaker = Callable[..., RawClient]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[ClientMaker]:
    """Starts a server in a folder; it is gone when the test is over."""
    clients: list[RawClient] = []

    def make(cwd: Path | None = None, env: dict[str, str] | None = None) -> RawClient:
        client = RawClient(cwd or tmp_path, env)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.dispose()


@pytest.fixture
def connect(start: ClientMaker, checkout: Path) -> MakeEditor:
    """An editor on ``checkout``, or on ``folder``, with these capabilities; ``handlers`` are there from the start."""

    def make(
        capabilities: dict[str, Any] | None = None,
        folder: Path = checkout,
        handlers: dict[str, Callable[[Any], Any]] | None = None,
        **more: Any,
    ) -> Editor:
        client = start(folder)
        client.handlers.update(handlers or {})
        client.initialize(folder, CAPABILITIES if capabilities is None else capabilities, **more)
        return Editor(client, folder)

    return make


class Sent:
    """A writer that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def write(self, body: bytes) -> None:
        self.messages.append(json.loads(body))

    def close(self) -> None:
        pass


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def protocol(sent: Sent) -> Protocol:
    """An initialized protocol with no session behind it; ``sent`` has what it sends."""
    made = LanguageServer("fanout", "0", protocol_cls=Protocol).protocol
    assert isinstance(made, Protocol)
    made.set_writer(sent, include_headers=False)

    async def execute(name: str, arguments: object) -> object:
        return [name, arguments]

    made.exited = lambda: None
    made.hooks = attrs.evolve(refusing("There is no session behind this."), execute=execute)
    receive(made, {"id": 0, "method": types.INITIALIZE, "params": {"capabilities": {}}})
    return made


def receive(protocol: Protocol, message: dict[str, Any]) -> None:
    protocol.receive(json.dumps({"jsonrpc": "2.0", **message}).encode())
