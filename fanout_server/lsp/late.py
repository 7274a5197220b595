"""All of the server but what ``initialize`` needs. Loaded in a thread once that is answered: see ``lsp/server.py``."""

from __future__ import annotations

import anyio.abc
from lsprotocol import types

from fanout_server.lsp.commands import Commands
from fanout_server.lsp.features import Features
from fanout_server.lsp.protocol import Hooks, Protocol
from fanout_server.lsp.session import Session


def begin(protocol: Protocol, tasks: anyio.abc.TaskGroup, params: types.InitializeParams) -> Hooks:
    """The session of a client that said ``params``; ``tasks`` owns what it starts."""
    session = Session(protocol, tasks)
    session.initialized(params)
    commands = Commands(session)
    features = Features(session, commands)
    return Hooks(
        execute=commands.execute,
        answer=features.answer,
        cancel_progress=commands.watching.progress.progresses.cancel,
        stopped=session.close,
    )
