"""The agent ``copilot``: GitHub Copilot CLI. Seen with 1.0.102."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import attrs

from fanout_server.agents import service
from fanout_server.agents.base import Abilities, Invocation, Task, Verdict
from fanout_server.agents.endings import by_status, cut_short
from fanout_server.agents.events import AgentEvent, Denied, Finished, Retrying, Said, Started, UsedTool
from fanout_server.agents.heard import Calls, DeniedEdits, Speech, sentence
from fanout_server.agents.installed import require
from fanout_server.agents.json_lines import Json, count, fields, items, number, parse, text
from fanout_server.agents.process import Ended
from fanout_server.agents.secret import masked
from fanout_server.agents.sessions import session_name
from fanout_server.model import FailureKind, Options, Tokens

_SIGN_IN = "run `copilot` in a terminal and /login, or put COPILOT_GITHUB_TOKEN into the environment or `env`"

_NO_SIGN_IN = b"No authentication information found"
_USAGE_BYTES = 256 * 1024

_ARGV = (
    *("copilot", "--output-format", "json", "--stream", "off"),
    *("--no-ask-user", "--no-auto-update", "--disable-builtin-mcps", "--disable-client-telemetry"),
)


class Copilot:
    """May use all its tools in the worktree; with ``allow``, edit files and use those that it names."""

    name = "copilot"
    version_argv: tuple[str, ...] = ("copilot", "--version")
    abilities = Abilities(resume=True, tokens=True, cumulative=True)

    def check(self, options: Options) -> None:
        require(self.name, "copilot", options)

    def program(self, task: Task) -> Invocation:
        options = task.options
        usage = _usage_file(task)
        # A file of an earlier try must not be taken for this one's.
        usage.unlink(missing_ok=True)
        argv = [*_ARGV, f"--usage-output-file={usage}"]
        if options.allow:
            argv += [f"--allow-tool={tool}" for tool in ("write", *options.allow)]
        else:
            argv.append("--allow-all-tools")
        if options.model is not None:
            argv += ["--model", options.model]
        if task.session:
            argv.append(f"--resume={task.session}")
        return Invocation((*argv, *options.args), stdin=task.prompt_file)

    def reader(self, task: Task) -> CopilotReader:
        return CopilotReader(task.cwd, _usage_file(task))


def _usage_file(task: Task) -> Path:
    return task.folder / "copilot-usage.json"


class CopilotReader:
    """Success is a ``result`` with exit code 0 after a turn that came to its end."""

    def __init__(self, cwd: Path, usage: Path) -> None:
        self._usage = usage
        self._calls = Calls()
        self._speech = Speech()
        self._denied = DeniedEdits(cwd)
        self._session = ""
        self._model = ""
        self._answered = False
        self._done = False
        self._signed_in = True
        self._error: Json = None

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        told = parse(data)
        if told is None and _NO_SIGN_IN in data:
            self._signed_in = False
        given = fields(told, "data")
        match text(told, "type"):
            case "session.tools_updated" if not self._model:
                self._model = text(given, "model")
                return (Started(model=self._model),)
            case "assistant.turn_start":
                self._answered = False
            case "assistant.message":
                return self._message(given)
            case "tool.execution_start":
                return (self._use(given),)
            case "tool.execution_complete":
                return self._used(given)
            case "model.call_failure":
                return _retrying(given)
            case "session.error":
                self._error = given
            case "result":
                return self._result(told)
        return ()

    def _message(self, given: Json) -> Sequence[AgentEvent]:
        said = text(given, "content")
        # A message that asks for no tool is the last of its turn.
        self._answered = not items(given, "toolRequests")
        self._speech.restart()
        self._speech.add(said)
        return (Said(said),) if said else ()

    def _use(self, given: Json) -> UsedTool:
        arguments = fields(given, "arguments")
        call = UsedTool(text(given, "toolName"), text(arguments, "path"), text(arguments, "command"))
        self._calls.begin(text(given, "toolCallId"), call)
        return call

    def _used(self, given: Json) -> Sequence[AgentEvent]:
        call = self._calls.end(text(given, "toolCallId"))
        if text(given, "error", "code") != "denied":
            if fields(given).get("success") is True:
                self._denied.done(call.path)
            return ()
        if call.name in {"create", "edit", "str_replace_editor", "apply_patch"}:
            self._denied.denied(call.path)
        return (Denied(call.name, call.path, call.command),)

    def _result(self, told: Json) -> Sequence[AgentEvent]:
        self._session = session_name(text(told, "sessionId"))
        self._done = self._answered and number(told, "exitCode") == 0 and self._error is None
        problem = "" if self._done else text(self._error, "message") or "it said no more"
        return (Finished(self._speech.text, problem),)

    def verdict(self, ended: Ended) -> Verdict:
        found = self._judged(ended)
        return attrs.evolve(found, message=masked(found.message), session=self._session, tokens=_tokens(self._usage))

    def _judged(self, ended: Ended) -> Verdict:
        # A success that was told is one, even where the program then hung.
        if self._done and not self._denied.paths:
            return Verdict(None, self._speech.text.strip())
        cut = cut_short(ended)
        if cut is not None:
            return cut
        if self._denied.paths:
            path = sentence(self._denied.paths[0])
            return Verdict(
                FailureKind.PERMISSION_DENIED,
                f"copilot was not allowed to edit {path}: leave --deny-tool out of `args`, or `allow` that file",
            )
        if not self._signed_in and not self._session:
            return Verdict(FailureKind.NOT_SIGNED_IN, f"copilot: not signed in; {_SIGN_IN}")
        said = text(self._error, "message")
        refused = service.verdict("copilot", count(self._error, "statusCode"), said, _SIGN_IN)
        if refused is not None:
            return refused
        if said:
            return Verdict(FailureKind.CRASHED, f"copilot gave up: {sentence(said)}", retryable=True)
        if ended.exit == 0:
            return Verdict(FailureKind.CRASHED, "copilot ended in the middle of its work", retryable=True)
        return by_status(ended)


def _retrying(given: Json) -> Sequence[AgentEvent]:
    """Told at once; that it tries again is told only after the wait."""
    kind = service.kind_of(count(given, "statusCode"))
    if kind is None or not service.passes(kind):
        return ()
    return (Retrying(kind, count(given, "retryAttempt") + 1),)


def _tokens(path: Path) -> Tokens | None:
    """From the file that the program wrote, or whoever else could: the agent may have put anything there."""
    try:
        data = _read(path)
    except OSError:
        return None
    models = fields(parse(data), "modelMetrics")
    if not models:
        return None
    total = Tokens()
    for model in models.values():
        usage = fields(model, "usage")
        total += Tokens(count(usage, "inputTokens"), count(usage, "cacheReadTokens"), count(usage, "outputTokens"))
    return total


def _read(path: Path) -> bytes:
    found = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(found, _USAGE_BYTES) if stat.S_ISREG(os.fstat(found).st_mode) else b""
    finally:
        os.close(found)
