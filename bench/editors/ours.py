"""Our server, with its event loop watched."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.editors.heartbeat import beat
from fanout_server.lsp import server, stdio

_serve = server._serve  # noqa: SLF001  there is no other way onto its loop


async def _watched(descriptors: stdio.Descriptors) -> int:
    beating = asyncio.create_task(beat())
    try:
        return await _serve(descriptors)
    finally:
        beating.cancel()


if __name__ == "__main__":
    server._serve = _watched  # noqa: SLF001
    sys.exit(server.serve_stdio())
