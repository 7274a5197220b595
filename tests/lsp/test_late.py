"""Editors wait for ``initialize``: little is loaded for it, and what comes before the rest is there loses nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp import capabilities
from fanout_server.lsp.commands import COMMANDS, Commands
from fanout_server.lsp.features import Features
from fanout_server.lsp.protocol import Protocol, refusing
from fanout_server.lsp.session import Session
from tests.lsp.conftest import ClientMaker, Sent, receive
from tests.lsp.rawclient import LIMIT, Message, RawClient

CANCELLED, FAILED = -32800, -32803
HEAVY = ("pygit2", "git", "yaml", "pathspec", "psutil", "sqlite3", "ast_grep_py", "rich")
ROOMS = ("run", "planning", "repo", "agents", "settings", "lsp.session", "lsp.commands", "lsp.features")
# Both with something that happens when the rest is about to be loaded.
_BEFORE = """
import json, os, signal, sys
from fanout_server.lsp import server
load = server._import
def before():
    {what}
    return load()
server._import = before
sys.exit(server.serve_stdio())
"""
_TELL_MODULES = "print(json.dumps(sorted(sys.modules)), file=sys.stderr, flush=True)"
_TERMINATE = "os.kill(os.getpid(), signal.SIGTERM)"
_BREAK = "sys.modules['pygit2'] = None"

PLAN = "---\nagent: command\ncommand: [cat]\n---\nChange {file}.\n\n- src/one.py\n"


def loading(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Servers that are started from here on do this on the way."""
    monkeypatch.setattr("tests.lsp.rawclient.SERVE", [sys.executable, "-c", _BEFORE.format(what=what)])


def send_at_once(client: RawClient, *messages: Message) -> None:
    """The server finds all of it when it begins to read."""
    bodies = [json.dumps({"jsonrpc": "2.0", **one}).encode() for one in messages]
    client.send_raw(b"".join(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies))


def initialize(root: Path) -> tuple[Message, Message]:
    folders = [{"uri": root.as_uri(), "name": "x"}]
    params: dict[str, Any] = {"processId": None, "rootUri": None, "workspaceFolders": folders, "capabilities": {}}
    return {"id": 101, "method": "initialize", "params": params}, {"method": "initialized", "params": {}}


def command(number: int, name: str, argument: Any = None) -> Message:
    params = {"command": name, "arguments": [argument or {}]}
    return {"id": number, "method": "workspace/executeCommand", "params": params}


def test_initialize_loads_nothing_that_only_later_work_needs(
    start: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading(monkeypatch, _TELL_MODULES)
    client = start()
    client.initialize()
    assert client.command("fanout.status") == {"runs": []}
    loaded = set(json.loads(client.stderr().splitlines()[0]))
    assert "fanout_server.lsp.capabilities" in loaded
    assert loaded.isdisjoint({*HEAVY, *(f"fanout_server.{room}" for room in ROOMS)})
    assert client.shutdown() == 0


def test_what_comes_right_behind_initialize_is_taken_in_its_order(start: ClientMaker, checkout: Path) -> None:
    client = start(checkout)
    uri = (checkout / "a.fanout.md").as_uri()
    opened = {"uri": uri, "languageId": "fanout", "version": 1, "text": "nothing yet"}
    changed = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": PLAN}]}
    send_at_once(
        client,
        *initialize(checkout),
        {"method": "textDocument/didOpen", "params": {"textDocument": opened}},
        command(102, "fanout.status"),
        command(103, "fanout.status"),
        {"method": "$/cancelRequest", "params": {"id": 103}},
        {"method": "textDocument/didChange", "params": changed},
        command(104, "fanout.preview", {"plan": uri}),
        {"id": 105, "method": "textDocument/documentSymbol", "params": {"textDocument": {"uri": uri}}},
    )
    assert client.answer(102)["result"] == {"runs": []}
    assert client.answer(103)["error"]["code"] == CANCELLED
    assert [unit["title"] for unit in client.answer(104)["result"]["units"]] == ["src/one.py"]
    assert "src/one.py" in str(client.answer(105)["result"])
    assert client.received[0]["id"] == 101
    assert client.shutdown() == 0
    assert client.stderr() == ""


@pytest.mark.parametrize(
    ("last", "status"),
    [(({"id": 102, "method": "shutdown"}, {"method": "exit"}), 0), (({"method": "exit"},), 1), ((), 1)],
    ids=["shutdown", "exit", "end of input"],
)
def test_a_session_that_ends_at_once_is_one_all_the_same(
    start: ClientMaker, tmp_path: Path, last: tuple[Message, ...], status: int
) -> None:
    client = start()
    send_at_once(client, *initialize(tmp_path), command(109, "fanout.status"), *last)
    assert client.close_stdin() == status
    assert "capabilities" in client.answer(101)["result"]
    assert {"result", "error"} & client.answer(109).keys()
    assert client.stderr() == ""


def test_it_can_be_ended_while_it_loads(start: ClientMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loading(monkeypatch, _TERMINATE)
    client = start()
    send_at_once(client, *initialize(tmp_path))
    assert client.process.wait(LIMIT) == 1
    assert client.stderr() == ""


def test_what_cannot_be_loaded_is_told_and_the_session_lives(
    start: ClientMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading(monkeypatch, _BREAK)
    client = start()
    hover = {"textDocument": {"uri": "file:///a"}, "position": {"line": 0, "character": 0}}
    send_at_once(
        client,
        *initialize(tmp_path),
        command(102, "fanout.status"),
        {"id": 103, "method": "textDocument/hover", "params": hover},
    )
    told = client.wait_for("window/showMessage")
    assert told["type"] == types.MessageType.Error
    assert "pygit2" in told["message"]
    assert "Install it again" in told["message"]
    for number in (102, 103):
        assert client.answer(number)["error"] == {"code": FAILED, "message": told["message"]}
    assert client.shutdown() == 0
    said = client.stderr()
    assert said.startswith("fanout: ERROR fanout_server.lsp.server: not all of fanout could be loaded\nTraceback")
    assert said.count("Traceback") == 1


def test_the_commands_that_are_announced_are_those_that_there_are() -> None:
    assert tuple(COMMANDS) == capabilities.COMMANDS


ALL_CAPABLE: dict[str, dict[str, Any]] = {
    "workspace": {"textDocumentContent": {}, "diagnostics": {"refreshSupport": True}},
    "textDocument": {"diagnostic": {}},
    "experimental": {"interactiveResolve": {"inputTypes": ["string"]}},
}
DYNAMIC = (
    "hover",
    "completion",
    "codeLens",
    "inlayHint",
    "documentSymbol",
    "foldingRange",
    "documentLink",
    "formatting",
)


@pytest.mark.anyio
@pytest.mark.parametrize("dynamic", [False, True])
async def test_all_that_is_announced_has_an_answer_and_the_other_way_round(sent: Sent, dynamic: bool) -> None:
    server = LanguageServer("fanout", "0", protocol_cls=Protocol)
    protocol = server.protocol
    assert isinstance(protocol, Protocol)
    protocol.set_writer(sent, include_headers=False)
    capabilities.offer(server, protocol)
    capable: dict[str, Any] = {**ALL_CAPABLE, "textDocument": {**ALL_CAPABLE["textDocument"]}}
    if dynamic:
        capable["textDocument"] |= {name: {"dynamicRegistration": True} for name in DYNAMIC}
    receive(protocol, {"id": 1, "method": "initialize", "params": {"capabilities": capable}})
    told = sent.messages[0]["result"]["capabilities"]
    assert told["executeCommandProvider"]["commands"] == list(COMMANDS)
    assert told["experimental"] == {"interactiveResolveProvider": {"kinds": ["command"]}}
    assert told["diagnosticProvider"]["workspaceDiagnostics"] is True
    assert told["workspace"]["textDocumentContent"] == {"schemes": ["fanout"]}
    assert [f"{name}Provider" in told for name in DYNAMIC[:2]] == [not dynamic] * 2
    registered = capabilities.registrations(protocol.client_capabilities)
    assert [one.method for one in registered] == ([f"textDocument/{name}" for name in DYNAMIC] if dynamic else [])

    heard: list[str] = []

    async def answer(method: str, _params: Any) -> None:
        heard.append(method)

    protocol.hooks = attrs.evolve(refusing(""), answer=answer)
    receive(protocol, {"method": "initialized", "params": {}})
    await anyio.wait_all_tasks_blocked()
    assert heard == [types.INITIALIZED]
    async with anyio.create_task_group() as tasks:
        session = Session(protocol, tasks)
        answers = Features(session, Commands(session)).answers
        await session.close()
        tasks.cancel_scope.cancel()
    assert set(protocol.fm.features) - {types.INITIALIZE} == set(answers)
