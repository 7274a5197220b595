"""Editors wait for ``initialize``: little is loaded for it, and what comes before the rest is there is kept waiting."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp import late
from fanout_server.lsp.late import Late
from fanout_server.lsp.protocol import Hooks, Protocol
from tests.lsp.conftest import ClientMaker, Sent, receive
from tests.lsp.test_protocol import answered

pytestmark = pytest.mark.anyio

HEAVY = ("pygit2", "git", "yaml", "pathspec", "psutil", "sqlite3", "ast_grep_py", "rich", "gitdb")
ROOMS = ("run", "planning", "repo", "agents", "apply.refine", "lsp.session", "lsp.commands", "settings")

_PROBE = """
import json, sys
from fanout_server.lsp import late, server
load = late._import
def told():
    print(json.dumps(sorted(sys.modules)), file=sys.stderr, flush=True)
    return load()
late._import = told
sys.exit(server.serve_stdio())
"""


def test_initialize_loads_nothing_that_only_later_work_needs(
    start: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.lsp.rawclient.SERVE", [sys.executable, "-c", _PROBE])
    client = start()
    client.initialize()
    assert client.command("fanout.status") == {"runs": []}
    loaded = set(json.loads(client.stderr().splitlines()[0]))
    assert "fanout_server.lsp.protocol" in loaded
    assert loaded.isdisjoint({*HEAVY, *(f"fanout_server.{room}" for room in ROOMS)})
    assert client.shutdown() == 0


def test_what_comes_right_behind_initialize_is_answered(start: ClientMaker, checkout: Path) -> None:
    client = start(checkout)
    folders = [{"uri": checkout.as_uri(), "name": "x"}]
    first = client.request("initialize", {"capabilities": {}, "workspaceFolders": folders})
    calls = [client.request("workspace/executeCommand", {"command": "fanout.status"}) for _ in range(3)]
    cancelled = client.request("workspace/executeCommand", {"command": "fanout.status"})
    client.notify("$/cancelRequest", {"id": cancelled})
    assert "result" in client.answer(first)
    assert [client.answer(one)["result"] for one in calls] == [{"runs": []}] * 3
    assert client.answer(cancelled)["error"]["code"] == -32800
    assert client.shutdown() == 0


def test_a_session_that_ends_at_once_is_one_all_the_same(start: ClientMaker) -> None:
    client = start()
    client.request("initialize", {"capabilities": {}})
    assert client.shutdown() == 0
    assert client.stderr() == ""


class Told:
    """Stands for the session and the commands."""

    def __init__(self) -> None:
        self.initialized_with: list[object] = []

    def initialized(self, params: object) -> None:
        self.initialized_with.append(params)

    async def execute(self, name: str, arguments: object) -> object:
        return [name, arguments]

    async def close(self) -> None:
        pass


async def test_features_are_told_at_once_and_answered_when_they_are_there(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, told = anyio.Event(), Told()
    heard: list[str] = []
    monkeypatch.setattr(late, "_import", lambda: lambda *_: (told, told))
    real = anyio.to_thread.run_sync

    async def slow(work: Any, *arguments: Any) -> Any:
        await gate.wait()
        return await real(work, *arguments)

    monkeypatch.setattr("fanout_server.lsp.late.anyio.to_thread.run_sync", slow)
    server = LanguageServer("fanout", "0", protocol_cls=Protocol)
    protocol = server.protocol
    assert isinstance(protocol, Protocol)
    protocol.set_writer(sent, include_headers=False)
    async with anyio.create_task_group() as tasks:
        made = Late(protocol, tasks)
        protocol.hooks = Hooks(made.initialized, made.execute, made.cancel_progress, made.close, lambda: None)
        made.cancel_progress("of nobody's")
        protocol.documents.on_change.append(lambda: heard.append("documents"))

        @server.feature(types.TEXT_DOCUMENT_HOVER)
        async def hover(params: types.HoverParams) -> types.Hover:
            await made.ready()
            return types.Hover(contents=f"{params.text_document.uri} {heard[0]}")

        def attach(*made_then: object) -> None:
            heard.append(f"loaded {made_then == (told, told)}")

        made.loaded.append(attach)
        receive(protocol, {"id": 1, "method": "initialize", "params": {"capabilities": {}}})
        assert sent.messages[0]["result"]["capabilities"]["hoverProvider"]
        place = {"textDocument": {"uri": "x"}, "position": {"line": 0, "character": 0}}
        receive(protocol, {"id": 2, "method": "textDocument/hover", "params": place})
        receive(protocol, {"id": 3, "method": "workspace/executeCommand", "params": {"command": "c", "arguments": [1]}})
        await anyio.wait_all_tasks_blocked()
        assert len(sent.messages) == 1
        gate.set()
        assert (await answered(sent, 2))["result"] == {"contents": "x loaded True"}
        assert (await answered(sent, 3))["result"] == ["c", [1]]
    assert len(told.initialized_with) == 1
    assert heard == ["loaded True", "documents"]
