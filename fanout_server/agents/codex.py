"""The agent ``codex``: OpenAI's Codex. Seen with 0.169.0.

Its sandbox decides what may be written, and nothing is told of what it did not let through. Errors are told in words
only. An item of the type ``error`` is a warning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import evolve

from fanout_server.agents import service
from fanout_server.agents.base import Abilities, AgentUnavailable, Invocation, Task, Verdict
from fanout_server.agents.endings import NEVER_RAN, cut_short
from fanout_server.agents.events import AgentEvent, Denied, Finished, Retrying, Said, Started, Used, UsedTool
from fanout_server.agents.heard import sentence
from fanout_server.agents.installed import require
from fanout_server.agents.json_lines import Json, count, fields, items, parse, text
from fanout_server.agents.noise import Noise
from fanout_server.agents.process import Ended
from fanout_server.agents.secret import masked
from fanout_server.agents.sessions import session_name
from fanout_server.model import FailureKind, Options, Tokens

# Its sandbox lets it write to the system's temporary folders unless told otherwise.
_EDITING = (
    *("-s", "workspace-write"),
    *("-c", "sandbox_workspace_write.exclude_slash_tmp=true"),
    *("-c", "sandbox_workspace_write.exclude_tmpdir_env_var=true"),
)

_SIGN_IN = "run `codex login`, or set the key that its model provider asks for (OPENAI_API_KEY)"

_STATUS = re.compile(r"\b(?:unexpected|last) status:? (\d{3})\b", re.ASCII)
_AGAIN = re.compile(r"Reconnecting\.\.\. (\d{1,9})/\d+", re.ASCII)

# What it says without a status.
_WORDS = {
    "missing environment variable": FailureKind.NOT_SIGNED_IN,
    "not logged in": FailureKind.NOT_SIGNED_IN,
    "log in again": FailureKind.NOT_SIGNED_IN,
    "sign in again": FailureKind.NOT_SIGNED_IN,
    "quota exceeded": FailureKind.BUDGET_REACHED,
    "out of credits": FailureKind.BUDGET_REACHED,
    "spend cap": FailureKind.BUDGET_REACHED,
    "hit your usage limit": FailureKind.RATE_LIMITED,
    "rate limit": FailureKind.RATE_LIMITED,
    "at capacity": FailureKind.OVERLOADED,
    "high demand": FailureKind.OVERLOADED,
    "stream disconnected": FailureKind.OVERLOADED,
    "connection failed": FailureKind.OVERLOADED,
    "timed out": FailureKind.OVERLOADED,
    "context window": FailureKind.REFUSED,
    "maximum length": FailureKind.REFUSED,
    "invalid_request_error": FailureKind.REFUSED,
}


class Codex:
    """May write in the worktree and run what it likes there, without the network; with a schema it may read only."""

    name = "codex"
    version_argv: tuple[str, ...] = ("codex", "--version")
    abilities = Abilities(resume=True, tokens=True, schema=True, cumulative=True)

    def check(self, options: Options) -> None:
        require(self.name, "codex", options)
        if options.allow:
            raise AgentUnavailable(f"the agent `{self.name}` has no list of what it may do: leave `allow` out")

    def program(self, task: Task) -> Invocation:
        options = task.options
        argv = ["codex", "exec", "--json", *(("-s", "read-only") if task.schema is not None else _EDITING)]
        if task.schema is not None:
            argv += ["--output-schema", str(task.schema)]
        if options.model is not None:
            argv += ["-m", options.model]
        # ``resume`` knows few of these options, so they all stand before it.
        resume = ("resume", task.session) if task.session else ()
        return Invocation((*argv, *options.args, *resume, "-"), stdin=task.prompt_file)

    def reader(self, task: Task) -> CodexReader:
        return CodexReader(schema=task.schema is not None)


class CodexReader:
    """Success is ``turn.completed`` as the last word; with a schema, and JSON as the last message."""

    def __init__(self, *, schema: bool) -> None:
        self._schema = schema
        self._session = ""
        self._last = ""
        self._problem = ""
        self._tokens: Tokens | None = None
        self._done = False
        self._noise = Noise()

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        told = parse(data)
        if told is None:
            self._noise.add(data)
            # The only thing that it tells of an edit outside of the worktree, and without the name of the file.
            return (Denied("file_change"),) if b"patch rejected" in data else ()
        match text(told, "type"):
            case "thread.started":
                self._session = session_name(text(told, "thread_id"))
                return (Started(self._session),)
            case "turn.started":
                self._done = False
            case "item.started":
                return tuple(_uses(fields(told, "item")))
            case "item.completed":
                return tuple(self._item(fields(told, "item")))
            case "error":
                return tuple(self._error(text(told, "message")))
            case "turn.completed":
                return self._completed(fields(told, "usage"))
            case "turn.failed":
                self._done = False
                self._problem = text(told, "error", "message") or self._problem or "it did not say why"
                return (Finished(problem=sentence(self._problem)),)
        return ()

    def _item(self, item: Json) -> Iterator[AgentEvent]:
        kind, said = text(item, "type"), text(item, "text")
        if kind == "agent_message" and said:
            self._last = said
            yield Said(said)
        elif kind == "command_execution" and text(item, "status") == "declined":
            yield Denied(kind, command=text(item, "command"))

    def _error(self, said: str) -> Iterator[Retrying]:
        """Of its tries to go on, and of what ended them."""
        again = _AGAIN.match(said)
        if again is None:
            self._problem = said or self._problem
            return
        yield Retrying(_kind(said) or FailureKind.OVERLOADED, int(again[1]), _wait(said))

    def _completed(self, usage: Json) -> Sequence[AgentEvent]:
        self._done = True
        self._tokens = Tokens(
            count(usage, "input_tokens"), count(usage, "cached_input_tokens"), count(usage, "output_tokens")
        )
        return (Used(self._tokens), Finished(self._last))

    def verdict(self, ended: Ended) -> Verdict:
        found = self._judged(ended)
        return evolve(found, message=masked(found.message), session=self._session, tokens=self._tokens)

    def _judged(self, ended: Ended) -> Verdict:
        # A turn that was told to be complete is, even where the program then hung.
        if self._done:
            return self._answered() if self._schema else Verdict(None, self._last.strip())
        cut = cut_short(ended)
        if cut is not None:
            said = self._noise.text
            return evolve(cut, message=f"{ended.message}: {said}" if said else ended.message)
        return self._failed(self._problem) if self._problem else self._broke_off(ended)

    def _answered(self) -> Verdict:
        if not _is_json(self._last):
            return Verdict(
                FailureKind.BAD_ANSWER,
                "codex's answer has not the form that it was asked for; it said: "
                + (sentence(self._last) or "nothing"),
                retryable=True,
            )
        return Verdict(None, self._last.strip(), answer=self._last)

    def _failed(self, problem: str) -> Verdict:
        said = sentence(text(parse(problem.encode("utf-8", "replace")), "error", "message") or problem)
        kind = _kind(problem)
        if kind is None:
            return Verdict(FailureKind.CRASHED, f"codex gave up: {said}", retryable=True)
        if kind is FailureKind.NOT_SIGNED_IN:
            return Verdict(kind, f"codex is not signed in: {_SIGN_IN} (it said: {said})")
        return service.verdict_of("codex", kind, f"it said: {said}", _SIGN_IN, _wait(problem))

    def _broke_off(self, ended: Ended) -> Verdict:
        said = self._noise.text
        if _kind(said) in {FailureKind.NOT_SIGNED_IN, FailureKind.REFUSED}:
            return self._failed(said)
        if ended.exit == 2:  # noqa: PLR2004 - what it answers to a wrong command line
            message = f"codex does not know what it was told to do: update codex, or change `args` ({said})"
            return Verdict(FailureKind.CRASHED, message)
        message = f"codex broke off in its work, it {ended.message}"
        return Verdict(
            FailureKind.CRASHED, f"{message}: {said}" if said else message, retryable=ended.exit not in NEVER_RAN
        )


def _uses(item: Json) -> Iterator[UsedTool]:
    match text(item, "type"):
        case "command_execution" as kind:
            yield UsedTool(kind, command=text(item, "command"))
        case "file_change" as kind:
            yield from (UsedTool(kind, path=text(change, "path")) for change in items(item, "changes"))
        case "mcp_tool_call":
            yield UsedTool(text(item, "tool"))
        case "web_search" as kind:
            yield UsedTool(kind)


def _kind(said: str) -> FailureKind | None:
    """By the HTTP status that is told, else by the words."""
    status = _STATUS.search(said)
    if status is not None:
        return service.kind_of(int(status[1]))
    lower = said.lower()
    return next((kind for words, kind in _WORDS.items() if words in lower), None)


_IN = re.compile(r"try again in (\d{1,6}(?:\.\d{1,6})?)(ms|s)\b", re.ASCII)
_AT = re.compile(r"try again at (?:([A-Z][a-z]{2} \d{1,2})[a-z]{2}, (\d{4}) )?(\d{1,2}:\d{2} [AP]M)", re.ASCII)


def _wait(said: str) -> float | None:
    """Seconds until it may be tried again; what is a time of day is one of here, today unless it says so."""
    found = _IN.search(said)
    if found is not None:
        return float(found[1]) / (1000 if found[2] == "ms" else 1)
    at = _AT.search(said)
    if at is None:
        return None
    now = datetime.now().astimezone()
    day = f"{at[1]} {at[2]}" if at[1] else now.strftime("%b %d %Y")
    try:
        until = datetime.strptime(f"{day} {at[3]}", "%b %d %Y %I:%M %p").astimezone()
    except (ValueError, OverflowError):
        return None
    return max(0.0, (until - now).total_seconds())


def _is_json(said: str) -> bool:
    try:
        json.loads(said)
    except (ValueError, RecursionError):
        return False
    return True
