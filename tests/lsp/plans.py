"""An editor with one plan document, and the questions that editors ask about it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lsp.editor import Editor
from tests.lsp.rawclient import LIMIT

CAPABILITIES: dict[str, Any] = {
    "textDocument": {
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": [""]}}},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
    },
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "resourceOperations": ["create", "rename", "delete"]},
        "inlayHint": {"refreshSupport": True},
        "codeLens": {"refreshSupport": True},
    },
    "general": {"positionEncodings": ["utf-16"]},
}

NAME = "p.fanout.md"


class PlanPage:
    """A plan document that is open in an editor."""

    def __init__(self, editor: Editor, text: str, uri: str | None = None, language: str = "markdown") -> None:
        self.editor = editor
        self.client = editor.client
        self.uri = uri or (editor.root / NAME).as_uri()
        self.version = 1
        self.text = text
        item = {"uri": self.uri, "languageId": language, "version": 1, "text": text}
        self.client.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, text: str) -> None:
        self.version += 1
        self.text = text
        document = {"uri": self.uri, "version": self.version}
        self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def ask(self, method: str, **params: Any) -> Any:
        answer = self.client.call(f"textDocument/{method}", {"textDocument": {"uri": self.uri}, **params})
        assert "error" not in answer, answer
        return answer["result"]

    def at(self, part: str, after: int = 0) -> dict[str, int]:
        """The position of ``part`` in the text, in UTF-16, ``after`` code points behind its begin."""
        offset = self.text.index(part) + after
        line = self.text.count("\n", 0, offset)
        start = self.text.rfind("\n", 0, offset) + 1
        return {"line": line, "character": len(self.text[start:offset].encode("utf-16-le")) // 2}

    def hover(self, part: str, after: int = 0) -> str:
        found = self.ask("hover", position=self.at(part, after))
        return "" if found is None else str(found["contents"]["value"])

    def complete(self, part: str, after: int) -> list[dict[str, Any]]:
        found = self.ask("completion", position=self.at(part, after))
        return [] if found is None else list(found["items"])

    def lenses(self) -> list[str]:
        return [one["command"]["title"] for one in self.ask("codeLens")]

    def hints(self) -> list[str]:
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 10_000, "character": 0}}
        return [one["label"] for one in self.ask("inlayHint", range=whole)]

    def diagnostics(self, wanted: Callable[[list[str]], bool]) -> list[dict[str, Any]]:
        """The first published ones whose codes are wanted."""

        def check(params: Any) -> bool:
            return params["uri"] == self.uri and wanted([one["code"] for one in params["diagnostics"]])

        found = self.client.wait_for("textDocument/publishDiagnostics", check)
        return list(found["diagnostics"])

    def preview(self) -> dict[str, Any]:
        """The whole of it: who is told that the look at the plan is not over yet asks again."""
        deadline = time.monotonic() + LIMIT
        while not (told := self.client.command("fanout.preview", {"plan": self.uri})).get("complete", True):
            assert time.monotonic() < deadline, told
        return dict(told)

    def until(self, ask: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        """Asks again each time that the server says that there is news."""
        deadline = time.monotonic() + LIMIT
        seen = 0
        while not wanted(found := ask()):
            assert time.monotonic() < deadline, found
            left = deadline - time.monotonic()
            self._wait_for_news(seen, left)
            seen = self._refreshes()
        return found

    def _wait_for_news(self, seen: int, limit: float) -> None:
        self.client.wait(lambda _: self._refreshes() > seen, "refresh", limit)

    def _refreshes(self) -> int:
        methods = {"workspace/inlayHint/refresh", "workspace/codeLens/refresh"}
        return sum(one.get("method") in methods for one in tuple(self.client.received))

    def press(self, title: str) -> Any:
        """Runs the lens whose title begins like this."""
        lens = next(one for one in self.ask("codeLens") if one["command"]["title"].startswith(title))
        return self.client.command(lens["command"]["command"], lens["command"]["arguments"][0])


def waiting_agent(tmp_path: Path, more: str = "") -> list[str]:
    """The command of an agent that says something, waits until the file ``go`` is there, and then changes its file."""
    script = tmp_path / "waiting.py"
    script.write_text(
        "import pathlib, sys, time\n"
        "print('thinking about', sys.argv[1], flush=True)\n"
        f"while not pathlib.Path({str(tmp_path / 'go')!r}).exists():\n    time.sleep(0.02)\n"
        f"{more}\n"
        "path = pathlib.Path(sys.argv[1])\npath.write_text(path.read_text() + '# done\\n')\n"
    )
    return [sys.executable, str(script), "{file}"]


def plan(command: list[str], *items: str, more: str = "") -> str:
    listed = "".join(f"- {item}\n" for item in items)
    return f"---\nagent: command\ncommand: {command}\n{more}---\nChange {{file}}.\n\n{listed}"
