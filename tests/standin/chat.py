"""OpenAI's chat completions, which most other services speak too; opencode and copilot ask them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fanout_server.agents.json_lines import Json, at, items, text
from tests.standin.script import Say, Use
from tests.standin.tools import Act
from tests.standin.wire import Asked, Document, Event, Events, Object, Reply, bearer, standing


class Chat:
    name = "chat"

    def speaks(self, path: str) -> bool:
        return path.endswith("/chat/completions")

    def count(self, path: str) -> Json:
        del path
        return None

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        del path
        tools = frozenset(text(tool, "function", "name") for tool in items(body, "tools"))
        prompt, done, turns = standing(_spoken(body))
        return Asked(bearer(headers), text(body, "model"), at(body, "stream") is True, tools, prompt, done, turns)

    def reply(self, asked: Asked, act: Act, use: Use, number: int) -> Reply:
        said: Object
        if isinstance(act, Say):
            said, finish = {"role": "assistant", "content": act.text}, "stop"
        else:
            function = {"name": act.tool, "arguments": act.json}
            call: Object = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
            said, finish = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        usage: Object = {
            "prompt_tokens": use.input,
            "completion_tokens": use.output,
            "total_tokens": use.input + use.output,
        }
        head: Object = {"id": f"chatcmpl-{number}", "created": 0, "model": asked.model}
        if not asked.stream:
            choice: Json = {"index": 0, "message": said, "finish_reason": finish}
            return Document({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        chunk: Object = {**head, "object": "chat.completion.chunk"}
        return Events(
            (
                Event({**chunk, "choices": [{"index": 0, "delta": said, "finish_reason": None}]}),
                Event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}),
                Event({**chunk, "choices": [], "usage": usage}),
                Event("[DONE]"),
            )
        )

    def refusal(self, status: int, message: str) -> Json:
        return {"error": {"message": message, "type": f"error_{status}", "code": f"error_{status}", "param": None}}


def _spoken(body: Json) -> Iterator[str | None]:
    for message in items(body, "messages"):
        if text(message, "role") == "tool":
            yield None
        elif text(message, "role") == "user":
            yield text(message, "content") or "\n".join(text(part, "text") for part in items(message, "content"))
