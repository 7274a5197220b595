"""What we say, held against the models of the protocol's own package."""

from __future__ import annotations

import acp
import pytest
from acp import schema
from acp.meta import AGENT_METHODS, CLIENT_METHODS
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fanout_server.agents.acp import messages
from fanout_server.agents.acp.messages import Params

texts = st.text()


def holds(model: type[BaseModel], said: Params) -> None:
    """It is read, and nothing of it is unknown or of another form."""
    read = model.model_validate(said, strict=True)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == said


@given(texts, texts, texts)
def test_our_words_are_the_protocols(one: str, two: str, three: str) -> None:
    holds(schema.InitializeRequest, messages.initialize())
    holds(schema.NewSessionRequest, messages.new_session(one))
    holds(schema.LoadSessionRequest, messages.known_session(one, two))
    holds(schema.ResumeSessionRequest, messages.known_session(one, two))
    holds(schema.SetSessionConfigOptionSelectRequest, messages.choose(one, two, three))
    holds(schema.SetSessionModeRequest, messages.mode(one, two))
    holds(schema.PromptRequest, messages.prompt(one, two))
    holds(schema.CancelNotification, messages.cancel(one))
    holds(schema.RequestPermissionResponse, messages.chosen(one))
    holds(schema.RequestPermissionResponse, messages.cancelled())
    holds(schema.ReadTextFileResponse, messages.content(one))


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("initialize", messages.INITIALIZE),
        ("session_new", messages.NEW_SESSION),
        ("session_load", messages.LOAD_SESSION),
        ("session_resume", messages.RESUME_SESSION),
        ("session_set_config_option", messages.CHOOSE),
        ("session_set_mode", messages.SET_MODE),
        ("session_prompt", messages.PROMPT),
        ("session_cancel", messages.CANCEL),
        ("session_update", messages.UPDATE),
        ("session_request_permission", messages.PERMISSION),
        ("fs_write_text_file", messages.WRITE),
        ("fs_read_text_file", messages.READ),
    ],
)
def test_our_methods_are_the_protocols(name: str, method: str) -> None:
    assert {**AGENT_METHODS, **CLIENT_METHODS}[name] == method
    assert acp.PROTOCOL_VERSION == messages.VERSION
