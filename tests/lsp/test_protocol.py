"""Each override of pygls for itself, in process: when one of these holds without it, the override can go."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio
import attrs
import pytest
from lsprotocol import types
from pygls.lsp.server import LanguageServer

from fanout_server.lsp import messages
from fanout_server.lsp.client import Client
from fanout_server.lsp.protocol import ClientRefused, Protocol
from fanout_server.model import FanoutError
from tests.lsp.conftest import Sent, receive

pytestmark = pytest.mark.anyio


def execute(protocol: Protocol, message_id: int) -> None:
    params = {"command": "x", "arguments": []}
    receive(protocol, {"id": message_id, "method": "workspace/executeCommand", "params": params})


async def answered(sent: Sent, message_id: object) -> dict[str, Any]:
    with anyio.fail_after(5):
        while True:
            for message in sent.messages:
                if message.get("id") == message_id and "method" not in message:
                    return message
            await anyio.lowlevel.checkpoint()


def use(protocol: Protocol, execute: Any) -> None:
    protocol.hooks = attrs.evolve(protocol.hooks, execute=execute)


async def test_a_cancelled_request_ends_its_coroutine(protocol: Protocol, sent: Sent) -> None:
    began, ended = anyio.Event(), anyio.Event()

    async def work(*_: object) -> None:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    use(protocol, work)
    execute(protocol, 1)
    await began.wait()
    receive(protocol, {"method": "$/cancelRequest", "params": {"id": 1}})
    with anyio.fail_after(5):
        await ended.wait()
    assert (await answered(sent, 1))["error"]["code"] == -32800


async def test_shutdown_with_commands_running_ends_them_and_waits(protocol: Protocol, sent: Sent) -> None:
    async def work(*_: object) -> None:
        await anyio.sleep_forever()

    async def stopped() -> None:
        await anyio.lowlevel.checkpoint()
        sent.messages.append({"stopped": True})

    use(protocol, work)
    protocol.hooks = attrs.evolve(protocol.hooks, stopped=stopped)
    for message_id in range(1, 6):
        execute(protocol, message_id)
    await anyio.lowlevel.checkpoint()
    receive(protocol, {"id": 9, "method": "shutdown"})
    assert (await answered(sent, 9))["result"] is None
    for message_id in range(1, 6):
        assert (await answered(sent, message_id))["error"]["code"] == -32800
    assert {"stopped": True} in sent.messages[: sent.messages.index(await answered(sent, 9))]


async def test_a_late_answer_is_left_out(protocol: Protocol, sent: Sent) -> None:
    with pytest.raises(TimeoutError):
        await protocol.ask("window/showMessageRequest", None, 0.01)
    message_id = sent.messages[-1]["id"]
    for _ in range(2):
        receive(protocol, {"id": message_id, "result": {"title": "x"}})
    receive(protocol, {"id": message_id, "error": {"code": 1, "message": "no"}})
    assert not protocol._asked


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ({"result": {"applied": True}}, types.ApplyWorkspaceEditResult(applied=True)),
        ({"result": None}, None),
        ({}, None),
        ({"error": None, "result": None}, None),
    ],
)
async def test_answers_of_the_client(protocol: Protocol, sent: Sent, answer: dict[str, Any], result: object) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_answer_soon, protocol, sent, answer)
        assert await protocol.ask("workspace/applyEdit", None, 5) == result


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": -32601, "message": "no such method"}},
        {"error": "no"},
        {"result": {"applied": "perhaps"}},
        {"result": [3]},
    ],
)
async def test_refusals_of_the_client(protocol: Protocol, sent: Sent, answer: dict[str, Any]) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_answer_soon, protocol, sent, answer)
        with pytest.raises(ClientRefused):
            await protocol.ask("workspace/applyEdit", None, 5)


async def _answer_soon(protocol: Protocol, sent: Sent, answer: dict[str, Any]) -> None:
    while not any("method" in one for one in sent.messages):
        await anyio.lowlevel.checkpoint()
    receive(protocol, {"id": next(one["id"] for one in sent.messages if "method" in one), **answer})


async def test_notifications_leave_no_futures_behind(protocol: Protocol) -> None:
    item = {"uri": "file:///a", "languageId": "x", "version": 0, "text": ""}
    receive(protocol, {"method": "textDocument/didOpen", "params": {"textDocument": item}})
    for version in range(500):
        change = {"textDocument": {"uri": "file:///a", "version": version}, "contentChanges": [{"text": "x"}]}
        receive(protocol, {"method": "textDocument/didChange", "params": change})
        receive(protocol, {"method": "initialized", "params": {}})
    await anyio.lowlevel.checkpoint()
    assert not protocol._request_futures


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (FanoutError("Select a file."), -32803, "Select a file."),
        (RuntimeError("secret"), -32603, "That broke on an error of fanout's own; its log says more."),
    ],
)
async def test_no_traceback_reaches_the_editor(
    protocol: Protocol, sent: Sent, raised: Exception, code: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(*_: object) -> None:
        raise raised

    use(protocol, work)
    with caplog.at_level(logging.ERROR):
        execute(protocol, 1)
        error = (await answered(sent, 1))["error"]
    assert error == {"code": code, "message": said}
    assert ("secret" in caplog.text) == isinstance(raised, RuntimeError)


async def test_a_nested_jsonrpc_key_is_data(protocol: Protocol, sent: Sent) -> None:
    value = {"jsonrpc": "2.0", "method": "shutdown", "id": 5}
    params = {"command": "x", "arguments": [value]}
    receive(protocol, {"id": 3, "method": "workspace/executeCommand", "params": params})
    assert (await answered(sent, 3))["result"] == ["x", [value]]


async def test_a_lone_surrogate_is_sent_as_valid_utf8(protocol: Protocol) -> None:
    body = protocol.serialize({"path": "a\udcff\U0001f600"})
    assert body == '{"path":"a?\U0001f600"}'.encode()


async def test_a_big_message_is_the_same_in_pieces(protocol: Protocol) -> None:
    edit = types.TextEdit(types.Range(types.Position(0, 0), types.Position(0, 1)), 'a\udcff\u00e9"')
    document = types.OptionalVersionedTextDocumentIdentifier(uri="file:///a", version=None)
    changes: list[Any] = [types.TextDocumentEdit(document, [edit, edit]), types.CreateFile(uri="file:///b")]
    for inner in (types.WorkspaceEdit(document_changes=changes), types.WorkspaceEdit(changes={}), None):
        request = {
            "id": 1,
            "empty": {},
            "none": [],
            "params": {"edit": inner, "more": [[], {}, {"a": [1.5, True, None]}]},
        }
        assert protocol.serialize_big(request) == protocol.serialize(request)


async def test_requests_run_on_while_others_wait(protocol: Protocol, sent: Sent) -> None:
    gate = asyncio.Event()

    async def work(*_: object) -> str:
        await gate.wait()
        return "done"

    use(protocol, work)
    execute(protocol, 1)
    receive(protocol, {"id": 2, "method": "no/such"})
    assert (await answered(sent, 2))["error"]["code"] == -32601
    gate.set()
    assert (await answered(sent, 1))["result"] == "done"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_the_clients_first_encoding_is_used(encoding: str, sent: Sent) -> None:
    protocol = LanguageServer("fanout", "0", protocol_cls=Protocol).protocol
    assert isinstance(protocol, Protocol)
    protocol.set_writer(sent, include_headers=False)
    params = {"capabilities": {"general": {"positionEncodings": ["utf-7", encoding, "utf-16"]}}}
    receive(protocol, {"id": 0, "method": "initialize", "params": params})
    assert protocol.encoding == encoding
    assert sent.messages[0]["result"]["capabilities"]["positionEncoding"] == encoding


def test_only_what_cannot_be_read_is_left_out_of_initialize() -> None:
    workspace = {
        "applyEdit": "yes",
        "workspaceEdit": {"resourceOperations": ["create", "teleport", "rename"], "failureHandling": "hope"},
    }
    data = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "processId": 5.0,
            "trace": "loud",
            "capabilities": {"workspace": workspace, "window": {"workDoneProgress": True}},
            "workspaceFolders": [{"uri": 3, "name": "a"}, {"uri": "file:///b", "name": "b"}],
        },
    }
    params = messages.structure(messages.converter(), data, types.InitializeRequest).params
    assert params.process_id == 5
    client = Client.of(params)
    assert client.operations == {"create", "rename"}
    assert client.progress
    assert not client.apply_edit
    assert params.workspace_folders == (types.WorkspaceFolder(uri="file:///b", name="b"),)


HOVER = {"dynamicRegistration": True}
TOKENS = {"requests": {}, "tokenTypes": ["x"], "tokenModifiers": [], "formats": ["relative"]}


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({"semanticTokens": {"dynamicRegistration": True}}, None),
        ({"semanticTokens": {key: value for key, value in TOKENS.items() if key != "formats"}}, None),
        ({"semanticTokens": {"requests": 3, "tokenTypes": ["x", 3, "y", 4], "formats": "relative"}}, None),
        ({"semanticTokens": [], "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {}}}}, None),
        ({"semanticTokens": {**TOKENS, "tokenTypes": [3, "x", None], "formats": ["soon", "relative", 4]}}, TOKENS),
    ],
)
def test_of_an_incomplete_capability_nothing_is_lost_but_itself(said: dict[str, Any], left: object) -> None:
    made = messages.converter()
    capabilities = {"textDocument": {**said, "hover": HOVER}, "window": {"workDoneProgress": True}}
    data = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": capabilities}}
    params = messages.structure(made, data, types.InitializeRequest).params
    assert params.capabilities.window == types.WindowClientCapabilities(work_done_progress=True)
    document = params.capabilities.text_document
    assert document is not None
    assert document.hover == types.HoverClientCapabilities(dynamic_registration=True)
    assert made.unstructure(document.semantic_tokens) == left


@pytest.mark.parametrize("params", [{"capabilities": 3}, {"capabilities": None, "clientInfo": {}}, {}, [], None])
def test_a_client_that_says_nothing_of_itself_is_taken(params: object) -> None:
    data = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    read = messages.structure(messages.converter(), data, types.InitializeRequest).params
    assert read.capabilities == types.ClientCapabilities()
    assert read.client_info is None


async def test_a_big_request_is_not_sent_if_things_changed_meanwhile(protocol: Protocol, sent: Sent) -> None:
    def before() -> None:
        raise FanoutError("changed")

    count = len(sent.messages)
    with pytest.raises(FanoutError, match="changed"):
        await protocol.ask("workspace/applyEdit", {"edit": {}}, 5, before)
    assert len(sent.messages) == count
    assert not protocol._asked


async def test_an_error_without_a_request_has_a_null_id(protocol: Protocol, sent: Sent) -> None:
    protocol.receive(b"[]")
    assert sent.messages[-1].get("id", "none") is None
    assert sent.messages[-1]["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"id": 5, "method": "textDocument/didOpen", "params": {}}, "'textDocument/didOpen' is a notification"),
        ({"id": 5, "method": "$/cancelRequest", "params": {"id": 1}}, "'$/cancelRequest' is a notification"),
        ({"id": 5, "method": "initialize", "params": {"capabilities": {}}}, "'initialize' comes once"),
    ],
)
async def test_every_message_with_an_id_is_answered(
    protocol: Protocol, sent: Sent, message: dict[str, Any], said: str
) -> None:
    receive(protocol, message)
    error = (await answered(sent, 5))["error"]
    assert error["code"] == -32600
    assert said in error["message"]


@pytest.mark.parametrize(
    "message",
    [
        {"method": "workspace/executeCommand", "params": {"command": "x"}},
        {"id": None, "method": "shutdown"},
        {"result": 3},
        {"error": 3},
        {"method": None, "result": 3},
        {"id": "fanout-99", "result": 3},
        {"method": "textDocument/didChange", "params": {"textDocument": {"uri": "x"}}},
        {"method": "$/cancelRequest", "params": {"id": {"no": "hash"}}},
        {"method": "window/workDoneProgress/cancel", "params": {"token": ["no hash"]}},
    ],
)
async def test_what_cannot_be_answered_is_left_out(
    protocol: Protocol, sent: Sent, message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    count = len(sent.messages)
    receive(protocol, message)
    await anyio.lowlevel.checkpoint()
    assert len(sent.messages) == count
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
    execute(protocol, 7)
    assert "result" in await answered(sent, 7)


async def test_an_id_that_is_in_use_is_refused_and_the_first_request_goes_on(protocol: Protocol, sent: Sent) -> None:
    gate = asyncio.Event()

    async def work(*_: object) -> str:
        await gate.wait()
        return "done"

    use(protocol, work)
    execute(protocol, 1)
    execute(protocol, 1)
    assert "still being worked on" in sent.messages[-1]["error"]["message"]
    gate.set()
    with anyio.fail_after(5):
        while "result" not in sent.messages[-1]:
            await anyio.lowlevel.checkpoint()
    assert sent.messages[-1]["result"] == "done"
    execute(protocol, 1)
    await anyio.lowlevel.checkpoint()
    assert "still being worked on" not in str(sent.messages[-1])


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
async def test_what_json_has_no_numbers_for_is_no_json(protocol: Protocol, sent: Sent, value: str) -> None:
    protocol.receive(b'{"jsonrpc":"2.0","id":1,"method":"x","params":[%b]}' % value.encode())
    assert sent.messages[-1]["error"]["code"] == -32700


async def test_an_id_of_one_kind_of_number_is_answered_as_a_whole_one(protocol: Protocol, sent: Sent) -> None:
    protocol.receive(b'{"jsonrpc":"2.0","id":1.0,"method":"no/such"}')
    assert sent.messages[-1]["error"]["code"] == -32601
    assert sent.messages[-1]["id"] == 1
    protocol.receive(b'{"jsonrpc":"2.0","id":1.5,"method":"no/such"}')
    assert (sent.messages[-1]["error"]["code"], sent.messages[-1]["id"]) == (-32600, None)


async def test_what_comes_with_a_shutdown_is_not_served_and_it_cannot_be_cancelled(
    protocol: Protocol, sent: Sent
) -> None:
    gate = asyncio.Event()

    async def stopped() -> None:
        await gate.wait()

    protocol.hooks = attrs.evolve(protocol.hooks, stopped=stopped)
    for message_id in (1, 2):
        receive(protocol, {"id": message_id, "method": "shutdown"})
    execute(protocol, 3)
    receive(protocol, {"method": "$/cancelRequest", "params": {"id": 1}})
    # An exit right behind it finds it asked for, though it is still at work.
    assert protocol.exit_code == 0
    for message_id in (2, 3):
        assert (await answered(sent, message_id))["error"]["code"] == -32600
    gate.set()
    assert (await answered(sent, 1))["result"] is None


async def test_a_shutdown_that_cannot_be_read_is_none(protocol: Protocol, sent: Sent) -> None:
    assert protocol.exit_code == 1
    receive(protocol, {"method": "shutdown"})
    assert protocol.exit_code == 1
    execute(protocol, 1)
    assert "result" in await answered(sent, 1)


async def test_a_notification_that_breaks_is_logged_and_shows_no_popup(
    protocol: Protocol, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("secret")

    protocol.documents.on_change.append(broken)
    count = len(sent.messages)
    item = {"uri": "file:///a", "languageId": "x", "version": 0, "text": ""}
    receive(protocol, {"method": "textDocument/didOpen", "params": {"textDocument": item}})
    await anyio.lowlevel.checkpoint()
    assert len(sent.messages) == count
    assert "secret" in caplog.text


async def test_lines_end_where_lsp_says(protocol: Protocol) -> None:
    text = "a\x0cb\u2028c\nsecond\rthird\r\n"
    item = {"uri": "file:///a", "languageId": "x", "version": 0, "text": text}
    receive(protocol, {"method": "textDocument/didOpen", "params": {"textDocument": item}})
    span = {"start": {"line": 2, "character": 0}, "end": {"line": 2, "character": 5}}
    change = {"textDocument": {"uri": "file:///a", "version": 1}, "contentChanges": [{"range": span, "text": "3"}]}
    receive(protocol, {"method": "textDocument/didChange", "params": change})
    document = protocol.documents.get("file:///a")
    assert document is not None
    assert document.text == "a\x0cb\u2028c\nsecond\r3\r\n"


async def test_notebooks_are_not_kept(protocol: Protocol, caplog: pytest.LogCaptureFixture) -> None:
    notebook = {"uri": "file:///n", "notebookType": "x", "version": 0, "cells": []}
    opened = {"notebookDocument": notebook, "cellTextDocuments": []}
    for method, params in (
        ("didOpen", opened),
        ("didChange", {"notebookDocument": {"uri": "file:///n", "version": 1}, "change": {}}),
        ("didClose", {"notebookDocument": {"uri": "file:///n"}, "cellTextDocuments": []}),
    ):
        receive(protocol, {"method": f"notebookDocument/{method}", "params": params})
        await anyio.lowlevel.checkpoint()
        assert not protocol.workspace.notebook_documents
    assert not {one for one in protocol.fm.builtin_features if one.startswith("notebook")}
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def test_documents_are_ours_from_their_opening_to_their_end(protocol: Protocol) -> None:
    def tell(what: str, **more: Any) -> None:
        receive(
            protocol, {"method": f"textDocument/did{what}", "params": {"textDocument": {"uri": "file:///a", **more}}}
        )

    tell("Open", languageId="x", version=0, text="a")
    change = {"textDocument": {"uri": "file:///a", "version": 1}, "contentChanges": [{"text": "b"}]}
    receive(protocol, {"method": "textDocument/didChange", "params": change})
    assert [(one.text, one.changed) for one in protocol.documents.all()] == [("b", True)]
    tell("Save")
    assert [one.changed for one in protocol.documents.all()] == [False]
    tell("Close")
    assert protocol.documents.all() == ()
    assert not protocol.workspace.text_documents


async def test_what_is_sent_is_valid_utf8(protocol: Protocol, sent: Sent) -> None:
    shown = types.ShowMessageParams(type=types.MessageType.Info, message="a\udcff\u00e9")
    protocol.notify("window/showMessage", shown)
    assert sent.messages[-1]["params"] == {"type": 3, "message": "a?\u00e9"}


async def test_a_cancel_that_comes_too_late_is_no_cause_for_a_warning(
    protocol: Protocol, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    execute(protocol, 1)
    await answered(sent, 1)
    with caplog.at_level(logging.WARNING):
        receive(protocol, {"method": "$/cancelRequest", "params": {"id": 1}})
    assert caplog.records == []


async def test_the_button_of_a_progress_reaches_us(protocol: Protocol) -> None:
    pressed: list[object] = []
    protocol.hooks = attrs.evolve(protocol.hooks, cancel_progress=pressed.append)
    receive(protocol, {"method": "window/workDoneProgress/cancel", "params": {"token": "fanout/1"}})
    assert pressed == ["fanout/1"]


async def test_exit_reaches_us_and_ends_no_interpreter(protocol: Protocol) -> None:
    exited: list[bool] = []
    protocol.exited = lambda: exited.append(True)
    receive(protocol, {"method": "exit"})
    assert exited == [True]


async def test_numbers_and_truths_do_not_become_texts(protocol: Protocol, sent: Sent) -> None:
    receive(protocol, {"id": 1, "method": "workspace/executeCommand", "params": {"command": 3}})
    receive(
        protocol, {"id": 2, "method": "workspace/executeCommand", "params": {"command": "x", "workDoneToken": True}}
    )
    for message_id, wrong in ((1, "whole number"), (2, "true or false")):
        error = (await answered(sent, message_id))["error"]
        assert error["code"] == -32602
        assert wrong in error["message"]
