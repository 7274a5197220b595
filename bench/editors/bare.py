"""A server of pygls as its documentation has it, with nothing of ours: hover, a command, an edit, notifications.

``bare.edit`` sends a workspace edit of so many files and edits in each; ``bare.chatter`` has as many tasks as agents
send as many notifications a second between them, as long as it says.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

if __name__ == "__main__" and len(sys.argv) > 1:
    # Only where the loop is watched: the bare server itself imports nothing of ours.
    sys.path.insert(0, str(Path(__file__).parents[2]))

# A line for each request that it does not know would be measured too.
logging.getLogger("pygls").setLevel(logging.ERROR)
server = LanguageServer("bare", "1")
_background: set[asyncio.Task[None]] = set()


@server.feature(types.INITIALIZED)
async def initialized(params: types.InitializedParams) -> None:
    del params
    if len(sys.argv) > 1:
        from bench.editors.heartbeat import beat  # noqa: PLC0415

        _keep(asyncio.create_task(beat()))


@server.feature(types.TEXT_DOCUMENT_HOVER)
async def hover(params: types.HoverParams) -> types.Hover:
    document = server.workspace.get_text_document(params.text_document.uri)
    line = document.lines[params.position.line] if params.position.line < len(document.lines) else ""
    return types.Hover(contents=types.MarkupContent(kind=types.MarkupKind.Markdown, value=line))


@server.command("bare.nothing")
async def nothing(*arguments: Any) -> dict[str, Any]:
    del arguments
    return {}


@server.command("bare.chatter")
async def chatter(agents: int, each_second: float, seconds: float) -> None:
    for agent in range(agents):
        _keep(asyncio.create_task(_chat(agent, agents / each_second, round(each_second * seconds / agents))))


async def _chat(agent: int, pause: float, count: int) -> None:
    for number in range(count):
        await asyncio.sleep(pause)
        server.protocol.notify("bare/said", {"agent": agent, "text": f"line {number} of what the agent does"})


@server.command("bare.edit")
async def edit(files: int, edits: int, text: str) -> None:
    span = [types.Range(types.Position(line * 10, 0), types.Position(line * 10, 5)) for line in range(edits)]
    changes: list[Any] = [
        types.TextDocumentEdit(
            text_document=types.OptionalVersionedTextDocumentIdentifier(uri=f"file:///somewhere/{file:04}.py"),
            edits=[types.TextEdit(range=one, new_text=text) for one in span],
        )
        for file in range(files)
    ]
    params = types.ApplyWorkspaceEditParams(edit=types.WorkspaceEdit(document_changes=changes))
    await server.workspace_apply_edit_async(params)


def _keep(task: asyncio.Task[None]) -> None:
    _background.add(task)
    task.add_done_callback(_background.discard)


if __name__ == "__main__":
    server.start_io()
