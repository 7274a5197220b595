"""Has EmmyLua's language server look at the types of the plugin: ``check_types.py PROGRAM VIMRUNTIME``.

It is asked as an editor asks it, since its program that prints what is wrong is not to be had as a package.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

_PLUGIN = Path(__file__).parents[1]
_LIMIT = 120.0


def main() -> int:
    program, runtime = (str(Path(word).resolve()) for word in sys.argv[1:])
    texts = {path: path.read_text() for path in sorted(_PLUGIN.rglob("*.lua")) if path.parent.name != "tools"}
    wrong = asyncio.run(_asked(program, runtime, texts))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(f"types of {len(texts)} files: {len(wrong) or 'nothing'} wrong\n")
    return 1 if wrong else 0


async def _asked(program: str, runtime: str, texts: Mapping[Path, str]) -> list[str]:
    client = LanguageClient("check-types", "1")

    @client.feature(types.WORKSPACE_CONFIGURATION)
    def configured(asked: types.ConfigurationParams) -> list[None]:
        return [None for _ in asked.items]

    @client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
    def created(_: Any) -> None:
        return None

    await client.start_io(program, env={**os.environ, "VIMRUNTIME": runtime})
    folder = types.WorkspaceFolder(_PLUGIN.as_uri(), _PLUGIN.name)
    support = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities()),
        workspace=types.WorkspaceClientCapabilities(configuration=True, workspace_folders=True),
    )
    await client.initialize_async(
        types.InitializeParams(capabilities=support, root_uri=folder.uri, workspace_folders=[folder])
    )
    client.initialized(types.InitializedParams())
    wrong = [line for path, text in texts.items() for line in await _wrong(client, path, text)]
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()
    return wrong


async def _wrong(client: LanguageClient, path: Path, text: str) -> list[str]:
    document = types.TextDocumentItem(path.as_uri(), "lua", 1, text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    asked = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(document.uri))
    report = await asyncio.wait_for(client.text_document_diagnostic_async(asked), _LIMIT)
    name = path.relative_to(_PLUGIN.parents[1])
    return [
        f"{name}:{one.range.start.line + 1}:{one.range.start.character + 1}: {one.message} [{one.code}]"
        for one in getattr(report, "items", ())
    ]


if __name__ == "__main__":
    sys.exit(main())
