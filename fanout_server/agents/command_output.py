"""What a ``command`` prints, read as its ``output`` option says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import islice

from attrs import evolve

from fanout_server import field_path
from fanout_server.agents.base import Verdict
from fanout_server.agents.endings import by_status, cut_short
from fanout_server.agents.events import AgentEvent, Said, Started, Used
from fanout_server.agents.heard import sentence
from fanout_server.agents.json_lines import Json, at, count, number, parse, text
from fanout_server.agents.output import last_line
from fanout_server.agents.patterns import search
from fanout_server.agents.process import Ended
from fanout_server.agents.secret import masked
from fanout_server.agents.sessions import session_name
from fanout_server.model import CommandOutput, FailureKind, Tokens

_FIELDS = ("session", "text", "cost", "tokens", "error", "success")
_DOCUMENT_BYTES = 4 * 1024 * 1024
_TEXT = 64 * 1024

_BEGINNING = re.compile(r"^[ \t]*(?=[{\[])", re.MULTILINE)
# Warnings in brackets may stand before the document; whoever prints nothing else is not looked through for ever.
_BEGINNINGS = 20


class OutputReader:
    """Success is exit status 0, no ``error``, and ``success`` where that is asked for.

    Of fields that are told more than once the last value counts.
    """

    def __init__(self, output: CommandOutput) -> None:
        self._output = output
        paths = {} if output.format == "text" else {name: getattr(output, name) for name in _FIELDS}
        self._paths = {name: field_path.parse(path) for name, path in paths.items() if path is not None}
        self._told: dict[str, Json] = {}
        self._document = bytearray()

    def line(self, data: bytes) -> Sequence[AgentEvent]:
        if self._output.format == "json":
            self._document += (data + b"\n")[: _DOCUMENT_BYTES - len(self._document)]
        elif self._output.format == "jsonl":
            return self._take(parse(data))
        return ()

    def _take(self, told: Json) -> Sequence[AgentEvent]:
        before = self._session
        new = {name: value for name, path in self._paths.items() if (value := at(told, *path)) is not None}
        self._told |= new
        events: list[AgentEvent] = []
        if self._session != before:
            events.append(Started(self._session))
        if "text" in new and self._text:
            events.append(Said(self._text))
        if self._tokens is not None and ("tokens" in new or "cost" in new):
            events.append(Used(self._tokens, self._cost))
        return events

    @property
    def _session(self) -> str:
        return session_name(text(self._told, "session"))

    @property
    def _text(self) -> str:
        return text(self._told, "text")[:_TEXT]

    @property
    def _cost(self) -> float | None:
        return number(self._told, "cost")

    @property
    def _tokens(self) -> Tokens | None:
        """A number that is not told apart any further counts as input."""
        return None if number(self._told, "tokens") is None else Tokens(count(self._told, "tokens"))

    def verdict(self, ended: Ended) -> Verdict:
        if self._output.format == "json":
            self._take(_document(bytes(self._document)))
        found = cut_short(ended) or self._judged(ended)
        message = masked(found.message)
        return evolve(found, message=message, session=self._session, cost=self._cost, tokens=self._tokens)

    def _judged(self, ended: Ended) -> Verdict:
        problem = self._problem(ended)
        if problem is None:
            return Verdict(None, self._text.strip() or ended.message)
        again = self._output.again
        if again is not None and search(again, _tail(ended)):
            message = f"the service wants it tried again later: {problem.message}"
            return Verdict(FailureKind.RATE_LIMITED, message, retryable=True)
        return problem

    def _problem(self, ended: Ended) -> Verdict | None:
        error = _described(self._told.get("error"))
        if error:
            return Verdict(FailureKind.CRASHED, f"the command told an error: {error}", retryable=True)
        if ended.exit != 0:
            return by_status(ended)
        match self._succeeded(ended):
            case True:
                return None
            case None:
                message = "the pattern `output.success` takes too long on what the command printed: write a simpler one"
                return Verdict(FailureKind.CRASHED, message)
            case _:
                said = sentence(self._text) or last_line(ended.tail) or "nothing"
                message = f"the command ended without what `output.success` asks for; it said last: {said}"
                return Verdict(FailureKind.CRASHED, message, retryable=True)

    def _succeeded(self, ended: Ended) -> bool | None:
        wanted = self._output.success
        if wanted is None:
            return True
        if self._output.format == "text":
            return search(wanted, _tail(ended))
        return _says_something(self._told.get("success"))


def _tail(ended: Ended) -> str:
    return ended.tail.decode("utf-8", "replace")


def _says_something(value: Json) -> bool:
    """A number does, nought as well."""
    return value is not None and value is not False and value not in ("", [], {})


def _described(error: Json) -> str:
    """In a sentence; empty where there is no error."""
    if not _says_something(error):
        return ""
    said = error if isinstance(error, str) else text(error, "message")
    return sentence(said) or "it did not say which"


def _document(data: bytes) -> Json:
    """The longest JSON that begins a line; ``None`` where there is none."""
    printed = data.decode("utf-8", "replace")
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    longest, found, end = 0, None, 0
    for beginning in islice(_BEGINNING.finditer(printed), _BEGINNINGS):
        if beginning.end() < end:
            continue
        try:
            value, end = decoder.raw_decode(printed, beginning.end())
        except (ValueError, RecursionError):
            continue
        if end - beginning.end() > longest:
            longest, found = end - beginning.end(), value
    return found
