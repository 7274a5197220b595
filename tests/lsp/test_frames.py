"""The wire as bytes: what a client can send and how the server ends, with no library between."""

from __future__ import annotations

import json
import signal
import sys
import time

import pytest

from tests.lsp.conftest import ClientMaker
from tests.lsp.rawclient import RawClient

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002


def error_of(client: RawClient, message_id: object) -> tuple[int, str]:
    found = client.wait(lambda one: one.get("id") == message_id and "error" in one, f"error for {message_id}")
    return found["error"]["code"], found["error"]["message"]


def execute(client: RawClient, *arguments: object, command: str = "fanout.show") -> tuple[int, str]:
    message_id = client.request("workspace/executeCommand", {"command": command, "arguments": list(arguments)})
    return error_of(client, message_id)


def test_initialize_names_the_commands_and_the_first_encoding_that_both_know(start: ClientMaker) -> None:
    client = start()
    result = client.initialize(capabilities={"general": {"positionEncodings": ["utf-7", "utf-32", "utf-8"]}})["result"]
    assert result["serverInfo"]["name"] == "fanout"
    capabilities = result["capabilities"]
    assert capabilities["positionEncoding"] == "utf-32"
    assert capabilities["textDocumentSync"] == {"openClose": True, "change": 2, "save": True}
    names = [
        "preview",
        "plan",
        "run",
        "offers",
        "origins",
        "status",
        "cancel",
        "resume",
        "retry",
        "repair",
        "send",
        "accept",
        "changes",
        "apply",
        "revert",
        "discard",
        "dismiss",
        "show",
    ]
    assert capabilities["executeCommandProvider"]["commands"] == [f"fanout.{name}" for name in names]
    assert client.shutdown() == 0


def test_headers_in_any_case_and_order_and_a_body_in_pieces(start: ClientMaker) -> None:
    client = start()
    body = json.dumps({"jsonrpc": "2.0", "id": "x", "method": "initialize", "params": {"capabilities": {}}}).encode()
    client.send_raw(b"content-type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-LENGTH:%d\r\n\r\n" % len(body))
    for byte in body:
        client.send_raw(bytes([byte]))
    assert "result" in client.wait(lambda one: one.get("id") == "x", "answer")


def test_nothing_is_served_before_initialize_nor_after_shutdown(start: ClientMaker) -> None:
    client = start()
    client.notify("textDocument/didOpen", {"textDocument": {}})
    assert execute(client, {})[0] == NOT_INITIALIZED
    assert error_of(client, client.request("shutdown"))[0] == NOT_INITIALIZED
    client.initialize()
    assert error_of(client, client.request("initialize", {"capabilities": {}}))[0] == INVALID_REQUEST
    assert client.call("shutdown")["result"] is None
    assert execute(client, {})[0] == INVALID_REQUEST
    client.notify("exit", None)
    assert client.process.wait(20) == 0


@pytest.mark.parametrize("shut_down", [True, False])
@pytest.mark.parametrize("way", ["exit", "end of input"])
def test_exit_code_is_0_only_after_shutdown(start: ClientMaker, way: str, shut_down: bool) -> None:
    client = start()
    client.initialize()
    if shut_down:
        client.call("shutdown")
    if way == "exit":
        # The editor may keep the pipe open.
        client.notify("exit", None)
        assert client.process.wait(20) == (0 if shut_down else 1)
    else:
        assert client.close_stdin() == (0 if shut_down else 1)


def test_a_signal_ends_it_in_order(start: ClientMaker) -> None:
    client = start()
    client.initialize()
    client.process.send_signal(signal.SIGTERM)
    assert client.process.wait(20) == 1
    assert client.stderr() == ""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{nope", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b"3", INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": true, "method": "shutdown"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "shutdown"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0"}', INVALID_REQUEST),
    ],
)
def test_what_is_no_message_is_answered_and_the_next_one_works(start: ClientMaker, data: bytes, code: int) -> None:
    client = start()
    client.send_raw(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
    assert error_of(client, None)[0] == code
    client.initialize()
    assert client.shutdown() == 0


def test_wrong_version_and_method_are_answered_under_their_id(start: ClientMaker) -> None:
    client = start()
    client.send({"jsonrpc": "1.0", "id": 7, "method": "initialize"})
    client.send({"jsonrpc": "2.0", "id": 8, "method": 3})
    assert error_of(client, 7)[0] == INVALID_REQUEST
    assert error_of(client, 8) == (INVALID_REQUEST, "'method' is a string, not a whole number.")


def test_a_stream_of_something_else_ends_the_server_with_a_word_on_stderr(start: ClientMaker) -> None:
    client = start()
    client.send_raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.process.wait(20) == 1
    assert "headers without a Content-Length" in client.stderr()


def test_malformed_params_get_a_sentence_that_names_the_key_and_no_popup(start: ClientMaker) -> None:
    client = start()
    client.initialize()
    code, said = error_of(client, client.request("workspace/executeCommand", {"arguments": []}))
    assert (code, said) == (INVALID_PARAMS, "workspace/executeCommand: 'params.command' is missing.")
    code, said = error_of(client, client.request("workspace/executeCommand", {"command": 3}))
    assert (code, said) == (
        INVALID_PARAMS,
        "workspace/executeCommand: 'params.command' should be a string, but is a whole number.",
    )
    client.notify("textDocument/didOpen", {"textDocument": {"uri": 3}})
    client.notify("textDocument/didChange", {"textDocument": {"uri": "file:///never/opened", "version": 1}})
    client.notify("$/setTrace", {"value": "loud"})
    client.notify("fanout/unknown", {})
    assert error_of(client, client.request("fanout/unknown", {}))[0] == METHOD_NOT_FOUND
    assert client.all("window/showMessage") == []
    assert client.shutdown() == 0


def test_unknown_values_in_capabilities_do_not_keep_the_editor_out(start: ClientMaker) -> None:
    client = start()
    capabilities = {
        "workspace": {
            "applyEdit": "yes",
            "workspaceEdit": {"resourceOperations": ["create", "teleport", "rename"], "failureHandling": "hope"},
        },
        "textDocument": {"documentSymbol": {"symbolKind": {"valueSet": [1, 999, 2]}}},
        "window": 3,
    }
    answer = client.initialize(
        capabilities=capabilities, trace="loud", workspaceFolders=[{"uri": 3, "name": "x"}], rootUri=3
    )
    assert "capabilities" in answer["result"]
    assert client.shutdown() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "fanout.show needs 'runId'. fanout.show needs 'what'."),
        ([{"runId": "x", "what": "diff"}, 2], "fanout.show takes one object as its only argument; 2 were given."),
        (["x"], "fanout.show takes one object as its argument, not a string."),
        ([None], "fanout.show takes one object as its argument, not null."),
        ([{"runId": 3, "what": "diff"}], "'runId' of fanout.show should be a string, but is a whole number."),
        (
            [{"runId": "x", "what": "dif"}],
            "'what' of fanout.show is one of diff, log, report, sarif, prompt, folder, not 'dif'.",
        ),
        (
            [{"runID": "x", "what": "diff"}],
            "fanout.show needs 'runId'. fanout.show has no key 'runID'; did you mean 'runId'?",
        ),
    ],
)
def test_a_command_names_what_is_wrong_with_its_argument(
    start: ClientMaker, arguments: list[object], said: str
) -> None:
    client = start()
    client.initialize()
    assert execute(client, *arguments) == (INVALID_PARAMS, said)


def test_an_unknown_command_is_answered_with_the_known_ones(start: ClientMaker) -> None:
    client = start()
    client.initialize()
    code, said = execute(client, command="fanout.runn")
    assert code == INVALID_PARAMS
    assert said.startswith("There is no command fanout.runn. There are: fanout.preview, fanout.plan, fanout.run, ")


def test_a_client_that_stops_reading_blocks_neither_the_loop_nor_the_end(start: ClientMaker) -> None:
    client = start()
    client.initialize()
    client.reading.clear()
    # Much more than the pipe and the reader's buffer hold.
    for _ in range(4000):
        client.request("workspace/executeCommand", {"command": "fanout.none"})
    began = time.monotonic()
    client.notify("exit", None)
    assert client.process.wait(20) == 1
    assert time.monotonic() - began < 15


def test_nothing_but_frames_is_on_the_stream_whatever_is_printed(
    start: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os, subprocess, sys\n"
        "from fanout_server.lsp import server\n"
        "inner = server._serve\n"
        "async def noisy(descriptors):\n"
        "    print('printed', flush=True)\n"
        "    os.write(1, b'written')\n"
        "    subprocess.run(['sh', '-c', 'echo child; cat >/dev/null'], check=True)\n"
        "    return await inner(descriptors)\n"
        "server._serve = noisy\n"
        "sys.exit(server.serve_stdio())\n"
    )
    monkeypatch.setattr("tests.lsp.rawclient.SERVE", [sys.executable, "-c", code])
    client = start()
    client.initialize()
    assert client.shutdown() == 0
    assert client.junk == b""
    assert client.stderr().split() == ["printed", "writtenchild"]
