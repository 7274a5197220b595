"""An editor's side of the protocol: open documents, and workspace edits applied to them and to the disk."""

from __future__ import annotations

import os
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lsp.rawclient import RawClient

AGENT = """
import os, sys
path = sys.argv[1]
if path.endswith("two.py"):
    open("extra.py", "w").write("made by the unit of two.py\\n")
with open(path, "rb") as file:
    data = file.read()
with open(path, "wb") as file:
    file.write(data.replace(b"return", b"return 10 +"))
print("changed", path)
"""

ACTIONS: dict[str, Any] = {
    "codeAction": {
        "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor.rewrite"]}},
        "dataSupport": True,
        "resolveSupport": {"properties": ["edit"]},
    }
}

CAPABILITIES: dict[str, Any] = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "resourceOperations": ["create", "rename", "delete"],
            "changeAnnotationSupport": {},
        },
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
    "general": {"positionEncodings": ["utf-16"]},
}


class Editor:
    """Applies workspace edits to its open documents and to the disk, as an editor does, and says what it did."""

    def __init__(self, client: RawClient, root: Path) -> None:
        self.client = client
        self.root = root
        self.open: dict[str, tuple[int, str]] = {}
        self.answer: Any = {"applied": True}
        # What becomes of the parts of an edit: some editors leave out what they do not know.
        self.takes: Callable[[dict[str, Any]], bool] = lambda _: True
        self.edits: list[dict[str, Any]] = []
        self.makes = True
        client.handlers["workspace/applyEdit"] = self.apply

    def did_open(self, name: str, text: str | None = None, language: str = "python") -> str:
        uri = (self.root / name).as_uri()
        shown = (self.root / name).read_text() if text is None else text
        self.open[uri] = (1, shown)
        item = {"uri": uri, "languageId": language, "version": 1, "text": shown}
        self.client.notify("textDocument/didOpen", {"textDocument": item})
        return uri

    def did_change(self, uri: str, text: str) -> None:
        version = self.open[uri][0] + 1
        self.open[uri] = (version, text)
        changes = [{"text": text}]
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": changes}
        self.client.notify("textDocument/didChange", params)

    def save_all(self) -> None:
        for uri, (_, text) in self.open.items():
            self._path(uri).write_bytes(text.encode())
            self.client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})

    def type(self, uri: str, place: tuple[int, int], new: str, until: tuple[int, int] | None = None) -> None:
        """Replaces what is from ``place`` (line, character) up to ``until``, as most editors tell of it."""
        version, text = self.open[uri]
        lines = text.splitlines(keepends=True)
        start, end = (sum(len(line) for line in lines[:at]) + after for at, after in (place, until or place))
        self.open[uri] = (version + 1, text[:start] + new + text[end:])
        span = {
            name: {"line": at, "character": after} for name, (at, after) in (("start", place), ("end", until or place))
        }
        params = {
            "textDocument": {"uri": uri, "version": version + 1},
            "contentChanges": [{"range": span, "text": new}],
        }
        self.client.notify("textDocument/didChange", params)

    def actions(self, uri: str, line: int = 0, only: str | None = None) -> list[dict[str, Any]]:
        place = {"line": line, "character": 0}
        context: dict[str, Any] = {"diagnostics": [], **({"only": [only]} if only else {})}
        params = {"textDocument": {"uri": uri}, "range": {"start": place, "end": place}, "context": context}
        answer = self.client.call("textDocument/codeAction", params)
        assert "error" not in answer, answer
        return list(answer["result"])

    def action(self, uri: str, title: str, line: int = 0) -> dict[str, Any]:
        """The one whose title holds this."""
        (found,) = [one for one in self.actions(uri, line) if title in one["title"]]
        return found

    def do(self, action: dict[str, Any]) -> Any:
        """As an editor does when the user chooses a code action: resolve, edit, command. Returns the last's result."""
        if "edit" not in action and "data" in action:
            answer = self.client.call("codeAction/resolve", action)
            assert "error" not in answer, answer
            action = answer["result"]
        if "edit" in action:
            self.apply({"edit": action["edit"]})
        if "command" in action:
            command = action["command"]
            return self.client.command(command["command"], command["arguments"][0])
        return None

    def apply(self, params: dict[str, Any]) -> Any:
        self.edits.append(params)
        edit = params["edit"]
        for change in edit.get("documentChanges", ()):
            if self.takes(change):
                self._one(change)
        for uri, edits in edit.get("changes", {}).items():
            version = self.open[uri][0] if uri in self.open else None
            self._edit({"uri": uri, "version": version}, edits)
        return self.answer

    def _one(self, change: dict[str, Any]) -> None:
        if change.get("kind") == "create":
            if self.makes:
                self._path(change["uri"]).touch()
        elif change.get("kind") == "delete":
            self._path(change["uri"]).unlink()
        elif change.get("kind") == "rename":
            self._path(change["oldUri"]).rename(self._path(change["newUri"]))
        else:
            self._edit(change["textDocument"], change["edits"])

    def _edit(self, document: dict[str, Any], edits: list[dict[str, Any]]) -> None:
        uri = document["uri"]
        path = self._path(uri)
        opened = self.open.get(uri)
        assert document["version"] == (opened[0] if opened else None)
        text = opened[1] if opened else path.read_bytes().decode()
        text = edited(text, edits)
        if opened:
            self.did_change(uri, text)
        else:
            path.write_bytes(text.encode())

    def _path(self, uri: str) -> Path:
        assert uri.startswith("file://")
        return Path(os.fsdecode(urllib.parse.unquote_to_bytes(uri.removeprefix("file://"))))


def edited(text: str, edits: list[dict[str, Any]]) -> str:
    """The text with edits made whose positions count UTF-16."""
    lines = text.splitlines(keepends=True)
    starts = [sum(len(line) for line in lines[:number]) for number in range(len(lines) + 1)]

    def offset(position: dict[str, int]) -> int:
        # What lies behind the end is the end, as in every editor.
        start = starts[min(position["line"], len(lines))]
        passed = text[start:].encode("utf-16-le")[: 2 * position["character"]].decode("utf-16-le")
        assert "\n" not in passed
        return start + len(passed)

    places = [(offset(edit["range"]["start"]), offset(edit["range"]["end"]), edit["newText"]) for edit in edits]
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new + text[end:]
    return text


MakeEditor = Callable[..., Editor]


def options(tmp_path: Path, **more: Any) -> dict[str, Any]:
    script = tmp_path / "agent.py"
    if not script.exists():
        script.write_text(AGENT)
    return {"agent": "command", "command": [sys.executable, str(script), "{file}"], **more}


def scripted(tmp_path: Path, program: str) -> list[str]:
    """The command of an agent that is this Python program, with its file and the file of its prompt as arguments."""
    script = tmp_path / "scripted.py"
    script.write_text(program)
    return [sys.executable, str(script), "{file}", "{prompt_file}"]


def run_files(editor: Editor, tmp_path: Path, *names: str, **more: Any) -> str:
    selection = {"uris": [(editor.root / name).as_uri() for name in names]}
    argument = {"selection": selection, "instruction": "Change {file}.", "options": options(tmp_path, **more)}
    run = editor.client.command("fanout.run", argument)["runId"]
    assert isinstance(run, str)
    return run


def view_of(editor: Editor, run: str) -> dict[str, Any]:
    (view,) = editor.client.command("fanout.status", {"runId": run})["runs"]
    assert isinstance(view, dict)
    return view


def message(editor: Editor, part: str) -> str:
    found = editor.client.wait_for("window/showMessage", lambda one: part in one["message"])
    return str(found["message"])
