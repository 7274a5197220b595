"""Serving one editor: the streams, the protocol and the session under one task group that owns everything."""

from __future__ import annotations

import gc
import logging
import signal
import sys

import anyio
import anyio.to_thread
from pygls.lsp.server import LanguageServer

import fanout_server
from fanout_server.lsp import stdio
from fanout_server.lsp.commands import Commands, advertise
from fanout_server.lsp.features import Features
from fanout_server.lsp.protocol import Hooks, Protocol
from fanout_server.lsp.session import Session

_log = logging.getLogger(__name__)


def serve_stdio() -> int:
    """Speaks LSP on standard input and output until the editor ends it. Returns the exit status: 0 after a shutdown."""
    # Until all is loaded; what is made on the way there stays.
    gc.disable()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="fanout: %(levelname)s %(name)s: %(message)s")
    # pygls writes whole messages into its log.
    logging.getLogger("pygls").setLevel(logging.ERROR)
    with stdio.taken_over() as descriptors:
        return anyio.run(_serve, descriptors)


async def _serve(descriptors: stdio.Descriptors) -> int:
    server = LanguageServer("fanout", fanout_server.__version__, protocol_cls=Protocol)
    protocol = server.protocol
    if not isinstance(protocol, Protocol):
        raise TypeError("pygls made another protocol than it was told to")
    async with anyio.create_task_group() as tasks:
        reader = stdio.Reader(descriptors.read)
        writer = stdio.Writer(descriptors.write, broken=reader.end)
        session = Session(protocol, tasks)
        commands = Commands(session)
        protocol.set_writer(writer, include_headers=False)
        protocol.hooks = Hooks(
            initialized=session.initialized,
            execute=commands.execute,
            cancel_progress=commands.watching.progresses.cancel,
            stopped=session.close,
            exited=reader.end,
        )
        advertise(protocol)
        Features(session, commands).register(server)
        # All that was loaded stays. Looking through it for garbage each time would stop the loop for a while.
        gc.freeze()
        gc.enable()
        tasks.start_soon(_end_on_signal, reader)
        try:
            async for body in reader:
                protocol.receive(body)
            if reader.problem:
                _log.error("the editor's stream broke: %s", reader.problem)
        finally:
            with anyio.CancelScope(shield=True):
                protocol.end_requests()
                await session.close()
                tasks.cancel_scope.cancel()
                await anyio.to_thread.run_sync(reader.stop)
                await anyio.to_thread.run_sync(writer.close)
    return protocol.exit_code


async def _end_on_signal(reader: stdio.Reader) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            reader.end()
