"""What we say to an ACP agent, by the protocol's own models. Import it late, and in a thread."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from acp import PROTOCOL_VERSION, schema
from pydantic import BaseModel

from fanout_server.agents.json_lines import Json

VERSION = PROTOCOL_VERSION

Params = dict[str, Json]


def initialize(*, writes: bool) -> Params:
    """``writes``: what it writes is to go through us. It reads by itself: more than its worktree, for good reason."""
    return _plain(
        schema.InitializeRequest(
            protocol_version=PROTOCOL_VERSION,
            client_capabilities=schema.ClientCapabilities(
                fs=schema.FileSystemCapabilities(read_text_file=False, write_text_file=writes), terminal=False
            ),
            client_info=schema.Implementation(name="fanout", version=version("fanout-server")),
        )
    )


def new_session(cwd: str) -> Params:
    return _plain(schema.NewSessionRequest(cwd=cwd, mcp_servers=[]))


def load_session(session: str, cwd: str) -> Params:
    return _plain(schema.LoadSessionRequest(session_id=session, cwd=cwd, mcp_servers=[]))


def resume_session(session: str, cwd: str) -> Params:
    return _plain(schema.ResumeSessionRequest(session_id=session, cwd=cwd, mcp_servers=[]))


def choose(session: str, config: str, value: str) -> Params:
    return _plain(schema.SetSessionConfigOptionSelectRequest(session_id=session, config_id=config, value=value))


def prompt(session: str, text: str) -> Params:
    block = schema.TextContentBlock(type="text", text=text)
    return _plain(schema.PromptRequest(session_id=session, prompt=[block]))


def cancel(session: str) -> Params:
    return _plain(schema.CancelNotification(session_id=session))


def chosen(option: str) -> Params:
    """The answer to a request for permission."""
    outcome = schema.AllowedOutcome(outcome="selected", option_id=option)
    return _plain(schema.RequestPermissionResponse(outcome=outcome))


def cancelled() -> Params:
    """The answer to a request for permission that is of no use any more."""
    return _plain(schema.RequestPermissionResponse(outcome=schema.DeniedOutcome(outcome="cancelled")))


def content(text: str) -> Params:
    return _plain(schema.ReadTextFileResponse(content=text))


def _plain(model: BaseModel) -> Params:
    plain: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return plain
