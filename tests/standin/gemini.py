"""Gemini's generateContent. The model and whether to stream stand in the path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from fanout_server.agents.json_lines import Json, at, fields, items, text
from tests.standin.script import Say, Use
from tests.standin.tools import Act
from tests.standin.wire import Asked, Document, Event, Events, Object, Reply, standing

_PATH = re.compile(r"/models/(?P<model>[^/:]+):(?P<method>\w+)$")
_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"}


class GenerateContent:
    name = "gemini"

    def speaks(self, path: str) -> bool:
        return _method(path) in {"generateContent", "streamGenerateContent"}

    def count(self, path: str) -> Json:
        return {"totalTokens": 1} if _method(path) == "countTokens" else None

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        found = _PATH.search(path)
        model = found["model"] if found else ""
        declared = (one for tool in items(body, "tools") for one in items(tool, "functionDeclarations"))
        tools = frozenset(text(one, "name") for one in declared)
        prompt, done, turns = standing(_spoken(body))
        key = headers.get("x-goog-api-key", "")
        config = fields(body, "generationConfig")
        form = at(config, "responseJsonSchema") or at(config, "responseSchema")
        stream = _method(path) == "streamGenerateContent"
        return Asked(key, model, stream, tools, prompt, done, turns, form)

    def reply(self, asked: Asked, act: Act, use: Use, number: int) -> Reply:
        part: Json
        if isinstance(act, Say):
            part = {"text": act.text}
        else:
            part = {"functionCall": {"id": f"call_{number}", "name": act.tool, "args": act.arguments}}
        usage: Object = {
            "promptTokenCount": use.input,
            "candidatesTokenCount": use.output,
            "totalTokenCount": use.input + use.output,
        }
        candidate: Json = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        told: Object = {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": asked.model,
            "responseId": f"response_{number}",
        }
        return Events((Event(told),)) if asked.stream else Document(told)

    def refusal(self, status: int, message: str) -> Json:
        return {"error": {"code": status, "message": message, "status": _STATUSES.get(status, "UNAVAILABLE")}}


def _method(path: str) -> str:
    found = _PATH.search(path)
    return found["method"] if found else ""


def _spoken(body: Json) -> Iterator[str | None]:
    for content in items(body, "contents"):
        for part in items(content, "parts"):
            if "functionResponse" in fields(part):
                yield None
            elif text(content, "role") == "user" and at(part, "text") is not None:
                yield text(part, "text")
