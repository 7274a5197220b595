"""What the services have in common: a request is read to ``Asked``, an act of the model becomes a ``Reply``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from attrs import frozen

from fanout_server.agents.json_lines import Json
from tests.standin import script
from tests.standin.script import Use
from tests.standin.tools import Act

Object = Mapping[str, Json]


@frozen
class Asked:
    """``prompt`` is the last thing said that has lines for the stand-in, ``done`` how many tools answered since;
    ``turns`` is how many such things were said, in all of the session.

    ``form`` is the schema that the answer is to have, ``None`` where there is none.
    """

    key: str
    model: str
    stream: bool
    tools: frozenset[str]
    prompt: str
    done: int
    turns: int
    form: Json = None


@frozen
class Document:
    body: Json


@frozen
class Event:
    """One server-sent event. ``data`` that is no JSON is sent as it is."""

    data: Json
    name: str = ""


@frozen
class Events:
    events: tuple[Event, ...]


Reply = Document | Events


class Wire(Protocol):
    """One service's way to speak. ``path`` is without its query; ``number`` makes ids unique."""

    @property
    def name(self) -> str: ...

    def speaks(self, path: str) -> bool: ...

    def count(self, path: str) -> Json:
        """The answer to a question for the number of tokens; ``None`` where it is none."""

    def read(self, path: str, headers: Mapping[str, str], body: Json) -> Asked:
        """Header names are in lower case."""

    def reply(self, asked: Asked, act: Act, use: Use, number: int) -> Reply: ...

    def refusal(self, status: int, message: str) -> Json: ...


def standing(spoken: Iterable[str | None]) -> tuple[str, int, int]:
    """``prompt``, ``done`` and ``turns``, of all that the user's side said; ``None`` stands for a tool's answer."""
    prompt, done, turns = "", 0, 0
    for one in spoken:
        if one is None:
            done += 1
        elif script.lines(one) or not script.lines(prompt):
            prompt, done = one, 0
            turns += bool(script.lines(one))
    return prompt, done, turns


def bearer(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "").removeprefix("Bearer ")
