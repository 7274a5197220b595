"""What is made of the capabilities that editors declare, and of what some are known to mean by them."""

from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import types

from fanout_server.lsp import messages
from fanout_server.lsp.client import Client

ANNOTATIONS = {"workspace": {"workspaceEdit": {"changeAnnotationSupport": {"groupsOnLabel": True}}}}


def client_of(capabilities: dict[str, Any], name: str | None = None, version: str | None = None) -> Client:
    params: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": capabilities}
    if name is not None:
        params["clientInfo"] = {"name": name, "version": version}
    data = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    return Client.of(messages.structure(messages.converter(), data, types.InitializeRequest).params)


@pytest.mark.parametrize(
    ("name", "version", "confirms"),
    [
        ("Visual Studio Code", "1.139.1", True),
        ("Visual Studio Code - Insiders", "1.140.0", True),
        ("code-server", "4.139.1", True),
        ("coc.nvim", "0.0.82", True),
        ("Neovim", "0.12.4", True),
        ("Neovim", "v0.13.0-dev", True),
        ("Neovim", "0.11.4", False),
        ("Neovim", None, False),
        ("kak-lsp", "18", False),
        ("Sublime Text LSP", "2", False),
        ("Some Editor", "1", False),
        (None, None, False),
    ],
)
def test_who_asks_before_an_edit_that_needs_confirmation(name: str | None, version: str | None, confirms: bool) -> None:
    assert client_of(ANNOTATIONS, name, version).confirms is confirms
    assert not client_of({}, name, version).confirms


def test_to_whom_an_empty_file_has_a_line() -> None:
    assert client_of(ANNOTATIONS, "Neovim", "0.11.4").blank_line
    assert not client_of(ANNOTATIONS, "Visual Studio Code", "1.139.1").blank_line


def test_resource_operations_imply_document_changes() -> None:
    client = client_of({"workspace": {"workspaceEdit": {"resourceOperations": ["create"]}}})
    assert client.document_changes
    assert client.operations == {"create"}
    assert not client_of({"workspace": {"workspaceEdit": {"resourceOperations": []}}}).document_changes


@pytest.mark.parametrize("name", ["Emacs", "eglot", "lsp-mode"])
def test_emacs_shows_no_cr(name: str) -> None:
    assert client_of({}, name).drops_cr


def test_what_may_be_shown_and_asked_for() -> None:
    shows = {"relatedInformation": True, "codeDescriptionSupport": True, "tagSupport": {"valueSet": [1]}}
    action = {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}, "dataSupport": True}
    client = client_of(
        {
            "workspace": {
                "textDocumentContent": {},
                "diagnostics": {"refreshSupport": True},
                "workspaceEdit": {"metadataSupport": True},
            },
            "textDocument": {
                "diagnostic": {},
                "publishDiagnostics": {**shows, "versionSupport": True},
                "codeAction": {**action, "resolveSupport": {"properties": ["edit", "command"]}},
            },
        }
    )
    assert client == Client(
        metadata=True,
        content=True,
        pulls=True,
        versions=True,
        related=True,
        code_descriptions=True,
        unnecessary=True,
        action_literals=True,
        resolves_edits=True,
    )
    # What it could keep of an action is not said, so nothing can be worked out later.
    assert not client_of({"textDocument": {"codeAction": {"resolveSupport": {"properties": ["edit"]}}}}).resolves_edits
    # In 3.17 only the one place says what a diagnostic may hold, in 3.18 both do.
    assert client_of({"textDocument": {"publishDiagnostics": shows}}).unnecessary
    assert not client_of({"textDocument": {"diagnostic": shows}}).unnecessary


def test_an_editor_that_says_nothing_can_do_nothing() -> None:
    assert client_of({}) == Client()
    everything = {
        "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
        "window": {"workDoneProgress": True, "showDocument": {"support": True}},
        "textDocument": {"publishDiagnostics": {"relatedInformation": True}},
        "experimental": {"fanout": {"inputBox": True}},
    }
    assert client_of(everything) == Client(
        apply_edit=True,
        document_changes=True,
        progress=True,
        show_document=True,
        related=True,
        events=True,
        input_box=True,
    )


@pytest.mark.parametrize(
    ("experimental", "input_box", "inputs"),
    [
        ({"fanout": True}, True, set()),
        ({"fanout": {"inputBox": False}}, False, set()),
        ({"fanout": False}, False, set()),
        ({"interactiveResolve": {"inputTypes": ["string", "enum", 3]}}, False, {"string", "enum"}),
        ({"interactiveResolve": {"inputTypes": "string"}}, False, set()),
        ({"interactiveResolve": True}, False, set()),
        ([], False, set()),
    ],
)
def test_who_can_be_asked_for_an_instruction(experimental: Any, input_box: bool, inputs: set[str]) -> None:
    client = client_of({"experimental": experimental, "window": {"showMessage": {}}})
    assert (client.input_box, client.asks) == (input_box, True)
    assert client.form_inputs == frozenset(inputs)


def test_who_says_how_it_wants_settings_and_code_actions() -> None:
    client = client_of(
        {
            "workspace": {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}},
            "textDocument": {
                "codeAction": {
                    "codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}},
                    "disabledSupport": True,
                }
            },
        }
    )
    assert client.configuration
    assert client.registers_configuration
    assert client.action_literals
    assert client.disabled_actions
