"""Serving one editor: the streams, the protocol and the session under one task group that owns everything.

Editors wait for ``initialize``, so it is answered before anything is loaded that does not need to be. The rest is
loaded right behind it, and until that is done no message is taken: they wait in the stream, in their order.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Callable

import anyio
import anyio.abc
import anyio.to_thread
from lsprotocol import types
from pygls.lsp.server import LanguageServer

import fanout_server
from fanout_server.lsp import capabilities, stdio
from fanout_server.lsp.protocol import Hooks, Protocol, refusing

_log = logging.getLogger(__name__)

Begin = Callable[[Protocol, anyio.abc.TaskGroup, types.InitializeParams], Hooks]


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
        protocol.set_writer(writer, include_headers=False)
        protocol.exited = reader.end
        capabilities.offer(server, protocol)
        tasks.start_soon(_end_on_signal, reader)
        loaded = False
        try:
            async for body in reader:
                protocol.receive(body)
                if protocol.initialized_with is not None and not loaded:
                    loaded = True
                    protocol.hooks = await _load(protocol, tasks, protocol.initialized_with)
            if reader.problem:
                _log.error("the editor's stream broke: %s", reader.problem)
        finally:
            with anyio.CancelScope(shield=True):
                protocol.end_requests()
                await protocol.hooks.stopped()
                tasks.cancel_scope.cancel()
                await anyio.to_thread.run_sync(reader.stop)
                await anyio.to_thread.run_sync(writer.close)
    return protocol.exit_code


async def _load(protocol: Protocol, tasks: anyio.abc.TaskGroup, params: types.InitializeParams) -> Hooks:
    """Where it fails the editor hears why, now and in answer to all that it asks; the log says more."""
    try:
        begin = await anyio.to_thread.run_sync(_import)
        return begin(protocol, tasks, params)
    except Exception as error:  # noqa: BLE001 - a session that says what is wrong is better than none
        _log.exception("not all of fanout could be loaded")
        said = f"fanout cannot work, since not all of it could be loaded: {error}. Install it again; its log says more."
        protocol.notify(types.WINDOW_SHOW_MESSAGE, types.ShowMessageParams(types.MessageType.Error, said))
        return refusing(said)
    finally:
        # All that was loaded stays. Looking through it for garbage each time would stop the loop for a while.
        gc.freeze()
        gc.enable()


def _import() -> Begin:
    """Blocking."""
    from fanout_server.lsp import late  # noqa: PLC0415 - as its name says

    return late.begin


async def _end_on_signal(reader: stdio.Reader) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            reader.end()
