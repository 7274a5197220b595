"""Anthropic's Messages, as claude asks them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from fanout_server.agents.json_lines import Json, at, items, text
from tests.standin.script import Say, Use
from tests.standin.tools import Act
from tests.standin.wire import Asked, Document, Event, Events, Object, Reply, bearer, standing

_KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}


class Messages:
    name = "anthropic"

    def speaks(self, path: str) -> bool:
        return path.endswith("/messages")

    def count(self, path: str) -> Json:
        return {"input_tokens": 1} if path.endswith("/messages/count_tokens") else None

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        del path
        tools = frozenset(text(tool, "name") for tool in items(body, "tools"))
        prompt, done, turns = standing(_spoken(body))
        key = headers.get("x-api-key") or bearer(headers)
        return Asked(key, text(body, "model"), at(body, "stream") is True, tools, prompt, done, turns)

    def reply(self, asked: Asked, act: Act, use: Use, number: int) -> Reply:
        block: Object
        if isinstance(act, Say):
            block, stop = {"type": "text", "text": act.text}, "end_turn"
        else:
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": act.tool, "input": act.arguments}
            stop = "tool_use"
        usage: Object = {"input_tokens": use.input, "output_tokens": use.output}
        message: Object = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [block],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": usage,
        }
        if not asked.stream:
            return Document(message)
        opening: Object = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
        if isinstance(act, Say):
            bare: Object = {**block, "text": ""}
            delta: Object = {"type": "text_delta", "text": act.text}
        else:
            bare = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(act.arguments)}
        return _events(
            {"type": "message_start", "message": opening},
            {"type": "content_block_start", "index": 0, "content_block": bare},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": stop, "stop_sequence": None},
                "usage": {"output_tokens": use.output},
            },
            {"type": "message_stop"},
        )

    def refusal(self, status: int, message: str) -> Json:
        return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}


def _spoken(body: Json) -> Iterator[str | None]:
    for message in items(body, "messages"):
        # What is said in the middle of a turn comes as the system's.
        if text(message, "role") not in {"user", "system"}:
            continue
        if text(message, "content"):
            yield text(message, "content")
        for block in items(message, "content"):
            if text(block, "type") == "text":
                yield text(block, "text")
            elif text(block, "type") == "tool_result":
                yield None


def _events(*data: Object) -> Events:
    return Events(tuple(Event(one, text(one, "type")) for one in data))
