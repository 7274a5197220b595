"""What we say to an ACP agent. The tests hold it against the models of the protocol's own package."""

from __future__ import annotations

import fanout_server
from fanout_server.agents.json_lines import Json

VERSION = 1

INITIALIZE = "initialize"
NEW_SESSION = "session/new"
LOAD_SESSION = "session/load"
RESUME_SESSION = "session/resume"
CHOOSE = "session/set_config_option"
SET_MODE = "session/set_mode"
PROMPT = "session/prompt"
CANCEL = "session/cancel"

# What it says to us.
UPDATE = "session/update"
PERMISSION = "session/request_permission"
WRITE = "fs/write_text_file"
READ = "fs/read_text_file"

Params = dict[str, Json]


def initialize() -> Params:
    """What it writes is to go through us. It reads by itself: more than its worktree, for good reason."""
    return {
        "protocolVersion": VERSION,
        "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": True}, "terminal": False},
        "clientInfo": {"name": "fanout", "version": fanout_server.__version__},
    }


def new_session(cwd: str) -> Params:
    return {"cwd": cwd, "mcpServers": []}


def known_session(session: str, cwd: str) -> Params:
    """To load or to resume it."""
    return {"sessionId": session, "cwd": cwd, "mcpServers": []}


def choose(session: str, config: str, value: str) -> Params:
    return {"sessionId": session, "configId": config, "value": value}


def mode(session: str, name: str) -> Params:
    return {"sessionId": session, "modeId": name}


def prompt(session: str, text: str) -> Params:
    return {"sessionId": session, "prompt": [{"type": "text", "text": text}]}


def cancel(session: str) -> Params:
    return {"sessionId": session}


def chosen(option: str) -> Params:
    """The answer to a request for permission."""
    return {"outcome": {"outcome": "selected", "optionId": option}}


def cancelled() -> Params:
    """The answer to a request for permission that is of no use any more."""
    return {"outcome": {"outcome": "cancelled"}}


def content(text: str) -> Params:
    return {"content": text}
