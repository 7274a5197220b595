"""OpenAI's Responses, as codex asks them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from fanout_server.agents.json_lines import Json, at, items, text
from tests.standin.script import Say, Use
from tests.standin.tools import Act
from tests.standin.wire import Asked, Document, Event, Events, Object, Reply, bearer, standing


class Responses:
    name = "responses"

    def speaks(self, path: str) -> bool:
        return path.endswith("/responses")

    def count(self, path: str) -> Json:
        del path
        return None

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        del path
        tools = frozenset(text(tool, "name") for tool in items(body, "tools") if text(tool, "type") == "function")
        prompt, done, turns = standing(_spoken(body))
        return Asked(bearer(headers), text(body, "model"), at(body, "stream") is True, tools, prompt, done, turns)

    def reply(self, asked: Asked, act: Act, use: Use, number: int) -> Reply:
        item: Object
        if isinstance(act, Say):
            part: Object = {"type": "output_text", "text": act.text, "annotations": []}
            item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": [part]}
        else:
            arguments = json.dumps(act.arguments)
            item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": act.tool}
            item = {**item, "arguments": arguments}
        item = {**item, "status": "completed"}
        usage: Object = {
            "input_tokens": use.input,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": use.output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": use.input + use.output,
        }
        begun: Object = {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": 0,
            "model": asked.model,
            "status": "in_progress",
            "output": [],
        }
        whole: Object = {**begun, "status": "completed", "output": [item], "usage": usage}
        if not asked.stream:
            return Document(whole)
        return _events(
            ("response.created", {"response": begun}),
            ("response.output_item.added", {"output_index": 0, "item": _opened(item)}),
            *_pieces(item, act),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            ("response.completed", {"response": whole}),
        )

    def refusal(self, status: int, message: str) -> Json:
        return {"error": {"message": message, "type": f"error_{status}", "code": f"error_{status}", "param": None}}


def _spoken(body: Json) -> Iterator[str | None]:
    if text(body, "input"):
        yield text(body, "input")
    for item in items(body, "input"):
        if text(item, "type").endswith("_output"):
            yield None
        elif text(item, "role") == "user":
            yield text(item, "content") or "\n".join(text(part, "text") for part in items(item, "content"))


def _opened(item: Object) -> Json:
    """As it is before its content has come."""
    empty: Object = {"content": []} if "content" in item else {"arguments": ""}
    return {**item, **empty, "status": "in_progress"}


def _pieces(item: Object, act: Act) -> Iterator[tuple[str, Object]]:
    place: Object = {"item_id": item["id"], "output_index": 0}
    if not isinstance(act, Say):
        yield "response.function_call_arguments.delta", {**place, "delta": item["arguments"]}
        yield "response.function_call_arguments.done", {**place, "arguments": item["arguments"]}
        return
    place = {**place, "content_index": 0}
    yield "response.content_part.added", {**place, "part": {"type": "output_text", "text": "", "annotations": []}}
    yield "response.output_text.delta", {**place, "delta": act.text}
    yield "response.output_text.done", {**place, "text": act.text}


def _events(*told: tuple[str, Object]) -> Events:
    return Events(
        tuple(Event({"type": name, "sequence_number": at, **data}, name) for at, (name, data) in enumerate(told))
    )
