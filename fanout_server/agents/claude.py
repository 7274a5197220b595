"""The agent ``claude``: Claude Code. Seen with 2.1.330.

Errors of its service come as a result that calls itself a success and has ``is_error`` set; limits have a subtype of
their own. What was not allowed is in ``permission_denials``, and the result is a success all the same.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import anyio
from attrs import evolve

from fanout_server.agents import service
from fanout_server.agents.base import Abilities, Invocation, Task, Verdict
from fanout_server.agents.endings import NEVER_RAN, cut_short
from fanout_server.agents.events import AgentEvent, Denied, Finished, Retrying, Said, Started, Used, UsedTool
from fanout_server.agents.heard import Calls, DeniedEdits, sentence
from fanout_server.agents.installed import require
from fanout_server.agents.json_lines import Json, at, count, fields, items, number, parse, text
from fanout_server.agents.noise import Noise
from fanout_server.agents.pipe import Pipe
from fanout_server.agents.process import ARGUMENT_BYTES, Ended
from fanout_server.agents.secret import masked
from fanout_server.agents.sessions import session_name
from fanout_server.model import FailureKind, FanoutError, Options, Tokens

_ARGV = ("claude", "-p", "--output-format", "stream-json", "--verbose")

# Without these it retries ten times for minutes, updates itself, and calls home, in each of many units.
_ENV = {
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
}

# There is nothing else to use, whatever the user's own settings allow.
_READ_ONLY = ("--tools", "Read,Grep,Glob", "--permission-mode", "dontAsk")

_EDITS = {"Edit", "MultiEdit", "NotebookEdit", "Write"}

_SIGN_IN = "run `claude` once and sign in, or set ANTHROPIC_API_KEY"

# What claude calls the errors of its service, where it tells no status.
_ERRORS = {
    "authentication_failed": 401,
    "oauth_org_not_allowed": 403,
    "account_on_hold": 403,
    "verification_required": 403,
    "cloud_credential_error": 401,
    "billing_error": 402,
    "rate_limit": 429,
    "overloaded": 529,
    "server_error": 500,
    "invalid_request": 400,
    "model_not_found": 404,
}

_DENIALS = 1000

# Seconds before its first retry, halved; each further wait is twice as long.
_LONGEST_OWN = 0.35

_NO_SESSION = "No conversation found"

# Reasons to end that no further try changes.
_TOO_LONG = {"blocking_limit", "prompt_too_long", "rapid_refill_breaker"}


class Claude:
    """May edit files in the worktree, and use what ``allow`` names; with a schema it may read only."""

    name = "claude"
    version_argv: tuple[str, ...] = ("claude", "--version")
    abilities = Abilities(
        resume=True,
        cost=True,
        tokens=True,
        schema=True,
        turn_limit=True,
        budget_limit=True,
        steering=True,
        cumulative=True,
    )

    def check(self, options: Options) -> None:
        require(self.name, "claude", options)

    def program(self, task: Task) -> Invocation:
        options = task.options
        argv = [*_ARGV]
        if task.schema is not None:
            argv += [*_READ_ONLY, "--json-schema", _schema(task.schema)]
        else:
            # The list takes all that follows it up to the next option, so it never comes last.
            argv += ["--allowedTools", ",".join(options.allow)] if options.allow else []
            argv += ["--permission-mode", "acceptEdits", "--input-format", "stream-json"]
        if options.model is not None:
            argv += ["--model", options.model]
        if task.turns is not None:
            argv += ["--max-turns", str(task.turns)]
        if task.budget is not None:
            argv += ["--max-budget-usd", f"{task.budget:.4f}"]
        if task.session:
            argv += ["-r", task.session]
        env = {name: value for name, value in _ENV.items() if name not in options.env}
        # At SIGINT it still tells what it cost, at SIGTERM it does not.
        stdin = task.prompt_file if task.schema is not None else None
        return Invocation((*argv, *options.args), env, stdin, signal.SIGINT)

    def reader(self, task: Task) -> ClaudeReader:
        return ClaudeReader(task) if task.schema is not None else ClaudeTalker(task)


def _schema(path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FanoutError(f"the schema {path} cannot be read ({error}): write it again") from error
    if len(text.encode()) > ARGUMENT_BYTES:
        raise FanoutError(
            f"the schema {path} is longer than {ARGUMENT_BYTES:,} bytes, which claude cannot be given: make it shorter"
        )
    return text


class ClaudeReader:
    """Success is a ``result`` as the last word, without an error, without denied edits, with what was asked for."""

    def __init__(self, task: Task) -> None:
        self._schema = task.schema is not None
        self._calls = Calls()
        self._denied = DeniedEdits(task.cwd)
        self._denials: set[str] = set()
        self._session = ""
        self._error = ""
        self._asked: float | None = None
        self._resets: float | None = None
        self._result: Mapping[str, Json] = {}
        self._over = False
        self._noise = Noise()

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        told = parse(data)
        if told is None:
            self._noise.add(data)
            return ()
        self._session = session_name(text(told, "session_id")) or self._session
        match text(told, "type"), text(told, "subtype"):
            case "system", "init":
                return (Started(self._session, text(told, "model")),)
            case "system", "api_retry":
                return (self._retrying(told),)
            case "system", "permission_denied":
                return tuple(self._not_allowed(text(told, "tool_use_id"), text(told, "tool_name"), None))
            case "assistant", _:
                return tuple(self._message(told))
            case "user", _:
                self._tools_ended(told)
            case "rate_limit_event", _:
                self._limit(told)
            case "result", _:
                return tuple(self._ends(told))
        return ()

    def _retrying(self, told: Json) -> Retrying:
        # A connection that broke has no status.
        kind = service.kind_of(count(told, "error_status")) or FailureKind.OVERLOADED
        attempt, milliseconds = count(told, "attempt"), number(told, "retry_delay_ms")
        delay = None if milliseconds is None else milliseconds / 1000
        # A wait that is longer than its own would be is what the service asked for, and a little more.
        self._asked = delay if delay is not None and delay > _LONGEST_OWN * 2 ** min(attempt, 10) else None
        return Retrying(kind, attempt, delay)

    def _message(self, told: Json) -> Iterator[AgentEvent]:
        self._over = False
        self._error = text(told, "error")
        for part in items(told, "message", "content"):
            if text(part, "type") == "tool_use":
                call = _call(text(part, "name"), at(part, "input"))
                self._calls.begin(text(part, "id"), call)
                yield call
            elif text(part, "type") == "text" and text(part, "text") and not self._error:
                yield Said(text(part, "text"))

    def _tools_ended(self, told: Json) -> None:
        for part in items(told, "message", "content"):
            if text(part, "type") == "tool_result" and at(part, "is_error") is not True:
                self._denied.done(self._calls.end(text(part, "tool_use_id")).path)

    def _not_allowed(self, key: str, name: str, given: Json) -> Iterator[Denied]:
        """Told twice: when it happens, and at the end. The second time is for programs that leave out the first."""
        if key in self._denials or len(self._denials) > _DENIALS:
            return
        self._denials.add(key)
        call = self._calls.end(key)
        if not call.name:
            call = _call(name, given)
        if call.name in _EDITS:
            self._denied.denied(call.path)
        yield Denied(call.name, call.path, call.command)

    def _limit(self, told: Json) -> None:
        info = fields(told, "rate_limit_info")
        self._resets = number(info, "resetsAt") if text(info, "status") == "rejected" else None

    def _ends(self, told: Mapping[str, Json]) -> Iterator[AgentEvent]:
        self._result = told
        self._over = True
        for denial in items(told, "permission_denials"):
            key, name = text(denial, "tool_use_id"), text(denial, "tool_name")
            yield from self._not_allowed(key, name, at(denial, "tool_input"))
        yield Used(_tokens(told), number(told, "total_cost_usd"))
        failed = at(told, "is_error") is not False or text(told, "subtype") != "success"
        yield Finished("", self._said() or "it did not say why") if failed else Finished(text(told, "result"))

    def verdict(self, ended: Ended) -> Verdict:
        found = self._judged(ended)
        told = bool(self._result)
        return evolve(
            found,
            message=masked(found.message),
            # The name of a session that it does not know it says as if it were one.
            session="" if not found.ok and _NO_SESSION in found.message else self._session,
            cost=number(self._result, "total_cost_usd"),
            tokens=_tokens(self._result) if told else None,
        )

    def _judged(self, ended: Ended) -> Verdict:
        well = self._over and at(self._result, "is_error") is False and text(self._result, "subtype") == "success"
        # A success that was told is one, even where the program then hung or was in a hurry.
        if well:
            return self._done()
        cut = cut_short(ended)
        if cut is not None:
            said = self._noise.text
            return evolve(cut, message=f"{ended.message}: {said}" if said else ended.message)
        if self._over:
            return self._failed()
        return self._broke_off(ended)

    def _done(self) -> Verdict:
        if self._schema:
            return self._answered()
        if self._denied.paths:
            return Verdict(
                FailureKind.PERMISSION_DENIED,
                f"claude was not allowed to edit {sentence(self._denied.paths[0])}: look for what denies it in claude's"
                " settings, or name `Edit` and `Write` in `allow`",
            )
        if text(self._result, "stop_reason") == "refusal":
            return self._refused()
        return Verdict(None, text(self._result, "result").strip())

    def _answered(self) -> Verdict:
        if "structured_output" not in self._result:
            return Verdict(
                FailureKind.BAD_ANSWER,
                f"claude's answer has not the form that it was asked for; it said: {self._said() or 'nothing'}",
                retryable=True,
            )
        answer = json.dumps(self._result["structured_output"], ensure_ascii=False)
        return Verdict(None, text(self._result, "result").strip(), answer=answer)

    def _failed(self) -> Verdict:
        said = self._said()
        match text(self._result, "subtype"):
            case "error_max_turns":
                message = "claude reached its limit of turns before it was done: make the unit smaller"
                return Verdict(FailureKind.TURN_LIMIT, f"{message} ({said})")
            case "error_max_budget_usd":
                message = "claude reached its budget before it was done: raise `unit_budget` or `budget`"
                return Verdict(FailureKind.BUDGET_REACHED, f"{message} ({said})")
            case "error_max_structured_output_retries":
                message = "claude did not bring its answer into the form that it was asked for"
                return Verdict(FailureKind.BAD_ANSWER, f"{message} ({said})", retryable=True)
        if text(self._result, "stop_reason") == "refusal":
            return self._refused()
        if text(self._result, "terminal_reason") in _TOO_LONG:
            return Verdict(FailureKind.REFUSED, f"the unit is too long for claude: make it smaller ({said})")
        if _NO_SESSION in said:
            return Verdict(FailureKind.CRASHED, f"claude cannot go on with its session: {said}", retryable=True)
        return self._service_failed(said) or Verdict(
            FailureKind.CRASHED, f"claude gave up: {said or 'it did not say why'}", retryable=True
        )

    def _service_failed(self, said: str) -> Verdict | None:
        """Its word for the error says more than the status: an account without credit has a 400 as well."""
        status = count(self._result, "api_error_status") or _ERRORS.get(self._error, 0)
        match service.kind_of(_ERRORS.get(self._error, status)):
            case FailureKind.NOT_SIGNED_IN as kind:
                return Verdict(kind, f"claude is not signed in: {_SIGN_IN} (it said: {said})")
            case FailureKind.BUDGET_REACHED as kind:
                return Verdict(
                    kind, f"the account that claude works for has no credit left: add some (it said: {said})"
                )
        return service.verdict("claude", status, said, _SIGN_IN, self._wait())

    def _wait(self) -> float | None:
        return self._asked if self._resets is None else max(0.0, self._resets - time.time())

    def _refused(self) -> Verdict:
        return Verdict(
            FailureKind.REFUSED, f"claude refused this unit: word it in another way, or leave it out ({self._said()})"
        )

    def _broke_off(self, ended: Ended) -> Verdict:
        said = self._noise.text
        if "unknown option" in said:
            message = f"claude does not know an option that it was given: update claude, or change `args` ({said})"
            return Verdict(FailureKind.CRASHED, message)
        if "exceeds" in said:
            return Verdict(FailureKind.REFUSED, f"the prompt is too long for claude: make the unit smaller ({said})")
        message = f"claude broke off in its work, it {ended.message}"
        return Verdict(
            FailureKind.CRASHED, f"{message}: {said}" if said else message, retryable=ended.exit not in NEVER_RAN
        )

    def _said(self) -> str:
        errors = "; ".join(error for error in items(self._result, "errors") if isinstance(error, str))
        return sentence(text(self._result, "result") or errors)


class ClaudeTalker(ClaudeReader):
    """Hands over the prompt as the first of many messages: notes can follow while it works."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self._messages = [task.prompt]
        self._news = anyio.Event()
        self._deaf = False

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        found = super().line(data)
        if self._over:
            self._news.set()
        return found

    def note(self, text: str) -> bool:
        if self._deaf:
            return False
        self._messages.append(text)
        self._news.set()
        return True

    async def talk(self, pipe: Pipe) -> None:
        try:
            while self._messages or not self._over:
                while self._messages:
                    self._over = False
                    await pipe.write(_user_message(self._messages.pop(0)))
                await self._news.wait()
                self._news = anyio.Event()
        finally:
            self._deaf = True


def _user_message(text: str) -> bytes:
    # Bytes of odd file names are no characters, and JSON holds nothing else.
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return json.dumps({"type": "user", "message": {"role": "user", "content": plain}}).encode() + b"\n"


def _call(name: str, given: Json) -> UsedTool:
    path = text(given, "file_path") or text(given, "notebook_path") or text(given, "path")
    return UsedTool(name, path, text(given, "command"))


def _tokens(result: Json) -> Tokens:
    """Of all models, those of sub-agents too; what was written into a cache is input as well."""
    total = Tokens()
    for model in fields(result, "modelUsage").values():
        cached = count(model, "cacheReadInputTokens")
        read = count(model, "inputTokens") + cached + count(model, "cacheCreationInputTokens")
        total += Tokens(read, cached, count(model, "outputTokens"))
    return total
