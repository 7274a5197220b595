"""Editors as the tests play them: what each says it can do, and what it does then, by ``docs/editors``.

The capabilities of VS Code, Neovim and Emacs were recorded from them by pytest-lsp; the others are written from their
sources and from what was seen of them.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from tests.lsp.editor import Editor
from tests.lsp.rawclient import RawClient, Reply

_ALL = frozenset({"create", "rename", "delete"})
_TEXT = {"synchronization": {"didSave": True}, "publishDiagnostics": {"relatedInformation": True}}


@frozen
class Profile:
    """``operations`` are those that it carries out, whatever it claims; ``answers_edits``: whether it says so.

    ``saves``: whether it writes what it changes in a file that is not open; else the file is opened, and not saved.
    ``confirms``: whether it asks the user before an edit that needs it. ``chooses``: how it answers a question with
    buttons. ``shows``: how it answers ``window/showDocument``.
    """

    name: str
    version: str
    capabilities: dict[str, Any]
    operations: frozenset[str] = _ALL
    answers_edits: bool = True
    saves: bool = False
    chooses: Literal["the first", "null", "an error", "never"] = "the first"
    shows: Literal["it", "null", "an error", "never"] = "it"
    confirms: bool = False

    def play(self, client: RawClient, root: Path) -> ProfiledEditor:
        info = {"name": self.name, "version": self.version}
        client.initialize(root, self.capabilities, clientInfo=info)
        return ProfiledEditor(client, root, self)


class ProfiledEditor(Editor):
    """Does what its profile says. What it is asked stands in ``asked``."""

    def __init__(self, client: RawClient, root: Path, profile: Profile) -> None:
        super().__init__(client, root)
        self.profile = profile
        self.asked: list[str] = []
        self.takes = lambda change: change.get("kind", "edit") in {*profile.operations, "edit"}
        if not profile.answers_edits:
            self.answer = Reply(None)
        client.handlers["window/showMessageRequest"] = self._choose
        client.handlers["window/showDocument"] = self._show

    def _choose(self, params: dict[str, Any]) -> Any:
        self.asked.append(params["message"])
        match self.profile.chooses:
            case "the first":
                return params["actions"][0]
            case "an error":
                return Reply({"error": {"code": -32601, "message": "window/showMessageRequest"}})
            case "never":
                return Reply(None)
        return None

    def _show(self, params: dict[str, Any]) -> Any:
        del params
        match self.profile.shows:
            case "it":
                return {"success": True}
            case "an error":
                return Reply({"error": {"code": -32601, "message": "window/showDocument"}})
            case "never":
                return Reply(None)
        return None

    def read_again(self) -> None:
        """As an editor does that sees a file change which it has open, and nothing typed in it."""
        for uri in self.open:
            self.did_change(uri, self._path(uri).read_text())

    def text_of(self, name: str) -> str:
        """As the user sees it now."""
        uri = (self.root / name).as_uri()
        return self.open[uri][1] if uri in self.open else (self.root / name).read_text()

    def _edit(self, document: dict[str, Any], edits: list[dict[str, Any]]) -> None:
        path = self._path(document["uri"])
        if document["uri"] not in self.open and not self.profile.saves and document["version"] is None:
            # It opens the file for the edit, and leaves it to the user to save it.
            self.did_open(str(path.relative_to(self.root)))
            document = {**document, "version": 1}
        super()._edit(document, edits)


def _recorded(file: str) -> dict[str, Any]:
    # Not imported: it is a plugin of pytest, with a way of its own to run async tests.
    (found,) = [one for one in importlib.metadata.files("pytest-lsp") or () if one.name == file]
    told = json.loads(found.read_text())
    capabilities: dict[str, Any] = told["capabilities"]
    return capabilities


def _written(**more: Any) -> dict[str, Any]:
    """Capabilities by their dotted names, with what every editor has."""
    made: dict[str, Any] = {"textDocument": dict(_TEXT), "general": {"positionEncodings": ["utf-16"]}}
    for section, values in more.items():
        made[section] = {**made.get(section, {}), **values}
    return made


_WINDOW = {"workDoneProgress": True, "showMessage": {"messageActionItem": {}}}
_EDIT = {"documentChanges": True, "resourceOperations": ["create", "rename", "delete"]}
_LITERALS = {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["", "quickfix", "refactor"]}}}

PROFILES = (
    Profile("Visual Studio Code", "1.139.1", _recorded("visual_studio_code_v1.65.2.json"), confirms=True),
    Profile("Neovim", "0.11.4", _recorded("neovim_v0.11.0.json")),
    # It says yes to creating, renaming and deleting, and does nothing.
    Profile("Emacs (eglot)", "29.1", _recorded("emacs_v29.1.json"), operations=frozenset(), shows="null"),
    Profile(
        "helix",
        "25.01",
        _written(
            workspace={
                "applyEdit": True,
                "workspaceEdit": {**_EDIT, "failureHandling": "abort"},
                "configuration": True,
                "workspaceFolders": True,
                "executeCommand": {},
            },
            window={"workDoneProgress": True, "showDocument": {"support": True}},
            general={"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
            textDocument={**_TEXT, "codeAction": {**_LITERALS, "resolveSupport": {"properties": ["edit", "command"]}}},
        ),
        operations=frozenset({"create"}),
        chooses="an error",
    ),
    Profile(
        "Zed",
        "0.200.0",
        _written(
            workspace={
                "applyEdit": True,
                "workspaceEdit": {**_EDIT, "changeAnnotationSupport": {"groupsOnLabel": True}},
                "configuration": True,
                "workspaceFolders": True,
                "codeLens": {"refreshSupport": True},
                "inlayHint": {"refreshSupport": True},
                "diagnostics": {"refreshSupport": True},
            },
            window={**_WINDOW, "showDocument": {"support": True}},
            textDocument={**_TEXT, "codeAction": {**_LITERALS, "dataSupport": True}},
        ),
    ),
    Profile(
        "kak-lsp",
        "18.1.0",
        _written(
            workspace={
                "applyEdit": True,
                "workspaceEdit": {**_EDIT, "changeAnnotationSupport": {"groupsOnLabel": False}},
                "configuration": True,
            },
            window=_WINDOW,
            textDocument={**_TEXT, "codeAction": _LITERALS},
        ),
        saves=True,
        shows="an error",
    ),
    # With options of its own it shows progress; it answers no request to show a document.
    Profile(
        "vim-lsp",
        "0.1.4",
        _written(workspace={"applyEdit": True, "configuration": True, "workspaceFolders": True}),
        operations=frozenset(),
        shows="never",
    ),
    Profile(
        "ale",
        "3.3.0",
        _written(workspace={"applyEdit": False, "executeCommand": {}}),
        operations=frozenset(),
        answers_edits=False,
        chooses="null",
        shows="never",
    ),
)
