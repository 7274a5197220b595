"""The agent ``opencode``. Seen with 1.18.33."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import attrs

from fanout_server.agents import service
from fanout_server.agents.base import Abilities, Invocation, Task, Verdict
from fanout_server.agents.endings import by_status, cut_short
from fanout_server.agents.events import AgentEvent, Denied, Finished, Said, Started, Used, UsedTool
from fanout_server.agents.heard import DeniedEdits, Speech, sentence
from fanout_server.agents.installed import require
from fanout_server.agents.json_lines import Json, count, fields, number, parse, text
from fanout_server.agents.process import Ended
from fanout_server.agents.secret import masked
from fanout_server.agents.sessions import session_name
from fanout_server.model import FailureKind, Options, Tokens

_SIGN_IN = "run `opencode auth login` in a terminal"

# What a tool's error says where its use was not allowed; there is no code for it.
_DENIALS = ("rejected permission", "prevents you from using this specific tool")

_NOT_DONE = {
    "length": "its answer was cut off at the model's limit; make the unit smaller",
    "content-filter": "the model's service filtered its answer out; change the prompt or `model`",
}


class OpenCode:
    """What it may do is for its own settings to say, and for ``allow``: ``edit``, ``bash``, ``bash:git *``, ..."""

    name = "opencode"
    version_argv: tuple[str, ...] = ("opencode", "--version")
    # Asked to go on in another folder, it works in the old one and says nothing.
    abilities = Abilities(resume=True, bound=True, cost=True, tokens=True)

    def check(self, options: Options) -> None:
        require(self.name, "opencode", options)

    def program(self, task: Task) -> Invocation:
        options = task.options
        # With a title of ours it does not ask a model for one.
        argv = ["opencode", "run", "--format", "json", f"--title={task.unit.id}"]
        if options.model is not None:
            argv += ["--model", options.model]
        if task.session:
            argv += ["--session", task.session]
        env = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"}
        if options.allow:
            env["OPENCODE_PERMISSION"] = json.dumps(_permissions(options.allow))
        added = {name: value for name, value in env.items() if name not in options.env}
        return Invocation((*argv, *options.args), added, task.prompt_file)

    def reader(self, task: Task) -> OpenCodeReader:
        return OpenCodeReader(task.cwd)


def _permissions(allow: Sequence[str]) -> dict[str, str | dict[str, str]]:
    """``bash`` allows all of it, ``bash:git *`` what fits the pattern."""
    made: dict[str, str | dict[str, str]] = {}
    for one in allow:
        name, colon, pattern = one.partition(":")
        patterns = made.get(name, {})
        if not colon:
            made[name] = "allow"
        elif isinstance(patterns, dict):
            made[name] = {**patterns, pattern: "allow"}
    return made


class OpenCodeReader:
    """There is no last word on the task: it is done when a step finished with the reason ``stop`` and none followed."""

    def __init__(self, cwd: Path) -> None:
        self._speech = Speech()
        self._denied = DeniedEdits(cwd)
        self._session = ""
        self._tokens: Tokens | None = None
        self._cost: float | None = None
        self._reason = ""
        self._rejected: Denied | None = None
        self._error: Json = None

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        told = parse(data)
        part = fields(told, "part")
        kind = text(told, "type")
        started = self._start(told) if kind else ()
        match kind:
            case "step_start":
                self._reason = ""
            case "text":
                self._speech.restart()
                self._speech.add(text(part, "text"))
                return (*started, *((Said(self._speech.text),) if self._speech.text else ()))
            case "tool_use":
                self._reason = ""
                return (*started, *self._use(part))
            case "step_finish":
                return (*started, *self._finish(part))
            case "error":
                self._error = fields(told, "error")
                self._reason = ""
                return (*started, Finished(self._speech.text, self._problem() or "it said no more"))
        return started

    def _start(self, told: Json) -> Sequence[AgentEvent]:
        session = session_name(text(told, "sessionID"))
        if self._session or not session:
            return ()
        self._session = session
        return (Started(session),)

    def _use(self, part: Json) -> Sequence[AgentEvent]:
        """Tools are told when they have ended."""
        self._speech.restart()
        given = fields(part, "state", "input")
        call = UsedTool(text(part, "tool"), text(given, "filePath"), text(given, "command"))
        if text(part, "state", "status") != "error":
            self._denied.done(call.path)
            return (call,)
        if not any(denial in text(part, "state", "error")[:10_000] for denial in _DENIALS):
            return (call,)
        if call.name in {"write", "edit", "patch", "multiedit"}:
            self._denied.denied(call.path)
        self._rejected = Denied(call.name, call.path, call.command)
        return (call, self._rejected)

    def _finish(self, part: Json) -> Sequence[AgentEvent]:
        self._reason = text(part, "reason")
        tokens = fields(part, "tokens")
        cached, written = count(tokens, "cache", "read"), count(tokens, "cache", "write")
        given = count(tokens, "input") + cached + written
        made = count(tokens, "output") + count(tokens, "reasoning")
        self._tokens = (self._tokens or Tokens()) + Tokens(given, cached, made)
        cost = number(part, "cost")
        if cost is not None:
            self._cost = (self._cost or 0.0) + cost
        used = Used(self._tokens, self._cost)
        return (used, Finished(self._speech.text)) if self._reason == "stop" else (used,)

    def _problem(self) -> str:
        return text(self._error, "data", "message") or text(self._error, "name")

    def verdict(self, ended: Ended) -> Verdict:
        found = self._judged(ended)
        return attrs.evolve(
            found, message=masked(found.message), session=self._session, tokens=self._tokens, cost=self._cost
        )

    def _judged(self, ended: Ended) -> Verdict:
        # A success that was told is one, even where the program then hung.
        if self._reason == "stop" and not self._denied.paths:
            return Verdict(None, self._speech.text.strip())
        cut = cut_short(ended)
        if cut is not None:
            return cut
        if self._denied.paths:
            path = sentence(self._denied.paths[0])
            return Verdict(
                FailureKind.PERMISSION_DENIED,
                f"opencode was not allowed to edit {path}: set `permission` in its settings, or `allow: [edit]`",
            )
        if self._error is not None:
            return self._failed()
        if self._rejected is not None and ended.exit == 0:
            # It does not go on after that.
            what = sentence(f"{self._rejected.name} {self._rejected.path} {self._rejected.command}")
            return Verdict(
                FailureKind.PERMISSION_DENIED,
                f"opencode stopped because it was not allowed to use {what}: set `permission` in its settings, or"
                " `allow` (such as `bash`, `external_directory`)",
            )
        if self._reason in _NOT_DONE:
            return Verdict(FailureKind.REFUSED, f"opencode: {_NOT_DONE[self._reason]}")
        if ended.exit == 0:
            return Verdict(FailureKind.CRASHED, "opencode ended in the middle of its work", retryable=True)
        return by_status(ended)

    def _failed(self) -> Verdict:
        told = fields(self._error, "data")
        if text(self._error, "name") == "ProviderAuthError":
            said = sentence(self._problem())
            return Verdict(FailureKind.NOT_SIGNED_IN, f"opencode: not signed in; {_SIGN_IN} ({said})")
        headers = fields(told, "responseHeaders")
        refused = service.verdict(
            "opencode", count(told, "statusCode"), self._problem(), _SIGN_IN, _seconds(text(headers, "retry-after"))
        )
        if refused is not None:
            return refused
        said = sentence(self._problem()) or "it did not say why"
        return Verdict(FailureKind.CRASHED, f"opencode gave up: {said}", retryable=True)


def _seconds(header: str) -> float | None:
    return float(header) if header.isascii() and header.isdigit() and len(header) < 7 else None  # noqa: PLR2004
