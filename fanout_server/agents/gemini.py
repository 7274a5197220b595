"""The agent ``gemini``: Gemini CLI. Seen with 0.61.0."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from fanout_server.agents import service
from fanout_server.agents.base import Abilities, Invocation, Task, Verdict
from fanout_server.agents.endings import by_status, cut_short
from fanout_server.agents.events import AgentEvent, Finished, Retrying, Said, Started, Used, UsedTool
from fanout_server.agents.heard import Calls, DeniedEdits, Speech, sentence
from fanout_server.agents.installed import require
from fanout_server.agents.json_lines import Json, count, fields, parse, text
from fanout_server.agents.process import Ended
from fanout_server.agents.secret import masked
from fanout_server.agents.sessions import session_name
from fanout_server.model import FailureKind, Options, Tokens

_SIGN_IN = "run `gemini` in a terminal and sign in, or put GEMINI_API_KEY into the environment or `env`"
_HTTP = (400, 401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529)
_CODE = re.compile(r'"code": ?(\d{3})\b', re.ASCII)
_RETRYING = re.compile(rb"Attempt (\d{1,4}) failed with status (\d{3})\. Retrying")
_RETRY_IN = re.compile(r"retry in (\d{1,6}(?:\.\d{1,9})?)s", re.ASCII | re.IGNORECASE)

_HEAD_BYTES = 4096

_EXITS = {
    41: (FailureKind.NOT_SIGNED_IN, f"not signed in; {_SIGN_IN}"),
    52: (FailureKind.CRASHED, "its settings cannot be used; correct ~/.gemini/settings.json"),
    53: (FailureKind.TURN_LIMIT, "the limit of turns is reached; raise it, or make the unit smaller"),
    55: (FailureKind.PERMISSION_DENIED, "it does not trust the folder; run `gemini` there and trust it"),
}


class Gemini:
    """Edits files without asking; what else it may do is for its own settings and ``allow`` to say."""

    name = "gemini"
    version_argv: tuple[str, ...] = ("gemini", "--version")
    abilities = Abilities(resume=True, tokens=True)

    def check(self, options: Options) -> None:
        require(self.name, "gemini", options)

    def program(self, task: Task) -> Invocation:
        options = task.options
        argv = ["gemini", "--output-format", "stream-json", "--approval-mode", "auto_edit", "--skip-trust"]
        if options.model is not None:
            argv += ["--model", options.model]
        if options.allow:
            argv += ["--allowed-tools", ",".join(options.allow)]
        if task.session:
            argv += _resume(task)
        # It would start itself again as a second process, for more memory. How often it asks a busy service again
        # cannot be set from here: since 0.61 a file of settings that is named to it must be root's, with all folders
        # above, and the user's and the worktree's own are not ours to write.
        env = {"GEMINI_CLI_NO_RELAUNCH": "true"}
        added = {name: value for name, value in env.items() if name not in options.env}
        return Invocation((*argv, *options.args), added, task.prompt_file)

    def reader(self, task: Task) -> GeminiReader:
        return GeminiReader(task.cwd)


def _resume(task: Task) -> list[str]:
    """A session is known by its name only in the folder that it began in; in another, by its file."""
    home = next((place for place in map(_variable(task), ("GEMINI_CLI_HOME", "HOME")) if place), "")
    try:
        found = sorted(Path(home, ".gemini", "tmp").glob(f"*/chats/session-*-{task.session[:8]}.jsonl"))
        files = [path for path in found if task.session.encode() in _beginning(path)]
    except OSError:
        files = []
    return ["--session-file", str(files[-1])] if files else ["--resume", task.session]


def _variable(task: Task) -> Callable[[str], str]:
    return lambda name: task.options.env.get(name, os.environ.get(name, ""))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


class GeminiReader:
    """Success is a ``result`` that says so: stopped by SIGTERM the program ends with status 0 and without one."""

    def __init__(self, cwd: Path) -> None:
        self._calls = Calls()
        self._speech = Speech()
        self._denied = DeniedEdits(cwd)
        self._session = ""
        self._tokens: Tokens | None = None
        self._done = False
        self._problem = ""
        self._problem_type = ""

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        told = parse(data)
        if told is None:
            return _retrying(data)
        match text(told, "type"):
            case "init":
                self._session = session_name(text(told, "session_id"))
                return (Started(self._session, text(told, "model")),)
            case "message" if text(told, "role") == "assistant":
                said = text(told, "content")
                self._speech.add(said)
                return (Said(said),) if said else ()
            case "tool_use":
                return (self._use(told),)
            case "tool_result":
                return self._result_of_tool(told)
            case "result":
                return self._result(told)
        return ()

    def _use(self, told: Json) -> UsedTool:
        self._speech.restart()
        parameters = fields(told, "parameters")
        call = UsedTool(text(told, "tool_name"), text(parameters, "file_path"), text(parameters, "command"))
        self._calls.begin(text(told, "tool_id"), call)
        return call

    def _result_of_tool(self, told: Json) -> Sequence[AgentEvent]:
        call = self._calls.end(text(told, "tool_id"))
        if text(told, "status") == "success":
            self._denied.done(call.path)
        return ()

    def _result(self, told: Json) -> Sequence[AgentEvent]:
        self._done = text(told, "status") == "success"
        self._problem = "" if self._done else text(told, "error", "message") or "it said no more"
        self._problem_type = text(told, "error", "type")
        stats = fields(told, "stats")
        # What it thought is paid as output, and only in the total.
        given, total = count(stats, "input_tokens"), count(stats, "total_tokens")
        self._tokens = Tokens(given, count(stats, "cached"), max(count(stats, "output_tokens"), total - given))
        return (Used(self._tokens), Finished(self._speech.text, self._problem))

    def verdict(self, ended: Ended) -> Verdict:
        found = self._judged(ended)
        return attrs.evolve(found, message=masked(found.message), session=self._session, tokens=self._tokens)

    def _judged(self, ended: Ended) -> Verdict:
        # A success that was told is one, even where the program then hung.
        if self._done:
            return Verdict(None, self._speech.text.strip())
        cut = cut_short(ended)
        if cut is not None:
            return cut
        if self._problem_type == "FatalTurnLimitedError":
            return _by_exit(53, "")
        refused = service.verdict("gemini", self._status(ended), self._problem, _SIGN_IN, self._retry_after())
        if refused is not None:
            return refused
        if ended.exit in _EXITS:
            return _by_exit(ended.exit, by_status(ended).message)
        if self._problem:
            return Verdict(FailureKind.CRASHED, f"gemini gave up: {sentence(self._problem)}", retryable=True)
        if ended.exit == 0:
            return Verdict(FailureKind.CRASHED, "gemini ended without a result: it was stopped", retryable=True)
        return by_status(ended)

    def _status(self, ended: Ended) -> int:
        """The service's answer: as it is told, or else by the exit status, which is its lowest eight bits."""
        told = _CODE.search(self._problem[:10_000])
        if told is not None:
            return int(told[1])
        return next((status for status in _HTTP if status & 255 == ended.exit), 0)

    def _retry_after(self) -> float | None:
        told = _RETRY_IN.search(self._problem[:10_000])
        return None if told is None else float(told[1])


def _retrying(data: bytes) -> Sequence[AgentEvent]:
    told = _RETRYING.match(data)
    kind = service.kind_of(int(told[2])) if told else None
    return (Retrying(kind, int(told[1])),) if told and kind else ()


def _by_exit(number: int, told: str) -> Verdict:
    kind, message = _EXITS[number]
    return Verdict(kind, f"gemini: {message}" + (f" ({told})" if told else ""))
