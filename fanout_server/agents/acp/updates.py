"""What an ACP agent tells while it works (``session/update``), as events; and what of it is kept for the end."""

from __future__ import annotations

from collections import OrderedDict

from fanout_server.agents.acp.permissions import WRITING, ToolCall, command_of, is_diff, paths_of
from fanout_server.agents.events import AgentEvent, Said, Used, UsedTool
from fanout_server.agents.heard import Speech
from fanout_server.agents.json_lines import Json, count, fields, number, text
from fanout_server.model import Tokens

_MOST_CALLS = 1000


class Updates:
    """``speech`` is the last text without a tool call after it; ``edits`` counts the tool calls that wrote.

    ``cost`` is in dollars, and as the tokens that of the whole session, so far.
    """

    def __init__(self) -> None:
        self.speech = Speech()
        self.calls = 0
        self.edits = 0
        self.cost: float | None = None
        self.tokens: Tokens | None = None
        self._known: OrderedDict[str, ToolCall] = OrderedDict()

    def read(self, update: Json) -> list[AgentEvent]:
        match text(update, "sessionUpdate"):
            case "agent_message_chunk":
                return self._chunk(clean(text(update, "content", "text")))
            case "tool_call" | "tool_call_update":
                call, news = self.call(update)
                if text(update, "status") == "completed" and call.kind in WRITING:
                    self.edits += 1
                return news
            case "usage_update":
                return self._usage(update)
            case _:
                return []

    def call(self, told: Json) -> tuple[ToolCall, list[AgentEvent]]:
        """A tool call with all that was told of it so far, this included: by an update, or by asking for permission."""
        number = text(told, "toolCallId")
        known = self._known.pop(number, None)
        before = known or ToolCall(number)
        call = ToolCall(
            number,
            # Whatever it calls itself.
            "edit" if is_diff(told) else text(told, "kind") or before.kind,
            clean(text(told, "title")) or before.title,
            tuple(map(clean, paths_of(told))) or before.paths,
            clean(command_of(told)) or before.command,
            # Some tell of it before they know what it is about.
            told=before.told or text(told, "status") != "pending" or bool(paths_of(told) or command_of(told)),
        )
        self._known[number] = call
        if len(self._known) > _MOST_CALLS:
            self._known.popitem(last=False)
        if known is None:
            self.calls += 1
            self.speech.restart()
        if before.told or not call.told:
            return call, []
        return call, [UsedTool(call.name, call.paths[0] if call.paths else "", call.command)]

    def finish(self, result: Json) -> None:
        """The answer to a prompt may have an account of tokens with it."""
        usage = fields(result, "usage")
        if usage:
            cached = count(usage, "cachedReadTokens")
            given, made = count(usage, "inputTokens"), count(usage, "outputTokens")
            others = cached + count(usage, "cachedWriteTokens")
            # Some count what was read from a cache as input, and thoughts as output, and some do not.
            left = count(usage, "totalTokens") - given - made
            if left >= others:
                given, left = given + others, left - others
            if left >= count(usage, "thoughtTokens"):
                made += count(usage, "thoughtTokens")
            self.tokens = Tokens(given, cached, made)
            return
        quota = fields(result, "_meta", "quota", "token_count")  # gemini's own
        if quota:
            self.tokens = Tokens(count(quota, "input_tokens"), 0, count(quota, "output_tokens"))

    def _chunk(self, piece: str) -> list[AgentEvent]:
        if not piece:
            return []
        self.speech.add(piece)
        return [Said(piece)]

    def _usage(self, update: Json) -> list[AgentEvent]:
        cost = number(update, "cost", "amount")
        if cost is None or text(update, "cost", "currency") != "USD":
            return []
        self.cost = cost
        return [Used(self.tokens or Tokens(), cost)]


def clean(said: str) -> str:
    """Without halves of surrogate pairs, which JSON can say and nothing else can hold."""
    return said.encode("utf-8", "replace").decode("utf-8")
