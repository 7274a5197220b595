"""Editors as the tests play them: what each says it can do, and what it does then, by ``docs/editors``.

The capabilities of VS Code, Neovim and Emacs were recorded from them by pytest-lsp; the others are written from their
sources and from what was seen of them.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from attrs import evolve, frozen

from fanout_server.lsp.asking import WRITE
from tests.lsp.editor import Editor, edited
from tests.lsp.rawclient import RawClient, Reply

_PUBLISH = "textDocument/publishDiagnostics"
_ALL = frozenset({"create", "rename", "delete"})
_TEXT = {"synchronization": {"didSave": True}, "publishDiagnostics": {"relatedInformation": True}}


@frozen
class Profile:
    """``operations`` are those that it carries out, whatever it claims; ``answers_edits``: whether it says so.

    ``saves``: whether it writes what it changes in a file that is not open; else the file is opened, and not saved.
    ``confirms``: whether it asks the user before an edit that needs it. ``chooses``: how it answers a question with
    buttons. ``shows``: how it answers ``window/showDocument``. ``writes``: asked for an instruction with presets its
    user wants to write one. ``says_why``: it says whether it asks for code actions by itself. ``kinds``: it names all
    that it knows. ``resolves``: of which code actions that are chosen it asks for the rest. ``only_commands``: of one
    that has a command and an edit it leaves the edit. ``cancels``: it has a button for that beside the progress.
    ``nothing`` is the text of a new buffer. ``tells_late``: it tells of an edit only when the command that came with
    it is answered. ``opens_edited``: what it opens for an edit it tells of with the edit in it,
    and what it creates is a buffer, and no file.
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
    writes: bool = False
    says_why: bool = False
    kinds: tuple[str, ...] = ()
    resolves: Literal["those without an edit", "those that are not whole", "those with data", "none"] = "none"
    only_commands: bool = False
    cancels: bool = False
    nothing: Literal["", "\n"] = ""
    tells_late: bool = False
    opens_edited: bool = False

    def play(self, client: RawClient, root: Path, **more: Any) -> ProfiledEditor:
        """``more`` are parameters of ``initialize``."""
        editor = ProfiledEditor(client, root, self)
        info = {"name": self.name, "version": self.version}
        client.initialize(root, self.capabilities, clientInfo=info, **more)
        return editor

    def has(self, path: str) -> bool:
        """Whether it says that it can do what stands at such a place as ``window.showDocument``."""
        found: Any = self.capabilities
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return bool(found)


class ProfiledEditor(Editor):
    """Does what its profile says. What it is asked stands in ``asked``, and with which buttons in ``buttons``."""

    def __init__(self, client: RawClient, root: Path, profile: Profile) -> None:
        super().__init__(client, root)
        self.profile = profile
        self.asked: list[str] = []
        self.buttons: list[list[str]] = []
        self.takes = lambda change: change.get("kind", "edit") in {*profile.operations, "edit"}
        # It is in the buffer, and no file before that is saved.
        self.makes = not profile.opens_edited
        if not profile.answers_edits:
            self.answer = Reply(None)
        client.handlers["window/showMessageRequest"] = self._choose
        client.handlers["window/showDocument"] = self._show

    def offered(
        self, uri: str, span: tuple[tuple[int, int], tuple[int, int]], shown: Sequence[dict[str, Any]] = ()
    ) -> list[dict[str, Any]]:
        """The code actions of a selection, asked for by the user; ``shown`` are the diagnostics in it."""
        start, end = ({"line": line, "character": character} for line, character in span)
        context: dict[str, Any] = {"diagnostics": list(shown)}
        if self.profile.says_why:
            context["triggerKind"] = 1
        if self.profile.kinds:
            context["only"] = list(self.profile.kinds)
        params = {"textDocument": {"uri": uri}, "range": {"start": start, "end": end}, "context": context}
        answer = self.client.call("textDocument/codeAction", params)
        assert "error" not in answer, answer
        return list(answer["result"])

    def shown(self, uri: str, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The diagnostics of a document, as soon as they are as wanted."""

        def last() -> list[dict[str, Any]]:
            sent = [one for one in self.client.all(_PUBLISH) if one["uri"] == uri]
            return list(sent[-1]["diagnostics"]) if sent else []

        self.client.wait(lambda _: wanted(last()), f"such diagnostics of {uri}")
        return last()

    def do(self, action: dict[str, Any]) -> Any:
        if isinstance(action.get("command"), str):
            return self.client.command(action["command"], action["arguments"][0])
        if self._lacks_something(action):
            answer = self.client.call("codeAction/resolve", action)
            assert "error" not in answer, answer
            action = answer["result"]
        command = action.get("command")
        makes = "edit" in action and not (command and self.profile.only_commands)
        if makes and not self.profile.tells_late:
            self.apply({"edit": action["edit"]})
        result = self.client.command(command["command"], command["arguments"][0]) if command else None
        if makes and self.profile.tells_late:
            self.apply({"edit": action["edit"]})
        return result

    def _lacks_something(self, action: dict[str, Any]) -> bool:
        match self.profile.resolves:
            case "those without an edit":
                return "edit" not in action
            case "those that are not whole":
                return not {"edit", "command"} <= action.keys()
            case "those with data":
                return "data" in action
        return False

    def _choose(self, params: dict[str, Any]) -> Any:
        self.asked.append(params["message"])
        self.buttons.append([one["title"] for one in params["actions"]])
        if self.profile.writes and WRITE in self.buttons[-1]:
            return {"title": WRITE}
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
            name = str(path.relative_to(self.root))
            if self.profile.opens_edited:
                self.did_open(name, edited(path.read_text() if path.exists() else "\n", edits))
                return
            self.did_open(name)
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
_KINDS = (
    "",
    "quickfix",
    "refactor",
    "refactor.extract",
    "refactor.inline",
    "refactor.rewrite",
    "source",
    "source.organizeImports",
)
_LITERALS = {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": list(_KINDS)}}}
_RESOLVES = {"dataSupport": True, "resolveSupport": {"properties": ["edit", "command"]}}

_CODE = Profile(
    "Visual Studio Code",
    "1.139.1",
    _recorded("visual_studio_code_v1.65.2.json"),
    confirms=True,
    says_why=True,
    resolves="those without an edit",
    cancels=True,
)

PROFILES = (
    _CODE,
    Profile(
        "Neovim",
        "0.11.4",
        _recorded("neovim_v0.11.0.json"),
        writes=True,
        says_why=True,
        resolves="those that are not whole",
        nothing="\n",
        opens_edited=True,
    ),
    # It says yes to creating, renaming and deleting, and does nothing.
    Profile(
        "Emacs (eglot)", "29.1", _recorded("emacs_v29.1.json"), operations=frozenset(), shows="null", tells_late=True
    ),
    # It calls itself as Emacs does. It creates files, and renames and deletes none.
    Profile(
        "emacs",
        "GNU Emacs 28.2, lsp-mode 8.0.0",
        _written(
            workspace={
                "applyEdit": True,
                "workspaceEdit": _EDIT,
                "configuration": True,
                "workspaceFolders": True,
                "executeCommand": {"dynamicRegistration": False},
            },
            window={"workDoneProgress": True, "showMessage": None, "showDocument": None},
            textDocument={**_TEXT, "codeAction": {**_LITERALS, **_RESOLVES}, "codeLens": {}},
        ),
        operations=frozenset({"create"}),
        shows="null",
        resolves="those without an edit",
    ),
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
                "inlayHint": {"refreshSupport": False},
            },
            window={"workDoneProgress": True, "showDocument": {"support": True}},
            general={"positionEncodings": ["utf-8", "utf-32", "utf-16"]},
            textDocument={**_TEXT, "codeAction": {**_LITERALS, **_RESOLVES}, "inlayHint": {}},
        ),
        operations=frozenset({"create"}),
        chooses="an error",
        says_why=True,
        resolves="those that are not whole",
        nothing="\n",
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
            textDocument={**_TEXT, "codeAction": {**_LITERALS, **_RESOLVES}, "codeLens": {}, "inlayHint": {}},
        ),
        resolves="those with data",
    ),
    # It asks for the rest of a code action without saying that it would.
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
            textDocument={**_TEXT, "codeAction": _LITERALS, "inlayHint": {}},
        ),
        saves=True,
        shows="an error",
        writes=True,
        says_why=True,
        resolves="those without an edit",
        cancels=True,
        nothing="\n",
    ),
    # With options of its own it shows progress; it answers no request to show a document.
    Profile(
        "vim-lsp",
        "0.1.4",
        _written(
            workspace={"applyEdit": True, "configuration": True, "workspaceFolders": True},
            textDocument={**_TEXT, "codeAction": _LITERALS},
        ),
        operations=frozenset(),
        shows="never",
        kinds=_KINDS,
    ),
    Profile(
        "ale",
        "3.3.0",
        _written(
            workspace={"applyEdit": False},
            textDocument={
                **_TEXT,
                "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}},
            },
        ),
        operations=frozenset(),
        answers_edits=False,
        chooses="never",
        shows="never",
        only_commands=True,
    ),
)


def _plugged_in(name: str, **experimental: Any) -> Profile:
    return evolve(
        _CODE, name=f"Visual Studio Code, {name}", capabilities={**_CODE.capabilities, "experimental": experimental}
    )


# What an editor plugin may add: a form before a command, or a box to type into.
WITH_PLUGINS = (
    _plugged_in("forms", interactiveResolve={"inputTypes": ["string", "enum"]}),
    _plugged_in("an input box", fanout={"inputBox": True}),
)
